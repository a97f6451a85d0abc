"""Wake-ups through PostgreSQL: LISTEN and NOTIFY, on one connection of their own for each worker.

A writer only leaves the owner's id here; a task sends what was left, all of it in one statement, outside of anybody's
transaction. So a write does not wait for it, and many writes share one round trip. A connection that is lost is
replaced, ever more patiently; then whoever waits is asked to look, for what may have been missed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

import asyncpg

from app import observability
from app.db.notifications import ChangeNotifier
from app.settings import Settings

_CHANNEL: Final = "afterglow_feed"
_NOTIFY: Final = "SELECT pg_notify($1, owner) FROM unnest($2::text[]) owner"
_SERVER_SETTINGS: Final = {"application_name": "afterglow wakes", "synchronous_commit": "off"}
"""Nothing is stored, so nothing needs to reach a disk."""
_SILENCE: Final = 15.0
"""Seconds after which a silent connection is tried."""
_APART: Final = 0.02
"""Seconds between two statements, so that a busy worker tells of many writes at once."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 10.0


class PostgresChangeNotifier(ChangeNotifier):
    """Wake-ups among all workers of one database."""

    def __init__(self, settings: Settings) -> None:
        """Remember where the database is; the first who waits or tells makes the connection."""
        super().__init__()
        self._settings = settings
        self._told: set[str] = set()
        self._due = asyncio.Event()

    def notify(self, owner_id: UUID) -> None:
        """Wake who waits for the owner's news: here at once, elsewhere in a moment."""
        super().notify(owner_id)
        self._told.add(str(owner_id))
        self._due.set()
        self._begin()

    async def _hear(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._connected() as connection:
                    pause = _FIRST_PAUSE
                    self._ring_everybody()
                    while True:
                        await self._pass_on(connection)
            except (
                OSError,
                TimeoutError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
                asyncpg.PostgresError,
            ) as error:
                observability.log_event("wakes-unavailable", error=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        seconds = self._settings.statement_seconds
        connection = await asyncpg.connect(
            self._settings.database_url, timeout=seconds, command_timeout=seconds, server_settings=_SERVER_SETTINGS
        )
        try:
            await connection.add_listener(_CHANNEL, self._heard)
            connection.add_termination_listener(lambda _: self._due.set())
            yield connection
        finally:
            connection.terminate()

    async def _pass_on(self, connection: Any) -> None:
        """Send what was told, as soon as there is something; in silence, nothing, to see whether somebody is there."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SILENCE):
                await self._due.wait()
        self._due.clear()
        told, self._told = self._told, set()
        try:
            await connection.fetch(_NOTIFY, _CHANNEL, [*told])
        except BaseException:
            self._told |= told
            raise
        await asyncio.sleep(_APART)

    def _heard(self, connection: Any, pid: int, _channel: str, owner: str) -> None:
        if pid != connection.get_server_pid():
            self._ring(owner)
