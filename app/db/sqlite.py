"""SQLite through the standard library: reads on the loop's own connection, all writes through one writer thread.

One connection writes, so no commit can be lost to a race of writers; every commit is on the disk before it is
acknowledged (`synchronous=FULL`), and what is deleted is overwritten (`secure_delete`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from app.db.bulk import Bulk, Rows
from app.db.database import REVISION, Database, Row, Transaction
from app.db.sqlite_connection import Connection, translated
from app.db.sqlite_wakes import SqliteWakes
from app.db.statement import Statement
from app.problems import StorageFull, Unavailable
from app.settings import Settings

T = TypeVar("T")

_TOUCH: Final = "UPDATE alembic_version SET version_num = version_num"


class SqliteTransaction(Transaction):
    """The verbs inside a transaction, each a step of the writer thread."""

    def __init__(self, connection: Connection, step: Callable[..., Any]) -> None:
        self._connection, self._step = connection, step

    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row."""
        row: Row | None = await self._step(self._connection.one, statement, values)
        return row

    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return every row."""
        rows: list[Row] = await self._step(self._connection.all, statement, values)
        return rows

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Carry out a statement that returns nothing."""
        await self._step(self._connection.many, statement, [values])

    async def many(self, statement: Statement, rows: Rows, /) -> None:
        """Carry out a statement once for each row of values."""
        await self._step(self._connection.many, statement, rows)

    async def write(self, *parts: tuple[Bulk, Rows]) -> None:
        """Write part after part, row after row, in one step."""
        await self._step(self._written, parts)

    def _written(self, parts: Sequence[tuple[Bulk, Rows]]) -> None:
        for bulk, rows in parts:
            self._connection.many(bulk.each, rows)


class SqliteDatabase(Database):
    """A SQLite file."""

    def __init__(self, settings: Settings) -> None:
        """Remember where it is; `open` connects."""
        self._settings = settings
        self._reader = Connection(settings, "; PRAGMA query_only=ON")
        self._writer = Connection(settings)
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self.wakes = SqliteWakes(self._changes_elsewhere)

    async def open(self) -> None:
        """Do nothing: each connection is opened by the first who needs it."""

    async def close(self) -> None:
        """Let the writer finish, then close both connections, the writing one last: it alone checkpoints."""
        await self.wakes.close()
        self._thread.shutdown()
        self._reader.close()
        self._writer.close()

    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row, autocommitted."""
        with translated():
            return self._reader.one(statement, values)

    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return every row, autocommitted."""
        with translated():
            return self._reader.all(statement, values)

    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row bare, autocommitted."""
        with translated():
            return self._reader.tuples(statement, values)

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Carry out a statement in a transaction of its own."""
        async with self.transaction() as tx:
            await tx.run(statement, **values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin with the write lock; commit at the end of the block, or roll back where it raised."""
        writer = self._writer
        async with self._taking_turns():
            try:
                await self._step(writer.execute, "BEGIN IMMEDIATE", {})
                yield SqliteTransaction(writer, self._step)
                await self._step(writer.execute, "COMMIT", {})
            except BaseException:
                await asyncio.shield(self._step(writer.rollback))
                raise

    async def forget(self) -> None:
        """Bring the log into the file, where what was deleted is overwritten; a busy log is left to the next time."""
        with suppress(Unavailable, StorageFull):  # the removal is acknowledged already
            async with self._taking_turns():
                await self._step(self._writer.execute, "PRAGMA wal_checkpoint(TRUNCATE)", {})

    async def ready(self) -> str | None:
        """Return the schema's revision after a write that reached the disk."""
        async with self.transaction():
            await self._step(self._writer.execute, _TOUCH, {})
        with translated():
            row = self._reader.execute(REVISION, {}).fetchone()
        return None if row is None else str(row[0])

    async def _changes_elsewhere(self) -> int:
        """Return a number that changes with every commit of another process."""
        async with self._taking_turns():
            return await self._step(self._writer.changes_elsewhere)

    @asynccontextmanager
    async def _taking_turns(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._settings.statement_seconds):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable from None
        try:
            yield
        finally:
            self._turn.release()

    async def _step(self, function: Callable[..., T], *arguments: Any) -> T:
        with translated():
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
