"""SQLite through the standard library: one connection reads, another one writes, both on the loop's own thread.

One connection writes, so no commit can be lost to a race of writers; every commit is on the disk before it is
acknowledged (`synchronous=FULL`), and what is deleted is overwritten (`secure_delete`).
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final

from app.db.database import REVISION, Database, Row, Transaction
from app.db.sqlite.connection import Connection, translated
from app.db.sqlite.notifications import SqliteChangeNotifier
from app.db.sqlite.writer import Writer
from app.db.statement import Statement
from app.problems import StorageFull, Unavailable
from app.settings import Settings

_TOUCH: Final = "UPDATE alembic_version SET version_num = version_num"


class SqliteDatabase(Database):
    """A SQLite file."""

    def __init__(self, settings: Settings) -> None:
        """Remember where it is; each connection is opened by the first who needs it."""
        self._reader = Connection(settings, "; PRAGMA query_only=ON")
        self._writer = Writer(settings)
        self.notifier = SqliteChangeNotifier(self._changes_elsewhere)

    async def open(self) -> None:
        """Do nothing: each connection is opened by the first who needs it."""

    async def close(self) -> None:
        """Let the writer finish, and close both connections, the writing one last: it alone checkpoints."""
        await self.notifier.close()
        self._reader.close()
        await self._writer.close()

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

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin with the write lock; at the end of the block wait for the disk, or undo the block where it raised."""
        return self._writer.transaction()

    async def checkpoint(self) -> None:
        """Bring the log into the file, where what was deleted is overwritten; a busy log is left to the next time."""
        with suppress(Unavailable, StorageFull), translated():  # the removal is acknowledged already
            await self._writer.checkpoint()

    async def ready(self) -> str | None:
        """Return the schema's revision after a write that reached the disk."""
        async with self._writer.transaction():
            self._writer.connection.execute(_TOUCH)
        with translated():
            row = self._reader.execute(REVISION).fetchone()
        return None if row is None else str(row[0])

    async def _changes_elsewhere(self) -> int:
        """Return a number that changes with every commit of another process."""
        with translated():
            async with self._writer.turn():
                return self._writer.connection.changes_elsewhere()
