"""Waiting for news of one's own feed: a long poll answers with it, a stream goes on with it.

Whoever waits holds no database connection. They look at the feed when they are woken, and every 15 seconds all the
same; each look asks again whether their device is signed in. Waiting ends when the caller hangs up, or the server is
about to stop.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from app.http import ClientConnection
from app.problems import TooManyWaiting
from app.records.view import View

LOOK_SECONDS: Final = 15.0
"""The longest that anybody goes without a look."""
_APART_SECONDS: Final = 0.1
"""The shortest: twenty devices of somebody who writes without pause must not keep the database busy by looking."""


class Waiter:
    """Somebody who waits, until one of the reasons to end comes about."""

    def __init__(self, bell: asyncio.Event, ends: list[asyncio.Task[object]]) -> None:
        """Take what wakes, and what ends the waiting."""
        self._bell, self._ends = bell, ends
        self._next_look = 0.0
        for end in ends:
            end.add_done_callback(lambda _: bell.set())

    async def rest(self, seconds: float = math.inf) -> bool:
        """Wait until there may be news, the time is out, or a look is due; say whether to go on waiting after that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LOOK_SECONDS)):
                await self._bell.wait()
        await asyncio.sleep(self._next_look - time.monotonic())
        self._next_look = time.monotonic() + _APART_SECONDS
        self._bell.clear()
        return not any(end.done() for end in self._ends)


@asynccontextmanager
async def waiting(view: View, reader: ClientConnection) -> AsyncIterator[Waiter]:
    """Let the caller wait in here; raise `TooManyWaiting` where they do too often already, `Unavailable` where all do."""
    services = view.caller.services
    notifier, limiter = view.db.notifier, services.limiter
    if notifier.subscribers(view.owner_id) >= services.settings.max_waiting_each:
        raise TooManyWaiting
    with limiter.long_poll_slot(), notifier.subscribe(view.owner_id) as bell:
        ends: list[asyncio.Task[object]] = [
            asyncio.create_task(reader.closed()),
            asyncio.create_task(limiter.draining.wait()),
        ]
        try:
            yield Waiter(bell, ends)
        finally:
            for end in ends:
                end.cancel()
