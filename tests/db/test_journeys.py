"""What is asked of PostgreSQL in the same moment makes one journey, and everybody is told what they alone would be."""

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
from tests.db.opened import added, hearing, over, own_binds
from tests.promises.test_leaving_nothing import no_garbage_collected
from tests.rows import FEED

_feed, _op = Feed.table(), RememberedOp.table()
OWNER = Lookup(sa.select(_feed.c.owner_id).where(_feed.c.owner_id == bind(_feed.c.owner_id)))
HEADS = Statement(sa.select(_feed.c.head))
KEPT = Statement(sa.select(_op.c.op_id))


@pytest.fixture
def database() -> str:
    return "postgresql"


async def feeds(db: Database, count: int) -> list[Row]:
    """Return the feeds of so many new people."""
    async with db.transaction() as tx:
        ids = [await added(tx, f"person-{n}") for n in range(count)]
    return [await db.only(FEED, owner_id=id) for id in ids]


async def remembers(db: Database, feed: Row, *op_ids: UUID) -> bool:
    """Write operations of an owner's devices, if the feed is where it was found."""
    assert isinstance(db, RemoteDatabase)
    told = {"digest": b"wisteria", "outcome": "applied", "status": 200, "written_at": clock.now()}
    ops = [told | {"owner_id": feed["owner_id"], "op_id": op_id} for op_id in op_ids]
    return await db.write_if_unchanged(
        FEED_CAS, feed | {"began": feed["head"], "head": feed["head"] + 1}, (INSERT_REMEMBERED_OP, ops)
    )


async def all_of(*work: Awaitable[bool]) -> list[bool]:
    """Return what becomes of writes that are asked for in one moment."""
    return await asyncio.gather(*work)


async def kept(db: Database) -> set[UUID]:
    return {row["op_id"] for row in await db.all(KEPT)}


async def heads(db: Database) -> list[int]:
    return sorted(row["head"] for row in await db.all(HEADS))


def test_lookups_of_one_moment_are_one_statement_and_each_finds_its_own(settings: Settings) -> None:
    async def work(db: Database) -> None:
        known = [feed["owner_id"] for feed in await feeds(db, 3)]
        asked = [known[0], new_id(), known[1], known[2], known[0]]
        async with hearing(db) as heard:
            found = await asyncio.gather(*(db.tuples(OWNER, owner_id=id) for id in asked))
        assert heard == [OWNER.many_keys.postgres.sql]
        assert [[*map(tuple, rows)] for rows in found] == [[(id,)] if id in known else [] for id in asked]
        async with hearing(db) as heard:
            assert [*await db.tuples(OWNER, owner_id=known[1])] == [(known[1],)]
        assert heard == [OWNER.postgres.sql]

    over(settings, work)


def test_no_more_than_a_few_travel_together(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with hearing(db) as heard:
            found = await asyncio.gather(*(db.tuples(OWNER, owner_id=new_id()) for _ in range(2 * MAX_BATCH + 1)))
        assert not any(found)
        assert heard == [OWNER.many_keys.postgres.sql] * 2 + [OWNER.postgres.sql]

    over(settings, work)


def test_writes_of_one_moment_are_one_statement_and_each_stands_by_itself(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob, carol = await feeds(db, 3)
        first, second, third, fourth, last = (new_id() for _ in range(5))
        stale = bob | {"head": bob["head"] - 1}
        async with hearing(db) as heard:
            done = await all_of(
                remembers(db, alice, first, second),
                remembers(db, stale, third),
                remembers(db, carol),
                remembers(db, alice, fourth),
            )
        assert len(heard) == 1
        assert done == [True, False, True, False]
        assert await kept(db) == {first, second}
        assert await heads(db) == sorted([alice["head"] + 1, bob["head"], carol["head"] + 1])
        assert await remembers(db, bob, last)
        assert await kept(db) == {first, second, last}

    over(settings, work)


def test_who_has_much_to_write_travels_alone(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob, carol = await feeds(db, 3)
        much = [new_id() for _ in range(MAX_COALESCED_BYTES // 100)]
        async with hearing(db) as heard:
            assert (
                await all_of(remembers(db, alice, *much), remembers(db, bob, new_id()), remembers(db, carol, new_id()))
                == [True] * 3
            )
        assert len(heard) == 2
        assert len(await kept(db)) == len(much) + 2

    over(settings, work)


def test_a_fault_of_one_undoes_the_journey_and_is_told_to_whoever_travels_alone(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob = await feeds(db, 2)
        twice, once = new_id(), new_id()
        assert await all_of(remembers(db, alice, twice, twice), remembers(db, bob, once)) == [False, False]
        assert await heads(db) == sorted([alice["head"], bob["head"]])
        with pytest.raises(asyncpg.UniqueViolationError):
            await remembers(db, alice, twice, twice)
        assert await remembers(db, bob, once)
        assert await kept(db) == {once}

    over(settings, work)


def test_nobody_waits_for_a_feed_that_somebody_else_has_in_hand(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, bob = await feeds(db, 2)
        another, them = open_database(settings), own_binds(alice["owner_id"])
        async with asyncio.timeout(5), another.transaction() as tx:
            await tx.only(LOCK_FEED, **them)
            assert await all_of(remembers(db, alice, new_id()), remembers(db, bob, new_id())) == [False, True]
        await another.close()
        assert await remembers(db, alice, new_id())

    over(settings, work)


def test_who_leaves_takes_nobody_along_but_those_who_wait_for_them(settings: Settings) -> None:
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

    over(settings, work)


def test_a_database_that_is_away_is_away_for_all_who_travel_and_nothing_of_them_stays(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async def ask() -> None:
            held.add(_here := asyncio.Event())
            with suppress(Unavailable):
                await db.tuples(OWNER, owner_id=new_id())
                pytest.fail("there was an answer")

        held: weakref.WeakSet[asyncio.Event] = weakref.WeakSet()
        with no_garbage_collected():
            await asyncio.gather(*(ask() for _ in range(3)))
            assert not held

    over(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}), work)
