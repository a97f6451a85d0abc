"""PostgreSQL: statements run on connections of a small pool, and what can travel together does."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Final

from app.db.bulk import BulkStatement, CompareAndSwap, Rows, spelled
from app.db.database import RemoteDatabase, Row, Transaction
from app.db.lookup import Lookup
from app.db.postgres.coalescing import Coalescer
from app.db.postgres.notifications import PostgresChangeNotifier
from app.db.postgres.pool import Pool
from app.db.postgres.transaction import Guarded, PostgresTransaction, translated
from app.db.statement import Statement
from app.settings import Settings

MAX_COALESCED_BYTES: Final = 32_768
"""What is longer is written alone: of what travels together there are several copies at once."""


class _Lease:
    """A connection, for as long as a block lasts."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> PostgresTransaction:
        try:
            self._connection = await self._pool.take()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is translated or raised as it is
            raise translated(error) from None
        return PostgresTransaction(self._connection)

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pool.give_back(self._connection, error)
        if error is not None and (told := translated(error)) is not error:
            raise told from None


class PostgresDatabase(RemoteDatabase):
    """A PostgreSQL database, reached through a pool."""

    def __init__(self, settings: Settings) -> None:
        """Remember where it is; the first who needs a connection makes it."""
        self._pool = Pool(settings)
        self._journeys = Coalescer(partial(_Lease, self._pool))
        self.notifier = PostgresChangeNotifier(settings)

    async def open(self) -> None:
        """Do nothing: connections are made as they are needed."""

    async def close(self) -> None:
        """Close every connection."""
        await self.notifier.close()
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
        """Return every row bare, autocommitted; what is looked up, together with what else is in the same moment."""
        if isinstance(statement, Lookup):
            return await self._journeys.submit(PostgresTransaction.look_up, statement, values)
        async with _Lease(self._pool) as connection:
            return await connection.tuples(statement, **values)

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Carry out a statement, autocommitted."""
        async with _Lease(self._pool) as connection:
            await connection.run(statement, **values)

    async def write_if_unchanged(self, guard: CompareAndSwap, row: Row, /, *parts: tuple[BulkStatement, Rows]) -> bool:
        """Write every part, if the guard updates the row, together with whoever does so in the same moment."""
        statement = guard, tuple(bulk for bulk, _ in parts)
        texts = [spelled(rows) for _, rows in parts]
        if sum(map(len, texts)) <= MAX_COALESCED_BYTES:
            return await self._journeys.submit(PostgresTransaction.write_if_unchanged, statement, Guarded(row, texts))
        del texts  # to be held while others are waited for
        async with _Lease(self._pool) as connection:
            return (
                await connection.write_if_unchanged(statement, [Guarded(row, [spelled(rows) for _, rows in parts])])
            )[0]

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

    async def checkpoint(self) -> None:
        """Leave it to VACUUM: a deleted row is out of every statement's reach."""

    async def ready(self) -> str | None:
        """Return the schema's revision."""
        async with _Lease(self._pool) as connection:
            return await connection.revision()
