"""Databases opened without a server, and work carried out over them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from app.cli import database
from app.db import Database, Statement, Transaction, bind, open_database
from app.db.postgres.pool import Pool
from app.identity.accounts import NewAccount, create_account
from app.identity.tables import AccountRecord, Feed
from app.records.access import LOCK_FEED
from app.settings import Settings

T = TypeVar("T")
_account = AccountRecord.table()
_numbers = sa.select(sa.literal_column("1", sa.Integer).label("n")).cte("numbers", recursive=True)
_numbers = _numbers.union_all(sa.select(_numbers.c.n * -1))
ENDLESS = Statement(sa.select(sa.func.sum(_numbers.c.n)))
"""A statement that both databases would work on for ever."""
RENAME = Statement(
    sa.update(_account).where(_account.c.id == bind(_account.c.id)).values(locale=bind(_account.c.locale))
)
DELETE_FEEDS = Statement(sa.delete(Feed.table()))
LOCALES = Statement(sa.select(_account.c.locale).order_by(_account.c.email))
ADDRESSES = Statement(sa.select(_account.c.email).order_by(_account.c.email))


class WisteriaError(Exception):
    """Raised in the middle of a block."""


def over(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Return what the work returns, carried out over an open database."""
    return asyncio.run(database.with_database(settings, work))


async def added(tx: Transaction, name: str) -> UUID:
    """Return the id of a new account."""
    id = await create_account(tx, NewAccount(f"{name}@example.com", "no hash"))
    assert id is not None
    return id


def own_binds(account_id: UUID) -> dict[str, UUID]:
    """Return what a statement on a person's own records is passed, from a device that has the account's id."""
    return {"owner_id": account_id, "account_id": account_id, "device_id": account_id}


async def addresses(db: Database) -> list[str]:
    """Return the name in each account's address."""
    return [row["email"].partition("@")[0] for row in await db.all(ADDRESSES)]


def pool_of(db: Database) -> Pool:
    pool = vars(db)["_pool"]
    assert isinstance(pool, Pool)
    return pool


@asynccontextmanager
async def hearing(db: Database) -> AsyncIterator[list[str]]:
    """Yield what PostgreSQL is asked until the block ends."""
    heard: list[str] = []
    connection = await pool_of(db).acquire()

    def hear(asked: asyncpg.connection.LoggedQuery) -> None:
        heard.append(asked.query)

    connection.add_query_logger(hear)
    pool_of(db).release(connection, None)
    yield heard
    await asyncio.sleep(0)


def administer(url: str, *statements: str) -> None:
    """Have a PostgreSQL carry out statements as they are."""

    async def carried_out() -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(carried_out())


@contextmanager
def holding(settings: Settings, owner_id: UUID) -> Iterator[None]:
    """Hold the lock of a person's feed, as another process would."""
    with asyncio.Runner() as runner:
        db = open_database(settings)
        runner.run(db.open())
        transaction = db.transaction()
        tx = runner.run(transaction.__aenter__())
        assert runner.run(tx.one(LOCK_FEED, **own_binds(owner_id))) is not None
        try:
            yield
        finally:
            runner.run(transaction.__aexit__(None, None, None))
            runner.run(db.close())
