"""Executes statements on one connection to PostgreSQL through asyncpg, and translates the driver's errors."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from app import observability
from app.db.bulk import BulkStatement, CompareAndSwap, Rows, combine, combine_if_swapped, encode_rows, join_rows
from app.db.database import Row, Transaction
from app.db.lookup import Lookup
from app.db.postgres.failures import explain
from app.db.statement import Statement
from app.problems import READ_ONLY, StorageFull, Unavailable

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
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
    asyncpg.InvalidSchemaNameError,
)
_CAUSED_BY_ROWS: Final = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.TransactionRollbackError,
)


class ConditionalWrite(NamedTuple):
    """What one caller writes: the row of a compare-and-swap, and the rows to write if the swap succeeds.

    `parts` has the encoded rows for each bulk statement.
    """

    row: Row
    parts: list[str]


def translate(error: BaseException, failures: tuple[type[BaseException], ...] = _UNAVAILABLE) -> BaseException:
    """If `error` is a failure of the database, return the `Problem` for it. Otherwise return `error` itself.

    `failures` are the types of such errors, by default those of a statement. Log `database-unavailable` if the database
    cannot be used.
    """
    if isinstance(error, asyncpg.DiskFullError):
        return StorageFull()
    if isinstance(error, failures):
        failure = explain(error)
        observability.log_event("database-unavailable", "error", error=type(error).__name__, reason=failure.reason)
        return Unavailable(READ_ONLY if failure.reason == "read-only" else "", failure)
    return error


class PostgresTransaction(Transaction):
    """Executes statements on one PostgreSQL connection.

    Its creator begins and ends the transaction. If there is none, each statement is committed by itself.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row as the driver's `Record`, which is a tuple."""
        plan = statement.postgres
        rows: Sequence[tuple[Any, ...]] = await self._connection.fetch(plan.sql, *plan.arguments(values))
        return rows

    async def many(self, statement: Statement, rows: Rows, /) -> None:
        """Execute a statement once for each row of values."""
        plan = statement.postgres
        if len(rows) == 1:  # `executemany` needs an additional round trip
            await self._connection.fetch(plan.sql, *plan.arguments(rows[0]))
        else:
            await self._connection.executemany(plan.sql, [plan.arguments(row) for row in rows])

    async def write(self, *parts: tuple[BulkStatement, Rows]) -> None:
        """Write the rows of all parts with one SQL statement."""
        sql = combine(tuple(bulk for bulk, _ in parts))
        await self._connection.fetch(sql, *(bulk.encode(rows) for bulk, rows in parts))

    async def look_up(self, lookup: Lookup, keys: Sequence[Mapping[str, Any]]) -> list[Sequence[tuple[Any, ...]]]:
        """Execute a look-up for several keys. Return for each key a sequence with the found row, or an empty one."""
        if len(keys) == 1:
            return [await self.tuples(lookup, **keys[0])]
        rows = encode_rows([{"n": n, **key} for n, key in enumerate(keys)])
        found: list[Sequence[tuple[Any, ...]]] = [()] * len(keys)
        for row in await self.tuples(lookup.many_keys, rows=rows):
            found[row[0]] = (row[1:],)
        return found

    async def write_if_unchanged(
        self, statement: tuple[CompareAndSwap, tuple[BulkStatement, ...]], writes: Sequence[ConditionalWrite]
    ) -> list[bool]:
        """Execute several conditional writes with one statement; return for each write whether it was executed.

        If several writes have the same owner, only the first of them is executed. If a row violates a constraint, none
        of the writes is executed. A single write then raises the error; several writes raise no error.
        """
        first: dict[UUID, ConditionalWrite] = {}
        for write in writes:
            first.setdefault(write.row["owner_id"], write)
        columns = zip(*(write.parts for write in first.values()), strict=True)
        parts = (join_rows(column) for column in columns)
        swaps = encode_rows([write.row for write in first.values()])
        try:
            swapped = await self._connection.fetch(combine_if_swapped(*statement), swaps, *parts)
        except _CAUSED_BY_ROWS:
            if len(writes) == 1:
                raise
            return [False] * len(writes)
        done = {id for (id,) in swapped}
        return [first[id] is write and id in done for write in writes for id in (write.row["owner_id"],)]

    async def control(self, sql: str) -> None:
        """Execute SQL without preparing it: BEGIN, COMMIT, ROLLBACK, or several statements in one text."""
        await self._connection.execute(sql)
