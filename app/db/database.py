"""The methods that execute statements ("verbs"): the same on both databases, inside and outside a transaction.

Every verb is written once, over `tuples`. A subclass implements `tuples` for its connection, and a transaction also
implements how many rows are written.
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
    """Executes statements: `tuples`, `all`, `one`, `only` and `run` each take a statement and its values by name."""

    @abstractmethod
    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row as a tuple of its columns' values. This is the fastest method."""

    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return every row as a dictionary."""
        names = statement.names
        return [dict(zip(names, row, strict=True)) for row in await self.tuples(statement, **values)]

    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row as a dictionary, or None if there is no row. All rows are read: select only one."""
        rows = await self.tuples(statement, **values)
        return dict(zip(statement.names, rows[0], strict=True)) if rows else None

    async def only(self, statement: Statement, /, **values: Any) -> Row:
        """Return the first row of a statement that always returns one. Raise `LookupError` if it returns none."""
        row = await self.one(statement, **values)
        if row is None:
            raise LookupError
        return row

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Execute a statement whose rows, if any, are not needed."""
        await self.tuples(statement, **values)


class Transaction(Db):
    """The verbs inside one transaction, and two more that write many rows."""

    @abstractmethod
    async def many(self, statement: Statement, rows: Rows, /) -> None:
        """Execute a statement once for each row of values."""

    @abstractmethod
    async def write(self, *parts: tuple[BulkStatement, Rows]) -> None:
        """Write rows of several tables. No part may depend on the effect of another."""


class PoolUse(NamedTuple):
    """How many connections a process may have, how many are in use, and how many callers wait for one."""

    size: int
    """How many there may be."""
    in_use: int
    waiting: int
    """How many callers wait for one."""


class Database(Db):
    """An open database. A verb that is called on it commits by itself."""

    notifier: ChangeNotifier
    """Notifies subscribers that an owner's feed has new changes."""
    errors: Counter[str]
    """How often the database failed, by the failure's reason."""

    @property
    @abstractmethod
    def pool_use(self) -> PoolUse:
        """How the connections are used now."""

    @abstractmethod
    async def open(self) -> None:
        """Prepare the database. Raise nothing if it cannot be reached: the verbs then raise `Unavailable`."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""

    @abstractmethod
    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Start a transaction. Commit it at the end of the block, or roll it back if the block raises."""

    @abstractmethod
    def snapshot(self) -> AbstractAsyncContextManager[Db]:
        """Start a block in which every statement reads the same state of the database.

        It does not block writers, and they do not block it. It occupies a connection, so the block must not wait for a
        client.
        """

    @abstractmethod
    async def checkpoint(self) -> None:
        """Overwrite deleted content in the database's files, as far as the database allows it."""

    @abstractmethod
    async def check_health(self) -> str | None:
        """Read from the database, write to its disk, and return the schema's revision.

        Return None if no revision is recorded. Raise `Unavailable` or `StorageFull` if the database does not work.
        """


class RemoteDatabase(Database):
    """A database across the network. Each statement is a round trip, so several writes can be combined into one."""

    @abstractmethod
    async def write_if_unchanged(self, swap: CompareAndSwap, row: Row, /, *parts: tuple[BulkStatement, Rows]) -> bool:
        """Execute a compare-and-swap and, if it succeeds, write the owner's rows of several tables, in one statement.

        `row` has the owner's id, the expected values and the new one. Return whether the swap succeeded: it fails if the
        stored row has other values or another transaction has locked it. Writes of several owners may share a statement.
        """
