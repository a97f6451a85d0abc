"""Statements of one loop turn reach PostgreSQL as one, and each caller gets the result that it would get alone."""

import asyncio
import weakref
from collections.abc import Awaitable
from contextlib import suppress
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from app import clock
from app.db import Database, Lookup, RemoteDatabase, Row, Statement, bind, open_database
from app.db.postgres.coalescing import MAX_BATCH
from app.db.postgres.database import MAX_COALESCED_BYTES
from app.identity import Feed
from app.ids import new_id
from app.problems import Unavailable
from app.records.access import FEED_CAS, INSERT_REMEMBERED_OP, LOCK_FEED
from app.records.tables import RememberedOp
from app.settings import Settings
from tests.db.helpers import add_account, logged_queries, own_binds, with_database
from tests.promises.test_leaving_nothing import without_garbage_collection
from tests.rows import FEED

_feed, _op = Feed.table(), RememberedOp.table()
OWNER = Lookup(sa.select(_feed.c.owner_id).where(_feed.c.owner_id == bind(_feed.c.owner_id)))
HEADS = Statement(sa.select(_feed.c.head))
KEPT = Statement(sa.select(_op.c.op_id))


@pytest.fixture
def database() -> str:
    return "postgresql"


async def feeds(db: Database, count: int) -> list[Row]:
    """Add accounts; return their feeds."""
    async with db.transaction() as tx:
        ids = [await add_account(tx, f"person-{n}") for n in range(count)]
    return [await db.only(FEED, owner_id=id) for id in ids]


async def write_ops(db: Database, feed: Row, *op_ids: UUID) -> bool:
    """Write remembered operations of an owner if the feed is unchanged."""
    assert isinstance(db, RemoteDatabase)
    op = {"digest": b"wisteria", "outcome": "applied", "status": 200, "written_at": clock.now()}
    ops = [op | {"owner_id": feed["owner_id"], "op_id": op_id} for op_id in op_ids]
    return await db.write_if_unchanged(
        FEED_CAS, feed | {"began": feed["head"], "head": feed["head"] + 1}, (INSERT_REMEMBERED_OP, ops)
    )


async def gather(*work: Awaitable[bool]) -> list[bool]:
    """Submit writes in one loop turn; return their results."""
    return await asyncio.gather(*work)


async def kept(db: Database) -> set[UUID]:
    return {row["op_id"] for row in await db.all(KEPT)}


async def heads(db: Database) -> list[int]:
    return sorted(row["head"] for row in await db.all(HEADS))


def test_look_ups_of_one_loop_turn_are_one_statement_and_each_finds_its_own_row(settings: Settings) -> None:
    async def work(db: Database) -> None:
        known = [feed["owner_id"] for feed in await feeds(db, 3)]
        ids = [known[0], new_id(), known[1], known[2], known[0]]
        async with logged_queries(db) as queries:
            found = await asyncio.gather(*(db.tuples(OWNER, owner_id=id) for id in ids))
        assert queries == [OWNER.many_keys.postgres.sql]
        assert [[*map(tuple, rows)] for rows in found] == [[(id,)] if id in known else [] for id in ids]
        async with logged_queries(db) as queries:
            assert [*await db.tuples(OWNER, owner_id=known[1])] == [(known[1],)]
        assert queries == [OWNER.postgres.sql]

    with_database(settings, work)


def test_a_batch_has_at_most_max_batch_items(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with logged_queries(db) as queries:
            found = await asyncio.gather(*(db.tuples(OWNER, owner_id=new_id()) for _ in range(2 * MAX_BATCH + 1)))
        assert not any(found)
        assert queries == [OWNER.many_keys.postgres.sql] * 2 + [OWNER.postgres.sql]

    with_database(settings, work)


def test_writes_of_one_loop_turn_are_one_statement_and_succeed_or_fail_independently(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob, carol = await feeds(db, 3)
        first, second, third, fourth, last = (new_id() for _ in range(5))
        stale = bob | {"head": bob["head"] - 1}
        async with logged_queries(db) as queries:
            done = await gather(
                write_ops(db, alice, first, second),
                write_ops(db, stale, third),
                write_ops(db, carol),
                write_ops(db, alice, fourth),
            )
        assert len(queries) == 1
        assert done == [True, False, True, False]
        assert await kept(db) == {first, second}
        assert await heads(db) == sorted([alice["head"] + 1, bob["head"], carol["head"] + 1])
        assert await write_ops(db, bob, last)
        assert await kept(db) == {first, second, last}

    with_database(settings, work)


def test_a_large_write_is_sent_alone(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob, carol = await feeds(db, 3)
        much = [new_id() for _ in range(MAX_COALESCED_BYTES // 100)]
        async with logged_queries(db) as queries:
            assert (
                await gather(write_ops(db, alice, *much), write_ops(db, bob, new_id()), write_ops(db, carol, new_id()))
                == [True] * 3
            )
        assert len(queries) == 2
        assert len(await kept(db)) == len(much) + 2

    with_database(settings, work)


def test_a_violated_constraint_undoes_the_batch_and_is_raised_for_a_single_write(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob = await feeds(db, 2)
        twice, once = new_id(), new_id()
        assert await gather(write_ops(db, alice, twice, twice), write_ops(db, bob, once)) == [False, False]
        assert await heads(db) == sorted([alice["head"], bob["head"]])
        with pytest.raises(asyncpg.UniqueViolationError):
            await write_ops(db, alice, twice, twice)
        assert await write_ops(db, bob, once)
        assert await kept(db) == {once}

    with_database(settings, work)


def test_a_locked_feed_is_skipped_without_waiting(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob = await feeds(db, 2)
        another, them = open_database(settings), own_binds(alice["owner_id"])
        async with asyncio.timeout(5), another.transaction() as tx:
            await tx.only(LOCK_FEED, **them)
            assert await gather(write_ops(db, alice, new_id()), write_ops(db, bob, new_id())) == [False, True]
        await another.close()
        assert await write_ops(db, alice, new_id())

    with_database(settings, work)


def test_a_cancelled_caller_fails_others_only_if_it_is_the_first_of_the_batch(settings: Settings) -> None:
    async def work(db: Database) -> None:
        def looking() -> asyncio.Task[object]:
            return asyncio.create_task(db.tuples(OWNER, owner_id=new_id()))

        first, second, third = looking(), looking(), looking()
        await asyncio.sleep(0)
        second.cancel()
        assert not any(await asyncio.gather(first, third))
        first, second, third = looking(), looking(), looking()
        await asyncio.sleep(0)
        first.cancel()
        third.cancel()
        with pytest.raises(Unavailable):
            await second
        assert not await db.tuples(OWNER, owner_id=new_id())

    with_database(settings, work)


def test_an_unreachable_database_fails_the_whole_batch_and_leaves_no_reference_cycle(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async def ask() -> None:
            held.add(_here := asyncio.Event())
            with suppress(Unavailable):
                await db.tuples(OWNER, owner_id=new_id())
                pytest.fail("there was an answer")

        held: weakref.WeakSet[asyncio.Event] = weakref.WeakSet()
        with without_garbage_collection():
            await asyncio.gather(*(ask() for _ in range(3)))
            assert not held

    with_database(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}), work)
