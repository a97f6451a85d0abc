"""Waiting for a change of a feed, in a long poll or an event stream.

A waiter holds no database connection. It reads the feed when it is notified of a change, and at least every 15 seconds,
since a notification may be lost; each read also checks that the device is still signed in. Waiting ends when the client
disconnects, the server shuts down, or another account with fewer waiting requests gets the slot of this one.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import UUID

from app.http import ClientConnection
from app.problems import TooManyWaiting
from app.server.waiting_slots import Slot
from app.services import Services

MAX_READ_INTERVAL: Final = 15.0
"""The longest time between two reads of the feed by one waiter, in seconds."""
_MIN_READ_INTERVAL: Final = 0.1
"""The shortest time between two reads of the feed by one waiter, in seconds.

Without it, an account that writes continuously, with many waiting devices, would keep the database busy.
"""


class Waiter:
    """A request that waits for changes of one account or clinic."""

    def __init__(self, changed: asyncio.Event, ends: list[asyncio.Task[object]], slot: Slot) -> None:
        """Take the event that each change sets. The waiting ends when a task in `ends` is done, or when `slot` ends."""
        self._changed, self._ends, self._slot = changed, ends, slot
        self._next_read = 0.0
        for end in ends:
            end.add_done_callback(lambda _: changed.set())

    async def wait(self, seconds: float = math.inf) -> bool:
        """Wait until there may be a change, or `seconds` or `MAX_READ_INTERVAL` have passed.

        Return False if the waiting has ended, and otherwise True: then read the feed.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, MAX_READ_INTERVAL)):
                await self._changed.wait()
        await asyncio.sleep(self._next_read - time.monotonic())
        self._next_read = time.monotonic() + _MIN_READ_INTERVAL
        self._changed.clear()
        return not (self._slot.is_ended or any(end.done() for end in self._ends))


@asynccontextmanager
async def waiting(
    services: Services, id: UUID, reader: ClientConnection, *, is_stream: bool = False
) -> AsyncIterator[Waiter]:
    """Yield a waiter for changes of the account or clinic `id`. Until the block ends, the request counts as waiting.

    Raise `TooManyWaiting` if too many requests wait for `id`, or `Unavailable` if too many wait in total.
    """
    notifier, limiter = services.db.notifier, services.limiter
    if notifier.subscribers(id) >= services.settings.max_waiting_each:
        raise TooManyWaiting
    with (
        notifier.subscribe(id) as changed,
        limiter.long_poll_slot(id, changed.set, is_stream=is_stream) as slot,
        limiter.shares.paused(id),
    ):
        ends: list[asyncio.Task[object]] = [
            asyncio.create_task(reader.closed()),
            asyncio.create_task(limiter.draining.wait()),
        ]
        try:
            yield Waiter(changed, ends, slot)
        finally:
            for end in ends:
                end.cancel()
