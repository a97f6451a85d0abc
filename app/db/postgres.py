"""PostgreSQL through asyncpg: prepared statements kept per connection, a small last-in-first-out pool."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from app import observability
from app.db.database import REVISION, Database, Row, Transaction
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
SESSION: Final = {"application_name": "afterglow", "random_page_cost": "1.1"}
"""What each connection tells the server: who it is, and that disks seek fast, so that pages come sorted by an index."""
_STATEMENTS_KEPT: Final = 1000


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except asyncpg.DiskFullError:
        raise StorageFull from None
    except _UNAVAILABLE as error:
        observability.happened("database-unavailable", error=type(error).__name__)
        raise Unavailable from None


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=lambda value: value.bytes, decoder=_uuid, format="binary"
    )
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )


def _uuid(value: bytes) -> UUID:
    return UUID(bytes=bytes(value))


async def _keep_as_it_is(_connection: asyncpg.Connection) -> None:
    """Nothing here changes a session's state, so nothing needs a reset query."""


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

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Carry out a statement that returns nothing."""
        plan = statement.postgres
        await self._connection.fetch(plan.sql, *plan.arguments(values))

    async def many(self, statement: Statement, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Carry out a statement once for each row of values."""
        plan = statement.postgres
        await self._connection.executemany(plan.sql, [plan.arguments(row) for row in rows])


class PostgresDatabase(Database):
    """A PostgreSQL database, reached through a pool."""

    def __init__(self, settings: Settings) -> None:
        """Remember where it is; `open` connects."""
        self._settings = settings
        self._pool: Any = None
        self.wakes = PostgresWakes(settings)

    async def open(self) -> None:
        """Make the pool; its connections are opened as they are needed."""
        settings = self._settings
        milliseconds = str(int(settings.statement_seconds * 1000))
        self._pool = asyncpg.create_pool(
            settings.database_url,
            min_size=0,
            max_size=settings.database_pool,
            timeout=settings.statement_seconds,
            command_timeout=settings.statement_seconds,
            statement_cache_size=_STATEMENTS_KEPT,
            max_cached_statement_lifetime=0,
            max_inactive_connection_lifetime=0,
            reset=_keep_as_it_is,
            init=_prepare,
            server_settings={
                **SESSION,
                "statement_timeout": milliseconds,
                "idle_in_transaction_session_timeout": milliseconds,
            },
        )
        await self._pool

    async def close(self) -> None:
        """Let running statements end, then close every connection."""
        await self.wakes.close()
        await self._pool.close()

    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row, autocommitted."""
        async with self._connection() as connection:
            return await connection.one(statement, **values)

    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return every row, autocommitted."""
        async with self._connection() as connection:
            return await connection.all(statement, **values)

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Carry out a statement, autocommitted."""
        async with self._connection() as connection:
            await connection.run(statement, **values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin at READ COMMITTED; commit at the end of the block, or roll back where it raised."""
        async with self._connection() as connection, connection._connection.transaction():  # noqa: SLF001 - same file
            yield connection

    async def forget(self) -> None:
        """Leave it to VACUUM: a deleted row is out of every statement's reach."""

    async def ready(self) -> str | None:
        """Return the schema's revision."""
        with _translated():
            async with self._pool.acquire(timeout=self._settings.pool_seconds) as connection:
                revision = await connection.fetchval(REVISION)
        return None if revision is None else str(revision)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PostgresTransaction]:
        with _translated():
            async with self._pool.acquire(timeout=self._settings.pool_seconds) as connection:
                yield PostgresTransaction(connection)
