"""Transactions are committed whole or not at all, however they end."""

import asyncio
from contextlib import suppress

import pytest
import sqlalchemy as sa

from app.db import Database, Statement, Transaction
from app.identity.accounts import BY_EMAIL
from app.identity.tables import AccountRecord, Feed
from app.ids import new_id
from app.records.access import ADVANCE_FEED, LOCK_FEED
from app.settings import Settings
from tests.db.helpers import (
    DELETE_DATA_KEYS,
    DELETE_FEEDS,
    LOCALES,
    RENAME,
    DeliberateError,
    account_names,
    add_account,
    own_binds,
    with_database,
)

_feed = Feed.table()

_account = AccountRecord.table()


def test_the_writes_of_a_block_are_visible_after_it_and_not_before(settings: Settings) -> None:
    settings = settings.model_copy(update={"database_pool": 2})

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            await add_account(tx, "alice")
            await add_account(tx, "bob")
            assert await tx.one(BY_EMAIL, email_key="alice@example.com") is not None
            assert len(await tx.all(LOCALES)) == 2
            assert await account_names(db) == []
        assert await account_names(db) == ["alice", "bob"]

    with_database(settings, work)


def test_a_block_that_raises_leaves_nothing(settings: Settings) -> None:
    async def failing(db: Database) -> None:
        async with db.transaction() as tx:
            await add_account(tx, "alice")
            raise DeliberateError

    async def work(db: Database) -> None:
        for _ in range(2):
            with pytest.raises(DeliberateError):
                await failing(db)
        assert await account_names(db) == []
        async with db.transaction() as tx:
            await add_account(tx, "alice")
        assert await account_names(db) == ["alice"]

    with_database(settings, work)


def test_a_statement_that_the_database_refuses_leaves_nothing(settings: Settings) -> None:
    async def failing(db: Database) -> None:
        async with db.transaction() as tx:
            await add_account(tx, "alice")
            await tx.run(DELETE_DATA_KEYS)
            await tx.run(DELETE_FEEDS)
            await tx.many(RENAME, [{"id": new_id(), "locale": "de"}, {"id": new_id(), "locale": None}])
            await tx.run(null_locale())

    async def work(db: Database) -> None:
        with pytest.raises(Exception, match=r"(?i)not.null"):
            await failing(db)
        assert await account_names(db) == []

    def null_locale() -> Statement:
        return Statement(sa.update(_account).values(locale=sa.null()))

    with_database(settings, work)


def test_a_transaction_that_is_cancelled_anywhere_is_committed_whole_or_not_at_all(settings: Settings) -> None:
    async def both(db: Database, attempt: int) -> None:
        async with db.transaction() as tx:
            await add_account(tx, f"alice{attempt}")
            await add_account(tx, f"bob{attempt}")

    async def work(db: Database) -> None:
        attempt, turns, finished = 0, 0, 0
        while finished < 3:
            task = asyncio.create_task(both(db, attempt))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            finished += not task.cancelled()
            found = {name for name in await account_names(db) if name.endswith(f"{attempt}")}
            assert found in (set(), {f"alice{attempt}", f"bob{attempt}"})
            assert found or task.cancelled()
            async with db.transaction() as tx:
                await tx.run(DELETE_DATA_KEYS)
                await tx.run(DELETE_FEEDS)
                await tx.run(Statement(sa.delete(_account)))
            attempt, turns = attempt + 1, turns + 1 + turns // 3

    with_database(settings, work)


def test_a_transaction_that_is_cancelled_while_it_waits_does_not_start(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            waiting = asyncio.create_task(failing_to_begin(db))
            for _ in range(10):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await add_account(tx, "alice")
        async with db.transaction() as tx:
            await add_account(tx, "bob")
        assert await account_names(db) == ["alice", "bob"]

    async def failing_to_begin(db: Database) -> None:
        async with db.transaction() as tx:
            await add_account(tx, "never")

    with_database(settings, work)


def test_writers_of_one_feed_follow_one_another(settings: Settings) -> None:
    settings = settings.model_copy(update={"database_pool": 8, "pool_seconds": 10, "statement_seconds": 10})

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            alice = await add_account(tx, "alice")

        async def advance() -> None:
            async with db.transaction() as tx:
                usage = {"records": 0, "document_bytes": 0, "remembered_ops": 0}
                await tx.write((ADVANCE_FEED, [{"owner_id": alice, "head": await head(tx) + 1, **usage}]))

        async def head(tx: Transaction) -> int:
            row = await tx.one(LOCK_FEED, **own_binds(alice))
            assert row is not None
            return int(row["head"])

        await asyncio.gather(*(advance() for _ in range(40)))
        async with db.transaction() as tx:
            assert await head(tx) == 41

    with_database(settings, work)


def test_many_executes_a_statement_for_each_row(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            people = [await add_account(tx, name) for name in ("alice", "bob", "carol")]
            await tx.many(RENAME, [{"id": id, "locale": f"wisteria-{n}"} for n, id in enumerate(people)])
            await tx.many(RENAME, [])
        assert [row["locale"] for row in await db.all(LOCALES)] == ["wisteria-0", "wisteria-1", "wisteria-2"]

    with_database(settings, work)
