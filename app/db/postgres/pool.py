"""A pool of connections to PostgreSQL. The connection that was released last is acquired first, so that few connections
are busy and their prepared statements stay in the server's caches.

A caller that finds no free connection waits in a queue, until a deadline. At the same time a new connection is made if
the pool is not full. The head of the queue gets the connection that comes first, released or new, or the error if none
can be made. A closed connection, or one whose last statement did not finish, is dropped and, if callers wait, replaced.
If PostgreSQL accepts fewer connections than the pool may have, callers wait for the existing ones.
"""

import asyncio
from collections import Counter, deque
from contextlib import suppress
from typing import Any, Final

import asyncpg

from app.db.database import PoolUse
from app.db.postgres.connecting import Connector
from app.db.postgres.failures import REASONS
from app.settings import Settings

MIN_RETRY_SECONDS: Final = 0.05
MAX_RETRY_SECONDS: Final = 1.0
"""The pauses between tries to connect while PostgreSQL accepts no further connection."""
_UNFINISHED: Final = (asyncio.CancelledError, TimeoutError, asyncpg.InternalClientError)
"""Errors after which a connection may not be used again: its last statement may still run, or the server may have closed
it without this process having received the end yet.
"""


class Pool:
    """Connections, each used by one caller at a time."""

    def __init__(self, settings: Settings) -> None:
        """Start without connections. They are made when they are first needed."""
        self._connector, self._seconds = Connector(settings), settings.pool_seconds
        self.errors = Counter(dict.fromkeys(REASONS, 0))
        """How often PostgreSQL failed, by the failure's reason."""
        self._free: list[Any] = []
        self._size = self._unused_capacity = settings.database_pool
        self._queue: deque[asyncio.Future[Any]] = deque()
        self._refused = False
        """Whether PostgreSQL refused the last attempt because of its number of connections."""
        self._connecting: set[asyncio.Task[None]] = set()

    @property
    def use(self) -> PoolUse:
        """How the connections are used now."""
        in_use = self._size - self._unused_capacity - len(self._free) - len(self._connecting)
        return PoolUse(self._size, in_use, sum(not waiter.done() for waiter in self._queue))

    async def acquire(self) -> Any:
        """Return a connection. Raise the error if none could be made.

        After `pool_seconds`, raise `TimeoutError`, or the error because of which PostgreSQL accepts no further connection.
        """
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
            self._unused_capacity += 1
        if self._unused_capacity:
            self._unused_capacity -= 1
            self._start_connecting()
        return await self._wait()

    def release(self, connection: Any, error: BaseException | None) -> None:
        """Pass a connection to the next caller, or drop it if it is unusable. `error` is what its last use raised."""
        if connection.is_closed() or connection.is_in_transaction() or isinstance(error, _UNFINISHED):
            connection.terminate()
            self._replace()
        else:
            self._pass_on(connection)

    async def close(self) -> None:
        """Close every connection that is not in use."""
        for connecting in self._connecting:
            connecting.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        while self._free:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError):
                await self._free.pop().close()

    def _start_connecting(self) -> None:
        """Make a connection in a task, which continues if the caller that caused it is cancelled."""
        connecting = asyncio.create_task(self._connect())
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        try:
            connection = await self._connect_when_admitted()
        except Exception as error:  # noqa: BLE001 - the head of the queue raises it
            if (waiter := self._next_waiter()) is not None:
                waiter.set_exception(error)
            self._replace()
        else:
            self._pass_on(connection)

    async def _connect_when_admitted(self) -> Any:
        """Return a new connection. While PostgreSQL accepts no further one, try again for as long as a caller waits.

        So callers wait for the existing connections, as if the pool were smaller.
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
        """Wait in the queue for a connection."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._queue.append(waiter)
        deadline = loop.call_later(self._seconds, self._time_out, waiter)  # half the cost of `asyncio.timeout`
        try:
            return await waiter
        except asyncio.CancelledError:
            if not (waiter.cancelled() or waiter.exception()):  # it got a connection before it noticed the cancellation
                self._pass_on(waiter.result())
            raise
        finally:
            deadline.cancel()

    def _pass_on(self, connection: Any) -> None:
        """Give a connection to the head of the queue, or keep it if no caller waits."""
        if (waiter := self._next_waiter()) is None:
            self._free.append(connection)
        else:
            waiter.set_result(connection)

    def _replace(self) -> None:
        """Make a connection in place of one that was dropped, or only free its capacity if no caller waits."""
        if all(waiter.done() for waiter in self._queue):
            self._unused_capacity += 1
        else:
            self._start_connecting()

    def _next_waiter(self) -> asyncio.Future[Any] | None:
        """Remove the head of the queue, and return it; waiters that gave up are skipped."""
        while self._queue:
            waiter = self._queue.popleft()
            if not waiter.done():
                return waiter
        return None

    def _time_out(self, waiter: asyncio.Future[Any]) -> None:
        with suppress(asyncio.InvalidStateError):  # it got a connection in the same turn of the event loop
            waiter.set_exception(asyncpg.TooManyConnectionsError() if self._refused else TimeoutError())
