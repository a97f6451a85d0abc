"""PostgreSQL through asyncpg: statements run on connections of a small pool."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final

import asyncpg

from app import observability
from app.db.bulk import Bulk, Rows, guarded, spelled, together
from app.db.database import REVISION, Far, Row, Transaction
from app.db.postgres_pool import Pool
from app.db.postgres_wakes import PostgresWakes
from app.db.statement import Statement
from app.problems import StorageFull, Unavailable
from app.settings import Settings

_UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
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


def _translated(error: BaseException) -> BaseException:
    """Return what failed in the API's own words, if it is the database's failure; else the error itself."""
    if isinstance(error, asyncpg.DiskFullError):
        return StorageFull()
    if isinstance(error, _UNAVAILABLE):
        observability.happened("database-unavailable", error=type(error).__name__)
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

    async def write(self, *parts: tuple[Bulk, Rows]) -> None:
        """Write every part by one statement."""
        sql = together(tuple(bulk for bulk, _ in parts))
        await self._connection.fetch(sql, *(spelled(rows) for _, rows in parts))

    async def write_if(self, guard: Statement, *parts: tuple[Bulk, Rows], **values: Any) -> bool:
        """Write every part by the statement that carries out the guard."""
        sql = guarded(guard, tuple(bulk for bulk, _ in parts))
        texts = (spelled(rows) for _, rows in parts)
        done: bool = await self._connection.fetchval(sql, *guard.postgres.arguments(values), *texts)
        return done

    async def say(self, sql: str) -> None:
        """Carry out plain SQL, which the server need not prepare."""
        await self._connection.execute(sql)

    async def revision(self) -> str | None:
        """Return the schema's revision."""
        found: str | None = await self._connection.fetchval(REVISION)
        return found


class _Lease:
    """A connection, for as long as a block lasts."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> PostgresTransaction:
        try:
            self._connection = await self._pool.take()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is translated or raised as it is
            raise _translated(error) from None
        return PostgresTransaction(self._connection)

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pool.give_back(self._connection, error)
        if error is not None and (told := _translated(error)) is not error:
            raise told from None


class PostgresDatabase(Far):
    """A PostgreSQL database, reached through a pool."""

    def __init__(self, settings: Settings) -> None:
        """Remember where it is; the first who needs a connection makes it."""
        self._pool = Pool(settings)
        self.wakes = PostgresWakes(settings)

    async def open(self) -> None:
        """Do nothing: connections are made as they are needed."""

    async def close(self) -> None:
        """Close every connection."""
        await self.wakes.close()
        await self._pool.close()

    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row, autocommitted."""
        async with _Lease(self._pool) as connection:
            return await connection.one(statement, **values)

    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return every row, autocommitted."""
        async with _Lease(self._pool) as connection:
            return await connection.all(statement, **values)

    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row bare, autocommitted."""
        async with _Lease(self._pool) as connection:
            return await connection.tuples(statement, **values)

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Carry out a statement, autocommitted."""
        async with _Lease(self._pool) as connection:
            await connection.run(statement, **values)

    async def write_if(self, guard: Statement, *parts: tuple[Bulk, Rows], **values: Any) -> bool:
        """Write every part, if the guard changes a row, autocommitted."""
        async with _Lease(self._pool) as connection:
            return await connection.write_if(guard, *parts, **values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin at READ COMMITTED; commit at the end of the block, or roll back where it raised."""
        async with _Lease(self._pool) as connection:
            await connection.say("BEGIN")
            try:
                yield connection
                await connection.say("COMMIT")
            except BaseException:
                await connection.say("ROLLBACK")
                raise

    async def forget(self) -> None:
        """Leave it to VACUUM: a deleted row is out of every statement's reach."""

    async def ready(self) -> str | None:
        """Return the schema's revision."""
        async with _Lease(self._pool) as connection:
            return await connection.revision()
