"""Helpers that use a database without a server: open it, add accounts, hold locks, log queries."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from app.cli import database
from app.db import Database, Statement, Transaction, bind, open_database
from app.db.postgres.pool import Pool
from app.identity.accounts import NewAccount, create_account
from app.identity.tables import AccountRecord, Feed
from app.keyring import Keyring
from app.keyring.rotation import create_keyring
from app.records.access import LOCK_FEED
from app.sealing import DataKeyRecord
from app.settings import Settings

T = TypeVar("T")
_account = AccountRecord.table()
_numbers = sa.select(sa.literal_column("1", sa.Integer).label("n")).cte("numbers", recursive=True)
_numbers = _numbers.union_all(sa.select(_numbers.c.n * -1))
ENDLESS = Statement(sa.select(sa.func.sum(_numbers.c.n)))
"""A statement that never ends on either database."""
RENAME = Statement(
    sa.update(_account).where(_account.c.id == bind(_account.c.id)).values(locale=bind(_account.c.locale))
)
DELETE_FEEDS = Statement(sa.delete(Feed.table()))
DELETE_DATA_KEYS = Statement(sa.delete(DataKeyRecord.table()))
LOCALES = Statement(sa.select(_account.c.locale).order_by(_account.c.email))
EMAILS = Statement(sa.select(_account.c.email).order_by(_account.c.email))


class DeliberateError(Exception):
    """Raised by a test in the middle of a block."""


def with_database(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Open the database of the settings, run the work, and return its result."""
    return asyncio.run(database.with_database(settings, work))


@cache
def _keyring() -> Keyring:
    """Return a keyring of these tests."""
    path = Path(tempfile.mkdtemp()) / "keys.json"
    create_keyring(path, generated=False)
    return Keyring(path)


async def add_account(tx: Transaction, name: str) -> UUID:
    """Add an account; return its id."""
    id = await create_account(tx, _keyring(), NewAccount(f"{name}@example.com", "no hash"))
    assert id is not None
    return id


def own_binds(account_id: UUID) -> dict[str, UUID]:
    """Return what a statement on a person's own records is passed, from a device that has the account's id."""
    return {"owner_id": account_id, "account_id": account_id, "device_id": account_id}


async def account_names(db: Database) -> list[str]:
    """Return the local part of each account's e-mail address, sorted."""
    return [row["email"].partition("@")[0] for row in await db.all(EMAILS)]


def pool_of(db: Database) -> Pool:
    pool = vars(db)["_pool"]
    assert isinstance(pool, Pool)
    return pool


@asynccontextmanager
async def logged_queries(db: Database) -> AsyncIterator[list[str]]:
    """Yield a list of the queries that PostgreSQL receives until the block ends."""
    queries: list[str] = []
    connection = await pool_of(db).acquire()

    def log(query: asyncpg.connection.LoggedQuery) -> None:
        queries.append(query.query)

    connection.add_query_logger(log)
    pool_of(db).release(connection, None)
    yield queries
    await asyncio.sleep(0)


def execute_sql(url: str, *statements: str) -> None:
    """Execute SQL on PostgreSQL."""

    async def carried_out() -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(carried_out())


@contextmanager
def locked_feed(settings: Settings, owner_id: UUID) -> Iterator[None]:
    """Hold the lock of a person's feed during the block, as another process would."""
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
