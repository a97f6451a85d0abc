"""Waiting slots: how many long polls and event streams a worker has, shared fairly by accounts.

If all slots are taken, an account that has at least two fewer than another one gets a slot of that one: its oldest wait is
ended, as at a shutdown. The client of an ended wait asks again, and gets a slot only if it still has fewer than others.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager


class Slot:
    """A slot that a request has. `is_ended` is set if another account gets it."""

    __slots__ = ("is_ended", "wake")

    def __init__(self, wake: Callable[[], None]) -> None:
        """Take the function that wakes the request."""
        self.is_ended = False
        self.wake = wake


class WaitingSlots:
    """The slots of a worker."""

    def __init__(self, limit: int) -> None:
        """Start with `limit` free slots."""
        self.limit = limit
        self.taken = 0
        self._of: dict[Hashable, list[Slot]] = {}

    @contextmanager
    def take(self, account: Hashable, wake: Callable[[], None]) -> Iterator[Slot | None]:
        """Yield a slot for the block, or None if none is free and no account has two more than this one."""
        if self.taken >= self.limit and not self._end_one_of_another(account):
            yield None
            return
        slot = Slot(wake)
        self.taken += 1
        self._of.setdefault(account, []).append(slot)
        try:
            yield slot
        finally:
            self.taken -= 1
            self._remove(account, slot)

    def _end_one_of_another(self, account: Hashable) -> bool:
        other = max(self._of, key=lambda each: len(self._of[each]), default=account)
        if len(self._of.get(other, ())) < len(self._of.get(account, ())) + 2:
            return False
        slot = self._of[other][0]
        self._remove(other, slot)
        slot.is_ended = True
        slot.wake()
        return True

    def _remove(self, account: Hashable, slot: Slot) -> None:
        if not slot.is_ended:
            self._of[account].remove(slot)
            if not self._of[account]:
                del self._of[account]
