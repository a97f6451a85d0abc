"""SQLite through the standard library: reads on the loop's own connection, all writes through one writer thread.

One connection writes, so no commit can be lost to a race of writers; every commit is on the disk before it is
acknowledged (`synchronous=FULL`), and what is deleted is overwritten (`secure_delete`).
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, TypeVar

from app import observability
from app.db.database import REVISION, Database, Row, Transaction
from app.db.statement import Statement
from app.problems import StorageFull, Unavailable
from app.settings import Settings

T = TypeVar("T")

_STEPS_BETWEEN_LOOKS: Final = 20_000
_SETTINGS: Final = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON"
_MISTAKES: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)
_TOUCH: Final = "UPDATE alembic_version SET version_num = version_num"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, _MISTAKES):
            raise
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise StorageFull from None
        observability.happened("database-unavailable", error=error.sqlite_errorname)
        raise Unavailable from None


class _Connection:
    """One connection, whose every statement ends by a deadline; opened when it is first used, or, after that failed,
    when it is used again.
    """

    def __init__(self, settings: Settings, pragmas: str = "") -> None:
        self._path = settings.database_url.removeprefix("sqlite:///")
        self._seconds = settings.statement_seconds
        self._pragmas = _SETTINGS + pragmas
        self._until = 0.0
        self._raw: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection:
        raw = sqlite3.connect(
            self._path, timeout=self._seconds, isolation_level=None, check_same_thread=False, cached_statements=1000
        )
        try:
            raw.executescript(self._pragmas)
        except sqlite3.DatabaseError:
            raw.close()
            raise
        raw.set_progress_handler(self._late, _STEPS_BETWEEN_LOOKS)
        return raw

    def _late(self) -> bool:
        return time.monotonic() > self._until

    def execute(self, sql: str, arguments: Mapping[str, Any]) -> sqlite3.Cursor:
        raw = self._raw
        if raw is None:
            raw = self._raw = self._open()
        self._until = time.monotonic() + self._seconds
        return raw.execute(sql, arguments)

    def one(self, statement: Statement, values: Mapping[str, Any]) -> Row | None:
        plan = statement.sqlite
        row = self.execute(plan.sql, plan.arguments(values)).fetchone()
        return None if row is None else plan.row(row)

    def all(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        plan = statement.sqlite
        return [plan.row(row) for row in self.execute(plan.sql, plan.arguments(values)).fetchall()]

    def many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        plan = statement.sqlite
        for values in rows:
            self.execute(plan.sql, plan.arguments(values))

    def rollback(self) -> None:
        if self._raw is not None and self._raw.in_transaction:
            self.execute("ROLLBACK", {})

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()


class SqliteTransaction(Transaction):
    """The verbs inside a transaction, each a step of the writer thread."""

    def __init__(self, connection: _Connection, step: Callable[..., Any]) -> None:
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

    async def many(self, statement: Statement, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Carry out a statement once for each row of values."""
        await self._step(self._connection.many, statement, rows)


class SqliteDatabase(Database):
    """A SQLite file."""

    def __init__(self, settings: Settings) -> None:
        """Remember where it is; `open` connects."""
        self._settings = settings
        self._reader = _Connection(settings, "; PRAGMA query_only=ON")
        self._writer = _Connection(settings)
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")

    async def open(self) -> None:
        """Do nothing: each connection is opened by the first who needs it."""

    async def close(self) -> None:
        """Let the writer finish, then close both connections, the writing one last: it alone checkpoints."""
        self._thread.shutdown()
        self._reader.close()
        self._writer.close()

    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row, autocommitted."""
        with _translated():
            return self._reader.one(statement, values)

    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return every row, autocommitted."""
        with _translated():
            return self._reader.all(statement, values)

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
        with _translated():
            row = self._reader.execute(REVISION, {}).fetchone()
        return None if row is None else str(row[0])

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
        with _translated():
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
