"""Turns: a lock for each key, such as an owner's id. Waiting tasks get the lock in the order of arrival.

The writes of one owner run one after the other in any case, because each locks the owner's feed. If they waited for
this lock in the database, each would hold a connection in the meantime, and a few writes of one owner would use up the
pool.
"""

import asyncio
from collections import deque
from collections.abc import Hashable

from app.problems import Unavailable


class Turns:
    """The locks of a process: one for each hashable value that is locked, such as the id of an owner."""

    def __init__(self, max_seconds: float) -> None:
        """Start with all keys unlocked. A task waits for a lock at most `max_seconds`."""
        self._max_seconds = max_seconds
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        """For each locked key, the tasks that wait for its lock."""

    async def take(self, key: Hashable) -> "Turn":
        """Acquire the lock of `key`, and return it. The caller must call its `release`.

        Wait while another task holds it. Raise `Unavailable` if that takes longer than the limit given at the creation.
        """
        queue = self._waiting.get(key)
        if queue is None:
            self._waiting[key] = deque()
            return Turn(self, key)
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(self._max_seconds):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():  # the task got the lock in the same turn of the event loop
                self.pass_on(key)
            if isinstance(error, TimeoutError):
                raise Unavailable from None
            raise
        return Turn(self, key)

    def pass_on(self, key: Hashable) -> None:
        """Give the lock of a key to the task that has waited longest, or unlock the key if no task waits."""
        queue = self._waiting[key]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[key]


class Turn:
    """The lock of one key, held by one task until it calls `release`."""

    __slots__ = ("_is_held", "_key", "_turns")

    def __init__(self, turns: Turns, key: Hashable) -> None:
        """Hold the lock of `key`."""
        self._turns, self._key, self._is_held = turns, key, True

    def release(self) -> None:
        """Give the lock to the next task that waits for it. Do nothing at a second call."""
        if self._is_held:
            self._is_held = False
            self._turns.pass_on(self._key)
