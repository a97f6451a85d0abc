"""The writer of a SQLite file: one connection, used by one block at a time, and group commit (decision 027).

A block is the code inside an `async with` of `Writer.transaction`. Statements run on the event loop's thread, because a
statement takes less time than a switch to another thread. Only commits and checkpoints, which wait for the disk, run on
another thread. A checkpoint copies SQLite's write-ahead log into the database file.

Blocks that start during a commit wait until it has ended. Then they run one after the other in one transaction, each
with a savepoint, and a single commit acknowledges all of them. A block that fails is rolled back to its savepoint and
does not affect the others. If SQLite itself rolls back the whole transaction, none of its blocks was acknowledged, and
all raise `Unavailable`.
"""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final

from app.db.database import PoolUse
from app.db.sqlite.connection import CALLER_ERRORS, Connection, SqliteTransaction, translated
from app.problems import Unavailable
from app.settings import Settings

_SECONDS_BETWEEN_TRIES: Final = 0.005
"""The pause between two attempts to acquire a lock that another process holds."""


class Writer:
    """The writing connection, and the lock that gives it to one block at a time."""

    def __init__(self, settings: Settings, errors: Counter[str]) -> None:
        """Open no file yet: the first write opens it. `errors` counts failures by `Failure.reason`."""
        self._errors = errors
        self._waiting = 0
        self.connection = Connection(settings, "; PRAGMA busy_timeout=0")
        self._seconds = settings.statement_seconds
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._group: asyncio.Future[None] | None = None
        """A future for the commit of the blocks that have run but are not committed yet; None if there are none."""
        self._group_size = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def use(self) -> PoolUse:
        """Whether the connection is in use now, and how many callers wait for it."""
        return PoolUse(1, int(self._lock.locked()), self._waiting)

    async def close(self) -> None:
        """Commit the blocks that have run, and close the file."""
        async with self._lock:
            await self._commit()
        self._thread.shutdown()
        self.connection.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """Run the block with the write lock, then wait until its changes are on the disk.

        If the block raises an error, undo its changes.
        """
        await self._acquire()
        with translated(self._errors):
            try:
                if self._group is None:
                    await self._retry(self._begin)
                else:
                    self.connection.execute("SAVEPOINT block")
                try:
                    yield SqliteTransaction(self.connection)
                    committed = self._join_group()
                except BaseException:
                    self._undo()
                    raise
            finally:
                self._lock.release()
        await asyncio.shield(committed)

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Run the block with the write lock, but without a transaction."""
        await self._acquire()
        try:
            yield
        finally:
            self._lock.release()

    async def _acquire(self) -> None:
        """Acquire the lock. Raise `Unavailable` if it is not free before the deadline."""
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._lock.acquire()
        except TimeoutError:
            self._errors["timeout"] += 1
            raise Unavailable from None
        finally:
            self._waiting -= 1

    async def checkpoint(self) -> None:
        """Commit the blocks that have run, copy the write-ahead log into the database file, and truncate the log."""
        await asyncio.shield(self._in_background(self._checkpoint()))

    async def _checkpoint(self) -> None:
        async with self.exclusive():
            await self._commit()
            await self._retry(self._truncate_log)

    async def _retry(self, attempt: Callable[[], Awaitable[bool]]) -> None:
        """Repeat `attempt`, which another connection can block, until it returns True.

        Raise `Unavailable` after the deadline.
        """
        deadline = time.monotonic() + self._seconds
        while not await attempt():
            if time.monotonic() > deadline:
                raise Unavailable
            await asyncio.sleep(_SECONDS_BETWEEN_TRIES)

    async def _begin(self) -> bool:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    async def _truncate_log(self) -> bool:
        busy, *_ = await self._in_thread("PRAGMA wal_checkpoint(TRUNCATE)")
        return not busy

    def _join_group(self) -> "asyncio.Future[None]":
        """Add a block that has run to the group of blocks of the next commit. Return the future of that commit."""
        self._group_size += 1
        if self._group is None:
            self._group = asyncio.get_running_loop().create_future()
            self._in_background(self._commit_group(self._group))
        else:
            self.connection.execute("RELEASE block")
        return self._group

    def _undo(self) -> None:
        """Undo the changes of the running block.

        If SQLite has rolled back the whole transaction, fail the group's other blocks, too.
        """
        if self._group is None:
            self.connection.rollback()
        elif self.connection.in_transaction:
            self.connection.execute("ROLLBACK TO block")
            self.connection.execute("RELEASE block")
        else:
            self._group.set_exception(Unavailable())
            self._group, self._group_size = None, 0

    async def _commit_group(self, group: "asyncio.Future[None]") -> None:
        """Commit `group`, unless it is committed. The blocks that already wait for the lock join the group first."""
        async with self._lock:
            if self._group is group:
                await self._commit()

    async def _commit(self) -> None:
        """Commit the current group, if there is one, and resolve its future."""
        group, self._group = self._group, None
        size, self._group_size = self._group_size, 0
        if group is None:
            return
        try:
            with translated(self._errors):
                await self._in_thread("COMMIT")
        except Exception as error:  # noqa: BLE001 - the blocks that wait raise it
            self.connection.rollback()
            is_of_unknown_block = size > 1 and isinstance(error, CALLER_ERRORS)  # SQLite does not name the block
            group.set_exception(Unavailable() if is_of_unknown_block else error)
        else:
            group.set_result(None)

    async def _in_thread(self, sql: str) -> tuple[Any, ...]:
        """Execute SQL on the writer's thread, because it waits for the disk. Return its first row."""
        run = asyncio.get_running_loop().run_in_executor
        return await run(self._thread, lambda: self.connection.execute(sql).fetchone() or ())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Start a task that continues even if the request that started it is cancelled."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
