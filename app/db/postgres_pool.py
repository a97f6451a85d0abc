"""The pool: open connections to PostgreSQL, of which the last one given back is the first one taken, so that few are
kept busy and their statements warm.

Who finds none free and no place for another one waits in line, by a deadline. A connection that is given back goes to
the head of the line; one that is closed, or whose last statement never ended, is dropped, and its place goes instead.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, Final

import asyncpg
import orjson

from app.settings import Settings

SESSION: Final = {
    "application_name": "afterglow",
    "random_page_cost": "1.1",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""What each connection tells the server: who it is; that disks seek fast, so that pages come sorted by an index; and that
every statement begins with a few keys, each of which is to be looked up, however small the table.
"""
_STATEMENTS_KEPT: Final = 1000
_CUT_SHORT: Final = (asyncio.CancelledError, TimeoutError, asyncpg.InternalClientError)
"""What leaves a connection in the middle of something, or finds it so: the server may have ended it, and its end be still on
the way.
"""


async def connected(settings: Settings) -> asyncpg.Connection:
    """Return a new connection, on which every wait has its deadline."""
    seconds = settings.statement_seconds
    milliseconds = str(int(seconds * 1000))
    connection = await asyncpg.connect(
        settings.database_url,
        timeout=seconds,
        command_timeout=seconds,
        statement_cache_size=_STATEMENTS_KEPT,
        max_cached_statement_lifetime=0,
        server_settings={
            **SESSION,
            "statement_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
        },
    )
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )
    return connection


class Pool:
    """Connections, each of which one at a time may have."""

    def __init__(self, settings: Settings) -> None:
        """Begin with none; they are made as they are needed."""
        self._settings = settings
        self._free: list[Any] = []
        self._places = settings.database_pool
        self._line: deque[asyncio.Future[Any]] = deque()

    async def take(self) -> Any:
        """Return a connection; raise `TimeoutError` where none came free in time."""
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
            self._places += 1
        if self._places:
            self._places -= 1
        elif (connection := await self._turn()) is not None:
            return connection
        async with asyncio.timeout(self._settings.pool_seconds):
            return await self._made()

    def give_back(self, connection: Any, error: BaseException | None) -> None:
        """Let the next one have a connection, unless `error` says that it was left in the middle of something."""
        if connection.is_closed() or connection.is_in_transaction() or isinstance(error, _CUT_SHORT):
            connection.terminate()
            connection = None
        self._pass_on(connection)

    async def close(self) -> None:
        """Close every connection that nobody has."""
        while self._free:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError):
                await self._free.pop().close()

    async def _made(self) -> Any:
        try:
            return await connected(self._settings)
        except BaseException:
            self._pass_on(None)
            raise

    async def _turn(self) -> Any:
        """Wait in line; return a connection, or None where there is a place for one."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._line.append(turn)
        late = loop.call_later(self._settings.pool_seconds, _give_up, turn)  # `asyncio.timeout` takes twice as long
        try:
            return await turn
        except asyncio.CancelledError:
            if not (turn.cancelled() or turn.exception()):  # it came in the very moment
                self._pass_on(turn.result())
            raise
        finally:
            late.cancel()

    def _pass_on(self, connection: Any | None) -> None:
        """Give a connection, or the place for one, to whoever has waited longest."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._places += 1
        else:
            self._free.append(connection)


def _give_up(turn: asyncio.Future[Any]) -> None:
    with suppress(asyncio.InvalidStateError):  # it came in the very moment
        turn.set_exception(TimeoutError())
