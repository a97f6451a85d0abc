"""SQLite through the standard library: one connection reads and another one writes, both on the event loop's thread.

All writes use one connection, so that writers never fail because of each other's locks. Every commit is on the disk
before it is acknowledged (`synchronous=FULL`), and deleted content is overwritten (`secure_delete`).
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final

from app.db.database import REVISION, Database, Db, PoolUse, Transaction
from app.db.sqlite.connection import Connection, SqliteTransaction, translated
from app.db.sqlite.failures import REASONS
from app.db.sqlite.notifications import SqliteChangeNotifier
from app.db.sqlite.writer import Writer
from app.db.statement import Statement
from app.problems import StorageFull, Unavailable
from app.settings import Settings

_READ_ONLY: Final = "; PRAGMA query_only=ON"
_WRITE_PROBE: Final = "UPDATE alembic_version SET version_num = version_num"


class SqliteDatabase(Database):
    """A database in a SQLite file."""

    def __init__(self, settings: Settings) -> None:
        """Open no connection yet: each connection is opened when it is first needed."""
        self.errors = Counter(dict.fromkeys(REASONS, 0))
        self._settings = settings
        self._reader = Connection(settings, _READ_ONLY)
        self._writer = Writer(settings, self.errors)
        self.notifier = SqliteChangeNotifier(self._data_version)

    @property
    def pool_use(self) -> PoolUse:
        """Whether the writing connection is in use now, and how many callers wait for it."""
        return self._writer.use

    async def open(self) -> None:
        """Do nothing: each connection is opened when it is first needed."""

    async def close(self) -> None:
        """Finish writes, and close both connections.

        The writing connection is closed last, because only it can copy the write-ahead log into the database file.
        """
        await self.notifier.close()
        self._reader.close()
        await self._writer.close()

    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row of a statement as a tuple. The statement must not write."""
        with translated(self.errors):
            return self._reader.tuples(statement, values)

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Execute a statement, which may write, in a transaction: the connection that `tuples` uses is read-only."""
        async with self.transaction() as tx:
            await tx.run(statement, **values)

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Run the block in a transaction with the write lock. Then commit, and wait until the commit is on the disk."""
        return self._writer.transaction()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Db]:
        """Run the block in a read-only transaction on a new connection.

        On the reading connection, which all requests share, the transaction would hide later writes from the others.
        """
        connection = Connection(self._settings, _READ_ONLY)
        try:
            with translated(self.errors):
                connection.execute("BEGIN")
                yield SqliteTransaction(connection)
        finally:
            connection.close()

    async def checkpoint(self) -> None:
        """Copy the write-ahead log into the database file, so that deleted content is overwritten there, too.

        Give up after the time limit of statements if other connections still use the log. Raise nothing.
        """
        with suppress(Unavailable, StorageFull), translated(self.errors):  # the removal is already acknowledged
            await self._writer.checkpoint()

    async def check_health(self) -> str | None:
        """Write to the disk, and return the schema's revision."""
        async with self._writer.transaction():
            self._writer.connection.execute(_WRITE_PROBE)
        row = await self.one(REVISION)
        return None if row is None else str(row["version_num"])

    async def _data_version(self) -> int:
        """Return a number that changes when another process has committed."""
        with translated(self.errors):
            async with self._writer.exclusive():
                return self._writer.connection.data_version()
