"""The methods that execute statements: the same for both databases, inside and outside a transaction.

`all`, `one`, `only` and `run` are written once and call `tuples`. A subclass implements `tuples` for its connection. A
transaction also implements `many` and `write`, which write many rows.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from app.db.bulk import BulkStatement, CompareAndSwap, Rows
from app.db.notifications import ChangeNotifier
from app.db.statement import Statement

Row = dict[str, Any]
REVISION: Final = Statement(
    sa.select(sa.column("version_num", sa.String)).select_from(sa.table("alembic_version")).limit(1)
)


class Db(ABC):
    """An object that executes statements: a database or a transaction.

    Its methods take a statement and, as keyword arguments, the values of the statement's parameters.
    """

    @abstractmethod
    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Execute a statement, and return each row as a tuple of its columns' values. This is the fastest method."""

    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Execute a statement, and return each row as a dictionary by column name."""
        names = statement.names
        return [dict(zip(names, row, strict=True)) for row in await self.tuples(statement, **values)]

    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Execute a statement; return its first row as a dictionary, or None if it returns no row.

        The statement must limit itself to one row, because all rows that it returns are read.
        """
        rows = await self.tuples(statement, **values)
        return dict(zip(statement.names, rows[0], strict=True)) if rows else None

    async def only(self, statement: Statement, /, **values: Any) -> Row:
        """Execute a statement that always returns a row, and return its first row as a dictionary.

        Raise `LookupError` if there is no row.
        """
        row = await self.one(statement, **values)
        if row is None:
            raise LookupError
        return row

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Execute a statement and discard the rows that it returns."""
        await self.tuples(statement, **values)


class Transaction(Db):
    """One transaction, in which statements are executed. `many` and `write` write many rows."""

    @abstractmethod
    async def many(self, statement: Statement, rows: Rows, /) -> None:
        """Execute a statement once for each row of values."""

    @abstractmethod
    async def write(self, *parts: tuple[BulkStatement, Rows]) -> None:
        """Execute bulk statements, each with its rows. No statement may depend on the effects of another one."""


class PoolUse(NamedTuple):
    """How many database connections a process uses, and how many callers wait for one."""

    size: int
    """The maximum number of connections."""
    in_use: int
    """The number of connections in use."""
    waiting: int
    """The number of callers that wait for a connection."""


class Database(Db):
    """A PostgreSQL or SQLite database. Its methods execute each statement in a transaction of its own, and commit."""

    notifier: ChangeNotifier
    """Notifies subscribers that an owner's feed has new changes."""
    errors: Counter[str]
    """The number of failures of the database, by `Failure.reason`."""

    @property
    @abstractmethod
    def pool_use(self) -> PoolUse:
        """How many connections are in use now, and how many callers wait for one."""

    @abstractmethod
    async def open(self) -> None:
        """Prepare the database. Raise nothing if it cannot be reached: statements then raise `Unavailable`."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""

    @abstractmethod
    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Run the block in a transaction: commit at its end, or roll back if it raises."""

    @abstractmethod
    def snapshot(self) -> AbstractAsyncContextManager[Db]:
        """Run the block in a read-only transaction, in which every statement sees the same state of the database.

        The transaction does not block writers, and they do not block it. It occupies a connection, so the block must
        not wait for a client.
        """

    @abstractmethod
    async def checkpoint(self) -> None:
        """Overwrite deleted content in the database's files, as far as the database supports it."""

    @abstractmethod
    async def check_health(self) -> str | None:
        """Read from the database and write to its disk. Return the schema's revision, or None if none is recorded.

        Raise `Unavailable` or `StorageFull` if the database does not work.
        """


class RemoteDatabase(Database):
    """A database across the network.

    Each statement needs a round trip, so the writes of several callers can be sent as one statement.
    """

    @abstractmethod
    async def write_if_unchanged(self, swap: CompareAndSwap, row: Row, /, *parts: tuple[BulkStatement, Rows]) -> bool:
        """Execute a compare-and-swap and, if it succeeds, write the owner's rows of several tables, in one statement.

        `row` has the owner's id, the expected values and the new values; `parts` are the rows to write. Return whether
        the swap succeeded. It fails if the stored row has other values or is locked by another transaction. The writes
        of several owners may be sent as one statement.
        """
