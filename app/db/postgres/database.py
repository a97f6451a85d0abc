"""PostgreSQL: executes statements on the connections of a pool, and coalesces look-ups and conditional writes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Final

import asyncpg
import sqlalchemy as sa

from app.db.bulk import BulkStatement, CompareAndSwap, Rows
from app.db.database import Db, PoolUse, RemoteDatabase, Row, Transaction
from app.db.lookup import Lookup
from app.db.postgres.coalescing import Coalescer
from app.db.postgres.failures import CONNECT_ERRORS, explain
from app.db.postgres.notifications import PostgresChangeNotifier
from app.db.postgres.pool import Pool
from app.db.postgres.transaction import ConditionalWrite, PostgresTransaction, translate
from app.db.statement import Statement
from app.settings import Settings

MAX_COALESCED_BYTES: Final = 32_768
"""The maximum size of a coalesced write. A larger one is sent alone, because memory holds several copies of a batch."""

_HEALTH: Final = Statement(
    sa.select(
        sa.column("version_num", sa.String), sa.func.current_setting("transaction_read_only", type_=sa.String)
    ).select_from(sa.table("alembic_version"))
)
_DISK_PROBE: Final = (
    "SELECT set_config('work_mem', '64kB', true); "
    "SELECT pg_column_size(n) FROM (SELECT n, count(*) OVER () FROM generate_series(1, 10000) n) spilled LIMIT 1"
)
"""A query whose rows do not fit into 64 kB of memory: PostgreSQL writes them to a temporary file, which fails on a full
disk. The query changes no table and needs no privilege.
"""


class _Acquired:
    """A context manager that acquires a connection. A class is faster than a generator with `asynccontextmanager`."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> PostgresTransaction:
        try:
            self._connection = await self._pool.acquire()
        except Exception as error:  # noqa: BLE001 - every error is raised again, some after translation
            raise self._counted(error, translate(error, CONNECT_ERRORS)) from None
        return PostgresTransaction(self._connection)

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pool.release(self._connection, error)
        if error is not None and (translated := self._counted(error, translate(error))) is not error:
            raise translated from None

    def _counted(self, error: BaseException, translated: BaseException) -> BaseException:
        """Return `translated`. If it differs from `error`, count `error` as a failure of the database."""
        if translated is not error:
            self._pool.errors[explain(error).reason] += 1
        return translated


class PostgresDatabase(RemoteDatabase):
    """A PostgreSQL database, reached through a pool of connections."""

    def __init__(self, settings: Settings) -> None:
        """Open no connection yet: connections are opened when they are first needed."""
        self._pool = Pool(settings)
        self._coalescer = Coalescer(partial(_Acquired, self._pool))
        self.notifier = PostgresChangeNotifier(settings)
        self.errors = self._pool.errors

    @property
    def pool_use(self) -> PoolUse:
        """How many connections of the pool are in use now, and how many callers wait for one."""
        return self._pool.use

    async def open(self) -> None:
        """Do nothing: connections are opened when they are first needed."""

    async def close(self) -> None:
        """Close every connection."""
        await self.notifier.close()
        await self._pool.close()

    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Execute a statement, commit, and return every row as a tuple. Look-ups are coalesced."""
        if isinstance(statement, Lookup):
            return await self._coalescer.submit(PostgresTransaction.look_up, statement, values)
        async with _Acquired(self._pool) as connection:
            return await connection.tuples(statement, **values)

    async def write_if_unchanged(self, swap: CompareAndSwap, row: Row, /, *parts: tuple[BulkStatement, Rows]) -> bool:
        """Execute a compare-and-swap and the writes that depend on it; return whether the swap succeeded.

        The write is coalesced unless its rows are larger than `MAX_COALESCED_BYTES`.
        """
        statement = swap, tuple(bulk for bulk, _ in parts)
        texts = [bulk.encode(rows) for bulk, rows in parts]
        if sum(map(len, texts)) <= MAX_COALESCED_BYTES:
            write = ConditionalWrite(row, texts)
            return await self._coalescer.submit(PostgresTransaction.write_if_unchanged, statement, write)
        del texts  # a large text is not kept while waiting for a connection; it is encoded again
        async with _Acquired(self._pool) as connection:
            write = ConditionalWrite(row, [bulk.encode(rows) for bulk, rows in parts])
            return (await connection.write_if_unchanged(statement, [write]))[0]

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Run the block in a transaction at READ COMMITTED: commit at its end, or roll back if it raises."""
        return self._transaction("BEGIN")

    def snapshot(self) -> AbstractAsyncContextManager[Db]:
        """Run the block in a read-only transaction. All its statements see the data as of its first statement."""
        return self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[Transaction]:
        async with _Acquired(self._pool) as connection:
            await connection.control(begin)
            try:
                yield connection
                await connection.control("COMMIT")
            except (
                TimeoutError
            ):  # the pool drops the connection, and PostgreSQL rolls back: a ROLLBACK here would delay the response
                raise
            except BaseException:
                await connection.control("ROLLBACK")
                raise

    async def checkpoint(self) -> None:
        """Do nothing: no statement can read a deleted row, and PostgreSQL's VACUUM removes it from the files later."""

    async def check_health(self) -> str | None:
        """Write a temporary file to the server's disk, and return the schema's revision.

        Raise `Unavailable` if the server is read-only.
        """
        async with _Acquired(self._pool) as connection:
            await connection.control(_DISK_PROBE)
            rows = await connection.tuples(_HEALTH)
        revision, is_read_only = rows[0] if rows else (None, "off")
        if is_read_only == "on":
            raise translate(asyncpg.ReadOnlySQLTransactionError())
        return None if revision is None else str(revision)
