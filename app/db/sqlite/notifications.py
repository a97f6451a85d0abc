"""Change notifications on SQLite: immediate within the process, and by polling the file once a second across processes.

The file shows only that another process has committed, not for which owner, so a commit wakes all subscribers. The file
is polled only while there are subscribers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from app.db.notifications import ChangeNotifier
from app.problems import Unavailable

_POLL_SECONDS: Final = 1.0


class SqliteChangeNotifier(ChangeNotifier):
    """Wakes subscribers of this process at changes of all processes that use the same SQLite file."""

    def __init__(self, data_version: Callable[[], Awaitable[int]]) -> None:
        """`data_version` returns a number that changes when another process has committed."""
        super().__init__()
        self._data_version = data_version

    async def _listen(self) -> None:
        known: int | None = None  # the first poll wakes all: another process may have written before
        while self._events:
            with suppress(Unavailable):
                version = await self._data_version()
                if version != known:
                    self._wake_all()
                known = version
            await asyncio.sleep(_POLL_SECONDS)
