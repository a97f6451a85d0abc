"""A pool of connections to PostgreSQL.

The connection that was released last is acquired first, so that few connections are busy and their prepared statements
stay in the server's caches.

A caller that finds no free connection waits in a queue, until a deadline. Meanwhile a new connection is opened if the
pool is not full. The first caller in the queue gets the next connection that is released or opened, or the error if
opening fails. A closed connection, or one whose last statement did not finish, is dropped and, if callers wait,
replaced. If PostgreSQL accepts fewer connections than the pool may have, callers wait for the existing ones.

The network may drop connections silently. So a connection that was idle for long is checked before its next use. After
a statement has timed out, all free connections are checked at the same time. Until a connection is known to work,
callers then wait only for a short time (decision 076).
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

import asyncpg

from app.db.database import PoolUse
from app.db.postgres.connecting import Connector
from app.db.postgres.failures import REASONS
from app.settings import Settings

MIN_RETRY_SECONDS: Final = 0.05
MAX_RETRY_SECONDS: Final = 1.0
"""The longest pause between attempts to connect while PostgreSQL accepts no further connection.

The first pause is `MIN_RETRY_SECONDS`, and each further pause is twice as long.
"""
MAX_UNCHECKED_SECONDS: Final = 30.0
"""The idle time after which a connection is checked before it is used."""
CHECK_SECONDS: Final = 0.25
"""The time within which a connection must answer a check."""
DOUBT_SECONDS: Final = 0.4
"""The maximum time for which a caller waits for a connection while it is in doubt whether connections work.

