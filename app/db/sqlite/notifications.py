"""Wake-ups on SQLite: at once within the process; once a second, while somebody waits, for what other processes write.

The file says whether another process wrote, not for whom: then everybody who waits is asked to look.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from app.db.notifications import ChangeNotifier
from app.problems import Unavailable

_SECONDS: Final = 1.0


class SqliteChangeNotifier(ChangeNotifier):
    """Wake-ups among all processes on one file."""

    def __init__(self, changes_elsewhere: Callable[[], Awaitable[int]]) -> None:
        """Take who tells a number that changes with every commit of another process."""
        super().__init__()
        self._changes_elsewhere = changes_elsewhere

    async def _hear(self) -> None:
        known: int | None = None  # so that the first look rings: a write may have come before it
        while self._bells:
            with suppress(Unavailable):
                changes = await self._changes_elsewhere()
                if changes != known:
                    self._ring_everybody()
                known = changes
            await asyncio.sleep(_SECONDS)
