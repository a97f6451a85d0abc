"""Transactions: there whole or not at all, whatever ends them."""

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
from tests.db.opened import DELETE_FEEDS, LOCALES, RENAME, WisteriaError, added, addresses, over, own_binds

_feed = Feed.table()

_account = AccountRecord.table()


def test_what_a_block_wrote_is_there_after_it_and_not_before(settings: Settings) -> None:
    settings = settings.model_copy(update={"database_pool": 2})

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            await added(tx, "alice")
            await added(tx, "bob")
            assert await tx.one(BY_EMAIL, email_key="alice@example.com") is not None
            assert len(await tx.all(LOCALES)) == 2
            assert await addresses(db) == []
        assert await addresses(db) == ["alice", "bob"]

    over(settings, work)


def test_a_block_that_raises_leaves_nothing(settings: Settings) -> None:
    async def failing(db: Database) -> None:
        async with db.transaction() as tx:
            await added(tx, "alice")
            raise WisteriaError

    async def work(db: Database) -> None:
        for _ in range(2):
            with pytest.raises(WisteriaError):
                await failing(db)
        assert await addresses(db) == []
        async with db.transaction() as tx:
            await added(tx, "alice")
        assert await addresses(db) == ["alice"]

    over(settings, work)


def test_a_statement_that_the_database_refuses_leaves_nothing(settings: Settings) -> None:
    async def failing(db: Database) -> None:
        async with db.transaction() as tx:
            await added(tx, "alice")
            await tx.run(DELETE_FEEDS)
            await tx.many(RENAME, [{"id": new_id(), "locale": "de"}, {"id": new_id(), "locale": None}])
            await tx.run(sa_refused())

    async def work(db: Database) -> None:
        with pytest.raises(Exception, match=r"(?i)not.null"):
            await failing(db)
        assert await addresses(db) == []

    def sa_refused() -> Statement:
        return Statement(sa.update(_account).values(locale=sa.null()))

    over(settings, work)


def test_a_transaction_that_is_cancelled_anywhere_is_there_whole_or_not_at_all(settings: Settings) -> None:
    async def both(db: Database, attempt: int) -> None:
        async with db.transaction() as tx:
            await added(tx, f"alice{attempt}")
            await added(tx, f"bob{attempt}")

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
            found = {name for name in await addresses(db) if name.endswith(f"{attempt}")}
            assert found in (set(), {f"alice{attempt}", f"bob{attempt}"})
            assert found or task.cancelled()
            async with db.transaction() as tx:
                await tx.run(DELETE_FEEDS)
                await tx.run(Statement(sa.delete(_account)))
            attempt, turns = attempt + 1, turns + 1 + turns // 3

    over(settings, work)


def test_one_that_is_cancelled_while_it_waits_takes_no_turn(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            waiting = asyncio.create_task(failing_to_begin(db))
            for _ in range(10):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await added(tx, "alice")
        async with db.transaction() as tx:
            await added(tx, "bob")
        assert await addresses(db) == ["alice", "bob"]

    async def failing_to_begin(db: Database) -> None:
        async with db.transaction() as tx:
            await added(tx, "never")

    over(settings, work)


def test_writers_of_one_feed_follow_one_another(settings: Settings) -> None:
    settings = settings.model_copy(update={"database_pool": 8, "pool_seconds": 10, "statement_seconds": 10})

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            alice = await added(tx, "alice")

        async def advance() -> None:
            async with db.transaction() as tx:
                await tx.write((ADVANCE_FEED, [{"owner_id": alice, "head": await head(tx) + 1}]))

        async def head(tx: Transaction) -> int:
            row = await tx.one(LOCK_FEED, **own_binds(alice))
            assert row is not None
            return int(row["head"])

        await asyncio.gather(*(advance() for _ in range(40)))
        async with db.transaction() as tx:
            assert await head(tx) == 41

    over(settings, work)


def test_many_carries_a_statement_out_for_each_row(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            people = [await added(tx, name) for name in ("alice", "bob", "carol")]
            await tx.many(RENAME, [{"id": id, "locale": f"wisteria-{n}"} for n, id in enumerate(people)])
            await tx.many(RENAME, [])
        assert [row["locale"] for row in await db.all(LOCALES)] == ["wisteria-0", "wisteria-1", "wisteria-2"]

    over(settings, work)