This doubt begins when a statement times out. It ends when a statement succeeds on a connection, or a new one is opened.
"""
_UNFINISHED: Final = (asyncio.CancelledError, TimeoutError, asyncpg.InternalClientError)
"""Errors after which a connection must not be used again: its last statement may still be running, or the server may
have closed the connection without this process having noticed.
"""


class Pool:
    """The PostgreSQL connections of one process, each used by one caller at a time."""

    def __init__(self, settings: Settings) -> None:
        """Start without connections. They are opened when they are first needed."""
        self._connector, self._seconds = Connector(settings), settings.pool_seconds
        self.errors = Counter(dict.fromkeys(REASONS, 0))
        """The number of failures of PostgreSQL, by `Failure.reason`."""
        self._free: list[tuple[Any, float]] = []
        """The connections that no caller uses, each with the time of its release. The last one is acquired first."""
        self._size = self._unused_capacity = settings.database_pool
        self._queue: deque[asyncio.Future[Any]] = deque()
        self._refused = False
        """Whether PostgreSQL refused the last attempt to connect because it has too many connections."""
        self._in_doubt = False
        """Whether a statement has timed out and no connection has worked since then."""
        self._connecting: set[asyncio.Task[None]] = set()
        self._checking: set[asyncio.Task[None]] = set()

    @property
    def use(self) -> PoolUse:
        """How many connections are in use now, and how many callers wait for one."""
        in_use = self._size - self._unused_capacity - len(self._free) - len(self._connecting) - len(self._checking)
        return PoolUse(self._size, in_use, sum(not waiter.done() for waiter in self._queue))

    async def acquire(self) -> Any:
        """Return a connection. If opening a connection fails, raise the error.

        If no connection is available within `pool_seconds`, raise `TimeoutError`, or `TooManyConnectionsError` if
        PostgreSQL accepts no further connection. The wait is shorter while connections are in doubt (`DOUBT_SECONDS`).
        """
        while self._free:
            connection, released_at = self._free.pop()
            if connection.is_closed():
                self._unused_capacity += 1
            elif time.monotonic() - released_at > MAX_UNCHECKED_SECONDS:
                self._start(self._checking, self._check(connection))
            else:
                return connection
        if self._unused_capacity and not self._checking:
            self._unused_capacity -= 1
            self._start(self._connecting, self._connect())
        return await self._wait()

    def release(self, connection: Any, error: BaseException | None) -> None:
        """Give a connection to the next caller, or drop the connection if it is unusable.

        `error` is the error that the last use of the connection raised, or None.
        """
        if connection.is_closed() or connection.is_in_transaction() or isinstance(error, _UNFINISHED):
            connection.terminate()
            if isinstance(error, TimeoutError):
                self._doubt()
            self._replace()
        else:
            if error is None:
                self._in_doubt = False
            self._pass_on(connection)

    async def close(self) -> None:
        """Close every connection that no caller uses. Stop opening and checking connections."""
        running = self._connecting | self._checking
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        while self._free:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError):
                await self._free.pop()[0].close(timeout=CHECK_SECONDS)

    @staticmethod
    def _start(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        """Open or check a connection in a task, which continues even if the caller that started it is cancelled."""
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _doubt(self) -> None:
        """Check every connection that no caller uses, because a statement has timed out."""
        self._in_doubt = True
        free, self._free = self._free, []
        for connection, _ in free:
            self._start(self._checking, self._check(connection))

    async def _check(self, connection: Any) -> None:
        """Execute a statement on a connection. If it succeeds, give the connection to the next caller; else drop it."""
        try:
            await connection.execute("SELECT 1", timeout=CHECK_SECONDS)
        except asyncio.CancelledError:
            connection.terminate()
            raise
        except Exception as error:  # noqa: BLE001 - after any error the connection cannot be used
            connection.terminate()
            if isinstance(error, TimeoutError) and not self._in_doubt:
                self._doubt()
            self._replace()
        else:
            self._in_doubt = False
            self._pass_on(connection)

    async def _connect(self) -> None:
        try:
            connection = await self._connect_when_admitted()
        except Exception as error:  # noqa: BLE001 - the head of the queue raises it
            if (waiter := self._next_waiter()) is not None:
                waiter.set_exception(error)
            self._replace()
        else:
            self._in_doubt = False
            self._pass_on(connection)

    async def _connect_when_admitted(self) -> Any:
        """Return a new connection. While PostgreSQL accepts no further connection, try again as long as a caller waits.

        Meanwhile callers wait for the existing connections, as if the pool were smaller.
        """
        pause = MIN_RETRY_SECONDS
        while True:
            try:
                connection = await self._connector.connect()
            except asyncpg.TooManyConnectionsError:
                self._refused = True
                await asyncio.sleep(pause)
                pause = min(pause * 2, MAX_RETRY_SECONDS)
                if all(waiter.done() for waiter in self._queue):
                    raise
            else:
                self._refused = False
                return connection

    async def _wait(self) -> Any:
        """Wait in the queue for a connection, and return it."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._queue.append(waiter)
        seconds = min(self._seconds, DOUBT_SECONDS) if self._in_doubt else self._seconds
        deadline = loop.call_later(seconds, self._time_out, waiter)  # half the cost of `asyncio.timeout`
        try:
            return await waiter
        except asyncio.CancelledError:
            if not (waiter.cancelled() or waiter.exception()):  # a connection came before the cancellation
                self._pass_on(waiter.result())
            raise
        finally:
            deadline.cancel()

    def _pass_on(self, connection: Any) -> None:
        """Give a connection to the first caller in the queue, or keep it as free if no caller waits."""
        if (waiter := self._next_waiter()) is None:
            self._free.append((connection, time.monotonic()))
        else:
            waiter.set_result(connection)

    def _replace(self) -> None:
        """Open a connection to replace one that was dropped.

        If no caller waits, open none: the pool may then open one more connection later.
        """
        if all(waiter.done() for waiter in self._queue):
            self._unused_capacity += 1
        else:
            self._start(self._connecting, self._connect())

    def _next_waiter(self) -> asyncio.Future[Any] | None:
        """Remove the first caller that still waits from the queue, and return its future; None if no caller waits."""
        while self._queue:
            waiter = self._queue.popleft()
            if not waiter.done():
                return waiter
        return None

    def _time_out(self, waiter: asyncio.Future[Any]) -> None:
        with suppress(asyncio.InvalidStateError):  # the caller got a connection in the same turn of the event loop
            waiter.set_exception(asyncpg.TooManyConnectionsError() if self._refused else TimeoutError())
