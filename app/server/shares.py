"""Shares: limit the requests of one account that a worker answers at the same time.

An account may exceed its share while no other account has a request. Otherwise its further requests wait, in the order
of arrival. If too many requests of an account wait, further ones are refused, so that one account never uses up the
worker's limit.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from app.problems import Unavailable

MAX_WAIT_SECONDS: Final = 5.0
BUSY: Final = (
    "This account or clinic has too many requests in flight while others wait. Send fewer requests at the same time, "
    "and this request again after the number of seconds in Retry-After."
)


class RequestShares:
    """Counts the requests of each account that are being answered. `account` is the id of an account or of a clinic."""

    def __init__(self, max_each: int, max_all: Callable[[], int]) -> None:
        """`max_each` is the share of an account. `max_all` returns the worker's current limit of requests in flight."""
        self._max_each, self._max_all = max_each, max_all
        self._counts: dict[Hashable, int] = {}
        self._total = 0
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    def enter(self, account: Hashable) -> bool:
        """Count a request of an account, and return True.

        If the account already has `max_each` requests in flight, and other accounts have some, too, return False without
        counting it: the request must `wait`.
        """
        count = self._counts.get(account, 0)
        if count >= self._max_each and (count != self._total or self._waiting):
            return False
        self._counts[account] = count + 1
        self._total += 1
        return True

    async def wait(self, account: Hashable) -> None:
        """Wait until the request can be counted, and count it.

        Raise `Unavailable` if too many requests of the account wait, or after `MAX_WAIT_SECONDS`.
        """
        number = self._counts.get(account, 0) + len(self._waiting.get(account, ()))
        if number >= max(self._max_each, self._max_all() // 2):
            raise Unavailable(BUSY)
        queue = self._waiting.setdefault(account, deque())
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():  # the request was counted in the same turn of the event loop
                self.leave(account)
            else:
                with suppress(ValueError):  # `leave` has removed it
                    queue.remove(turn)
                self._forget_if_empty(account)
            if isinstance(error, TimeoutError):
                raise Unavailable(BUSY) from None
            raise

    def leave(self, account: Hashable) -> None:
        """Stop counting a request. Of all accounts, count and wake the waiting requests that may now be answered."""
        self._add(account, -1)
        for each in [*self._waiting]:
            self._admit(each)

    @contextmanager
    def paused(self, account: Hashable) -> Iterator[None]:
        """Do not count a request of the account during the block, in which the request waits for changes."""
        if account not in self._counts:
            yield
            return
        self.leave(account)
        try:
            yield
        finally:
            self._add(account, 1)

    def _admit(self, account: Hashable) -> None:
        queue = self._waiting[account]
        while queue and ((count := self._counts.get(account, 0)) < self._max_each or count == self._total):
            turn = queue.popleft()
            if not turn.done():
                self._add(account, 1)
                turn.set_result(None)
        self._forget_if_empty(account)

    def _add(self, account: Hashable, number: int) -> None:
        self._total += number
        count = self._counts.get(account, 0) + number
        if count:
            self._counts[account] = count
        else:
            del self._counts[account]

    def _forget_if_empty(self, account: Hashable) -> None:
        if not self._waiting.get(account, True):
            del self._waiting[account]
