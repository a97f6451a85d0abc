"""The one who writes to a SQLite file: one connection, and one block of work on it at a time.

Statements run on the loop's own thread, for each takes less than handing it to another would; what waits for the disk
runs on another. While one commit is on its way to the disk, those who want to write wait. Then each has its turn in one
transaction, behind a savepoint, and a single commit acknowledges them all (*group commit*). A block that fails is undone
to its savepoint, and its neighbours stand; where SQLite itself gives up the whole transaction, nobody was told that it
was kept, and all are asked to try again.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final

from app.db.sqlite.connection import MISTAKES, Connection, SqliteTransaction, translated
from app.problems import Unavailable
from app.settings import Settings

_LOOK_AGAIN: Final = 0.005
"""Seconds between two looks at a lock that another process holds."""


class Writer:
    """The writing connection, and who has the turn."""

    def __init__(self, settings: Settings) -> None:
        """Remember where the file is; whoever writes first opens it."""
        self.connection = Connection(settings, "; PRAGMA busy_timeout=0")
        self._seconds = settings.statement_seconds
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._written: asyncio.Future[None] | None = None
        """What becomes of the blocks that are written and not committed, where there are any; they are so many:"""
        self._blocks = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Commit what is written, and let the file go."""
        async with self._turn:
            await self._commit()
        self._thread.shutdown()
        self.connection.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """Begin with the write lock; at the end of the block wait until it is on the disk, or undo it where it raised."""
        await self._take_turn()
        with translated():
            try:
                if self._written is None:
                    await self._patiently(self._has_begun)
                else:
                    self.connection.execute("SAVEPOINT block")
                try:
                    yield SqliteTransaction(self.connection)
                    written = self._finished()
                except BaseException:
                    self._undo()
                    raise
            finally:
                self._turn.release()
        await asyncio.shield(written)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Have the connection without a transaction of one's own."""
        await self._take_turn()
        try:
            yield
        finally:
            self._turn.release()

    async def _take_turn(self) -> None:
        """Wait for the turn, by a deadline."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable from None

    async def checkpoint(self) -> None:
        """Bring the whole log into the file, and empty it."""
        await asyncio.shield(self._apart_from_here(self._checkpoint()))

    async def _checkpoint(self) -> None:
        async with self.turn():
            await self._commit()
            await self._patiently(self._is_emptied)

    async def _patiently(self, attempt: Callable[[], Awaitable[bool]]) -> None:
        """Try again, until the deadline, what other connections may be in the way of."""
        until = time.monotonic() + self._seconds
        while not await attempt():
            if time.monotonic() > until:
                raise Unavailable
            await asyncio.sleep(_LOOK_AGAIN)

    async def _has_begun(self) -> bool:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    async def _is_emptied(self) -> bool:
        busy, *_ = await self._in_thread("PRAGMA wal_checkpoint(TRUNCATE)")
        return not busy

    def _finished(self) -> "asyncio.Future[None]":
        """Let a block's work stand; return what becomes of it, together with others'."""
        self._blocks += 1
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
            self._apart_from_here(self._commit_in_turn(self._written))
        else:
            self.connection.execute("RELEASE block")
        return self._written

    def _undo(self) -> None:
        """Undo a block; where nothing of the transaction is left, nothing of its neighbours' is."""
        if self._written is None:
            self.connection.rollback()
        elif self.connection.in_transaction:
            self.connection.execute("ROLLBACK TO block")
            self.connection.execute("RELEASE block")
        else:
            self._written.set_exception(Unavailable())
            self._written, self._blocks = None, 0

    async def _commit_in_turn(self, written: "asyncio.Future[None]") -> None:
        """Commit after those who wait already have written, too."""
        async with self._turn:
            if self._written is written:
                await self._commit()

    async def _commit(self) -> None:
        """Commit what is written, if anything is."""
        written, self._written = self._written, None
        blocks, self._blocks = self._blocks, 0
        if written is None:
            return
        try:
            with translated():
                await self._in_thread("COMMIT")
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            self.connection.rollback()
            is_anybodys = blocks > 1 and isinstance(error, MISTAKES)  # of some block, and not told of which
            written.set_exception(Unavailable() if is_anybodys else error)
        else:
            written.set_result(None)

    async def _in_thread(self, sql: str) -> tuple[Any, ...]:
        """Carry out a statement that waits for the disk; return its first row."""
        run = asyncio.get_running_loop().run_in_executor
        return await run(self._thread, lambda: self.connection.execute(sql).fetchone() or ())

    def _apart_from_here(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Begin work that goes on when the request that wanted it is cancelled."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
