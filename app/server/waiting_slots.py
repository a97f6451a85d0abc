"""Waiting slots: limit the long polls and event streams of a worker, and share them fairly among accounts.

If all slots are taken, the account with the most slots gives one up to any account that has at least two fewer. The
oldest long poll or event stream of the account with the most slots ends, as it does at a shutdown. Its client sends the
request again, and gets a slot under the same rule.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager


class Slot:
    """A slot that one long poll or event stream holds. `is_ended` becomes true if another account gets the slot."""

    __slots__ = ("is_ended", "wake")

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` wakes the request when another account gets its slot."""
        self.is_ended = False
        self.wake = wake


class WaitingSlots:
    """The slots of one worker. Each open long poll or event stream holds one."""

    def __init__(self, limit: int) -> None:
        """Start with `limit` free slots."""
        self.limit = limit
        self.taken = 0
        self._of: dict[Hashable, list[Slot]] = {}

    @contextmanager
    def take(self, account: Hashable, wake: Callable[[], None]) -> Iterator[Slot | None]:
        """Yield a slot for the block, or None if all are taken and no account has at least two more than this account.

        `wake` is called if another account gets the slot.
        """
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
