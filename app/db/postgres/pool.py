"""A pool of connections to PostgreSQL. The connection that was released last is acquired first, so that few connections
are busy and their prepared statements stay in the server's caches.

A caller that finds no free connection waits in a queue, until a deadline. At the same time a new connection is made if
the pool is not full. The head of the queue gets the connection that comes first, released or new, or the error if none
can be made. A closed connection, or one whose last statement did not finish, is dropped and, if callers wait, replaced.
If PostgreSQL accepts fewer connections than the pool may have, callers wait for the existing ones.

The network may drop connections without a sign. So a connection that was idle for long is checked before its next use,
and after a statement that timed out all free ones are, at the same time; until one of them works, or a new one does,
callers wait for a short time only (decision 076).
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
"""The pauses between tries to connect while PostgreSQL accepts no further connection."""
MAX_UNCHECKED_SECONDS: Final = 30.0
"""How long a connection may have been idle to be used without a check."""
CHECK_SECONDS: Final = 0.25
"""The deadline of a check."""
DOUBT_SECONDS: Final = 0.4
"""How long callers wait for a connection after a statement has timed out, until a connection is known to work."""
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
        self._free: list[tuple[Any, float]] = []
        """The free connections, and when each was released; the last one is the next to be acquired."""
        self._size = self._unused_capacity = settings.database_pool
        self._queue: deque[asyncio.Future[Any]] = deque()
        self._refused = False
        """Whether PostgreSQL refused the last attempt because of its number of connections."""
        self._in_doubt = False
        """Whether a statement has timed out, and no connection has worked since."""
        self._connecting: set[asyncio.Task[None]] = set()
        self._checking: set[asyncio.Task[None]] = set()

    @property
    def use(self) -> PoolUse:
        """How the connections are used now."""
        in_use = self._size - self._unused_capacity - len(self._free) - len(self._connecting) - len(self._checking)
        return PoolUse(self._size, in_use, sum(not waiter.done() for waiter in self._queue))

    async def acquire(self) -> Any:
        """Return a connection. Raise the error if none could be made.

        After `pool_seconds`, raise `TimeoutError`, or the error because of which PostgreSQL accepts no further connection.
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
        """Pass a connection to the next caller, or drop it if it is unusable. `error` is what its last use raised."""
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
        """Close every connection that is not in use."""
        running = self._connecting | self._checking
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        while self._free:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError):
                await self._free.pop()[0].close(timeout=CHECK_SECONDS)

    @staticmethod
    def _start(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        """Make or check a connection in a task, which continues if the caller that caused it is cancelled."""
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _doubt(self) -> None:
        """Check every free connection, because a statement has timed out."""
        self._in_doubt = True
        free, self._free = self._free, []
        for connection, _ in free:
            self._start(self._checking, self._check(connection))

    async def _check(self, connection: Any) -> None:
        """Pass a connection on if it works, or drop it."""
        try:
            await connection.execute("SELECT 1", timeout=CHECK_SECONDS)
        except asyncio.CancelledError:
            connection.terminate()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection cannot be used
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
        seconds = min(self._seconds, DOUBT_SECONDS) if self._in_doubt else self._seconds
        deadline = loop.call_later(seconds, self._time_out, waiter)  # half the cost of `asyncio.timeout`
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
            self._free.append((connection, time.monotonic()))
        else:
            waiter.set_result(connection)

    def _replace(self) -> None:
        """Make a connection in place of one that was dropped, or only free its capacity if no caller waits."""
        if all(waiter.done() for waiter in self._queue):
            self._unused_capacity += 1
        else:
            self._start(self._connecting, self._connect())

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
