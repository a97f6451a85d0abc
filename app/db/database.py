"""What a request gets of the database, whichever of the two is behind it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from app.db.bulk import BulkStatement, CompareAndSwap, Rows
from app.db.notifications import ChangeNotifier
from app.db.statement import Statement
from app.settings import Settings

Row = dict[str, Any]
REVISION: Final = "SELECT version_num FROM alembic_version"


class Db(ABC):
    """The verbs: one row or None, the one row that is sure to be there, all rows, all rows bare, or no rows."""

    @abstractmethod
    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row."""

    @abstractmethod
    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return every row."""

    @abstractmethod
    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row as the bare values of its columns, in their order: the quick way."""

    @abstractmethod
    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Carry out a statement that returns nothing."""

    async def only(self, statement: Statement, /, **values: Any) -> Row:
        """Return the first row of a statement that always has one; raise `LookupError` where it has none."""
        row = await self.one(statement, **values)
        if row is None:
            raise LookupError
        return row


class Transaction(Db):
    """The verbs inside one transaction, and two more for many rows at once."""

    @abstractmethod
    async def many(self, statement: Statement, rows: Rows, /) -> None:
        """Carry out a statement once for each row of values."""

    @abstractmethod
    async def write(self, *parts: tuple[BulkStatement, Rows]) -> None:
        """Write rows of several tables at once; no part depends on what another does."""


class Database(Db):
    """An open database."""

    notifier: ChangeNotifier
    """Who waits for news, and who tells that there is some."""

    @abstractmethod
    async def open(self) -> None:
        """Connect. Raise nothing where the database is away: requests then get `Unavailable` until it is back."""

    @abstractmethod
    async def close(self) -> None:
        """Let every connection go."""

    @abstractmethod
    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin; commit at the end of the block, or roll back where it raised."""

    @abstractmethod
    async def checkpoint(self) -> None:
        """Let nothing of what was deleted stay behind in a file, as far as the database lets us."""

    @abstractmethod
    async def ready(self) -> str | None:
        """Return the schema's revision after touching the database, and on SQLite the disk; None where it has none."""


class RemoteDatabase(Database):
    """A database to which every statement is a journey, so that it pays to need few."""

    @abstractmethod
    async def write_if_unchanged(self, guard: CompareAndSwap, row: Row, /, *parts: tuple[BulkStatement, Rows]) -> bool:
        """Update an owner's row, if it is as it was found, and then write rows of theirs in several tables, all by one
        statement; return whether it was and nobody had it in hand. Those of other owners may be written with it.
        """


def open_database(settings: Settings) -> Database:
    """Return the database that the settings name, not yet connected."""
    if settings.uses_sqlite:
        from app.db.sqlite.database import SqliteDatabase  # noqa: PLC0415 - only the driver in use is loaded

        return SqliteDatabase(settings)
    from app.db.postgres.database import PostgresDatabase  # noqa: PLC0415 - only the driver in use is loaded

    return PostgresDatabase(settings)
