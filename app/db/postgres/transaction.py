"""One connection to PostgreSQL, through asyncpg: the verbs, and what fails in the API's own words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from app import observability
from app.db.bulk import BulkStatement, CompareAndSwap, Rows, guarded, joined, spelled, together
from app.db.database import REVISION, Row, Transaction
from app.db.lookup import Lookup
from app.db.statement import Statement
from app.problems import StorageFull, Unavailable

_UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.PostgresSystemError,
)
_FAULTS: Final = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, asyncpg.TransactionRollbackError)
Found = Sequence[tuple[Any, ...]]


class Guarded(NamedTuple):
    """A row to be updated as it was found, and the rows that are then written, part by part, as they are spelled."""

    row: Row
    texts: list[str]


def translated(error: BaseException) -> BaseException:
    """Return what failed in the API's own words, if it is the database's failure; else the error itself."""
    if isinstance(error, asyncpg.DiskFullError):
        return StorageFull()
    if isinstance(error, _UNAVAILABLE):
        observability.log_event("database-unavailable", error=type(error).__name__)
        return Unavailable()
    return error


class PostgresTransaction(Transaction):
    """The verbs on one connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row."""
        plan = statement.postgres
        record = await self._connection.fetchrow(plan.sql, *plan.arguments(values))
        return None if record is None else dict(record)

    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return every row."""
        plan = statement.postgres
        return [dict(record) for record in await self._connection.fetch(plan.sql, *plan.arguments(values))]

    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row as the driver does: as a tuple, among others."""
        plan = statement.postgres
        rows: Sequence[tuple[Any, ...]] = await self._connection.fetch(plan.sql, *plan.arguments(values))
        return rows

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Carry out a statement that returns nothing."""
        plan = statement.postgres
        await self._connection.fetch(plan.sql, *plan.arguments(values))

    async def many(self, statement: Statement, rows: Rows, /) -> None:
        """Carry out a statement once for each row of values."""
        plan = statement.postgres
        if len(rows) == 1:  # the driver's way for many is the longer one
            await self._connection.fetch(plan.sql, *plan.arguments(rows[0]))
        else:
            await self._connection.executemany(plan.sql, [plan.arguments(row) for row in rows])

    async def write(self, *parts: tuple[BulkStatement, Rows]) -> None:
        """Write every part by one statement."""
        sql = together(tuple(bulk for bulk, _ in parts))
        await self._connection.fetch(sql, *(spelled(rows) for _, rows in parts))

    async def look_up(self, lookup: Lookup, asked: Sequence[Mapping[str, Any]]) -> list[Found]:
        """Return what each who asks finds."""
        if len(asked) == 1:
            return [await self.tuples(lookup, **asked[0])]
        rows = spelled([{"n": n, **values} for n, values in enumerate(asked)])
        found: list[Found] = [()] * len(asked)
        for row in await self.tuples(lookup.of_each, rows=rows):
            found[row[0]] = (row[1:],)
        return found

    async def write_if_unchanged(
        self, statement: tuple[CompareAndSwap, tuple[BulkStatement, ...]], asked: Sequence[Guarded]
    ) -> list[bool]:
        """Write what each wants whose row the guard updates, all by one statement; say whose it did. Of two for one owner
        the first counts, and where several are asked for and one is at fault, nothing is written.
        """
        first: dict[UUID, Guarded] = {}
        for each in asked:
            first.setdefault(each.row["owner_id"], each)
        columns = zip(*(each.texts for each in first.values()), strict=True)
        texts = (joined(column) for column in columns)
        guards = spelled([each.row for each in first.values()])
        try:
            updated = await self._connection.fetch(guarded(*statement), guards, *texts)
        except _FAULTS:
            if len(asked) == 1:
                raise
            return [False] * len(asked)
        done = {id for (id,) in updated}
        return [first[id] is each and id in done for each in asked for id in (each.row["owner_id"],)]

    async def say(self, sql: str) -> None:
        """Carry out plain SQL, which the server need not prepare."""
        await self._connection.execute(sql)

    async def revision(self) -> str | None:
        """Return the schema's revision."""
        found: str | None = await self._connection.fetchval(REVISION)
        return found
