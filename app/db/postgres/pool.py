"""The pool: open connections to PostgreSQL, of which the last one given back is the first one taken, so that few are
kept busy and their statements warm.

Who finds none free waits in line, by a deadline, while another one is made, if there is a place for it: whatever comes
first, made or given back, goes to the head of the line. One that is closed, or whose last statement never ended, is
dropped, and another made in its place, if anybody waits; that none can be made is told to the head of the line.
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
    try:
        await connection.set_type_codec(
            "json", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
        )
    except BaseException:
        connection.terminate()
        raise
    return connection


class Pool:
    """Connections, each of which one at a time may have."""

    def __init__(self, settings: Settings) -> None:
        """Begin with none; they are made as they are needed."""
        self._settings = settings
        self._free: list[Any] = []
        self._places = settings.database_pool
        self._line: deque[asyncio.Future[Any]] = deque()
        self._making: set[asyncio.Task[None]] = set()

    async def take(self) -> Any:
        """Return a connection; raise `TimeoutError` where none came in time, or why none could be made."""
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
            self._places += 1
        if self._places:
            self._places -= 1
            self._make()
        return await self._turn()

    def give_back(self, connection: Any, error: BaseException | None) -> None:
        """Let the next one have a connection, unless `error` says that it was left in the middle of something."""
        if connection.is_closed() or connection.is_in_transaction() or isinstance(error, _CUT_SHORT):
            connection.terminate()
            self._replace()
        else:
            self._pass_on(connection)

    async def close(self) -> None:
        """Close every connection that nobody has."""
        for making in self._making:
            making.cancel()
        await asyncio.gather(*self._making, return_exceptions=True)
        while self._free:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError):
                await self._free.pop().close()

    def _make(self) -> None:
        """Begin to make a connection; whoever wants it may leave meanwhile."""
        making = asyncio.create_task(self._made())
        self._making.add(making)
        making.add_done_callback(self._making.discard)

    async def _made(self) -> None:
        try:
            connection = await connected(self._settings)
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            if (turn := self._next()) is not None:
                turn.set_exception(error)
            self._replace()
        else:
            self._pass_on(connection)

    async def _turn(self) -> Any:
        """Wait in line for a connection."""
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

    def _pass_on(self, connection: Any) -> None:
        """Give a connection to whoever has waited longest."""
        if (turn := self._next()) is None:
            self._free.append(connection)
        else:
            turn.set_result(connection)

    def _replace(self) -> None:
        """Make a connection where one was lost, or leave its place free where nobody waits."""
        if all(turn.done() for turn in self._line):
            self._places += 1
        else:
            self._make()

    def _next(self) -> asyncio.Future[Any] | None:
        """Take out of the line who has waited longest, and still does."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                return turn
        return None


def _give_up(turn: asyncio.Future[Any]) -> None:
    with suppress(asyncio.InvalidStateError):  # it came in the very moment
        turn.set_exception(TimeoutError())
