"""Purging: what is old goes, floors rise to the highest number that went, and nobody is harmed meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.db import Database, Statement
from app.problems import Unavailable
from app.records import purging
from app.records.access import LOCK_FEED
from app.records.tables import RememberedOp
from app.settings import Settings
from tests.db.helpers import add_account, locked_feed, with_database
from tests.sync.planted import SET_CHANGE, Planted, days_ago, every, feed, plant, plant_operations, seqs

CUTOFF = days_ago(400)
WAITING = Statement(
    sa.select(sa.column("pid"))
    .select_from(sa.table("pg_stat_activity"))
    .where(sa.column("wait_event_type") == "Lock", sa.column("datname") == sa.func.current_database())
)


async def two(db: Database, hers: list[Planted], his: list[Planted], *, floor: int = 0) -> tuple[UUID, UUID]:
    """Return Alice and Bob with their feeds planted."""
    async with db.transaction() as tx:
        alice, bob = await add_account(tx, "alice"), await add_account(tx, "bob")
        await plant(tx, alice, hers, floor=floor)
        await plant(tx, bob, his)
    return alice, bob


async def whole(steps: AsyncIterator[int]) -> int:
    return sum([each async for each in steps])


def test_old_removals_go_and_the_floor_rises_to_the_highest_of_them(settings: Settings) -> None:
    async def work(db: Database) -> None:
        hers = [Planted(2, 900, deleted=False), Planted(3, 401), Planted(4, 800), Planted(5, 399), Planted(6, 0)]
        alice, bob = await two(db, hers, [Planted(2, 500, deleted=False), Planted(3, 100)])
        assert await whole(purging.purge(db, CUTOFF)) == 2
        assert await seqs(db, alice) == [2, 5, 6]
        assert (await feed(db, alice))["floor"] == 4
        assert (await feed(db, alice))["head"] == 6
        assert (await feed(db, alice))["epoch"] == 7
        assert await seqs(db, bob) == [2, 3]
        assert (await feed(db, bob))["floor"] == 0
        assert await whole(purging.purge(db, CUTOFF)) == 0

    with_database(settings, work)


def test_a_floor_never_falls(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, _ = await two(db, [Planted(4, 900), Planted(20, 0, deleted=False)], [Planted(2, 1)], floor=12)
        assert await whole(purging.purge(db, CUTOFF)) == 1
        assert (await feed(db, alice))["floor"] == 12

    with_database(settings, work)


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 1000])
def test_all_of_it_goes_by_pages_whoever_shares_a_moment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", at_once)

    async def work(db: Database) -> None:
        moments = [500, 500, 500, 500, 450, 450, 600, 401, 500]
        hers = [Planted(seq, days) for seq, days in enumerate(moments, 2)]
        alice, bob = await two(db, [*hers, Planted(50, 1)], [Planted(9, 450), *hers[:5]])
        assert await whole(purging.purge(db, CUTOFF)) == 15
        assert (await seqs(db, alice), await seqs(db, bob)) == ([50], [])
        assert ((await feed(db, alice))["floor"], (await feed(db, bob))["floor"]) == (10, 9)
        async with db.transaction() as tx:
            await plant_operations(tx, alice, [*moments, 399, 0])
            await plant_operations(tx, bob, moments)
        assert await whole(purging.forget(db, CUTOFF)) == 18
        assert {row["written_at"] for row in await db.all(every(RememberedOp))} == {days_ago(399), days_ago(0)}

    with_database(settings, work)


def test_interrupted_anywhere_it_has_done_no_harm_and_ends_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", 2)

    async def work(db: Database) -> None:
        numbers = list(range(2, 9))
        hers = [Planted(seq, 600 - seq) for seq in numbers]
        alice, bob = await two(db, hers, hers)
        for _ in range(14):
            async with aclosing(purging.purge(db, CUTOFF)) as steps:
                async for _ in steps:
                    break
            for owner_id in (alice, bob):
                floor = (await feed(db, owner_id))["floor"]
                assert await seqs(db, owner_id) == [seq for seq in numbers if seq > floor]
        assert await whole(purging.purge(db, CUTOFF)) == 0
        assert ((await feed(db, alice))["floor"], (await feed(db, bob))["floor"]) == (8, 8)

    with_database(settings, work)


def test_what_came_back_meanwhile_stays(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", 1)

    async def work(db: Database) -> None:
        alice, bob = await two(db, [Planted(2, 900)], [Planted(2, 800)])
        async with aclosing(purging.purge(db, CUTOFF)) as steps:
            assert await anext(steps) == 1
            async with db.transaction() as tx:
                await tx.run(SET_CHANGE, owner_id=bob, seq=2, new_seq=3, written_at=days_ago(0))
            assert await anext(steps, None) is None
        assert (await seqs(db, alice), await seqs(db, bob)) == ([], [3])
        assert (await feed(db, bob))["floor"] == 0

    with_database(settings, work)


def test_it_waits_for_who_writes_and_gives_up_by_the_deadline(settings: Settings) -> None:
    alice, _ = with_database(settings, lambda db: two(db, [Planted(2, 900)], [Planted(2, 1)]))
    hurried = settings.model_copy(update={"statement_seconds": 0.3})
    with locked_feed(settings, alice), pytest.raises(Unavailable):
        with_database(hurried, lambda db: whole(purging.purge(db, CUTOFF)))
    assert with_database(settings, lambda db: seqs(db, alice)) == [2]
    assert with_database(settings, lambda db: whole(purging.purge(db, CUTOFF))) == 1


def test_what_moved_up_behind_another_purger_is_found_by_the_next_page(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", 2)
    settings = settings.model_copy(update={"database_pool": 3})

    async def work(db: Database) -> None:
        alice, bob = await two(db, [Planted(2, 900), Planted(3, 800), Planted(4, 600)], [Planted(2, 700)])
        async with db.transaction() as other:
            await other.run(LOCK_FEED, owner_id=alice, account_id=alice, device_id=alice)
            purged = asyncio.create_task(whole(purging.purge(db, CUTOFF)))
            while not (settings.uses_sqlite or await db.all(WAITING)):
                pass
            gone = await other.all(
                purging.DELETE_TOMBSTONES, since=days_ago(1000), before=CUTOFF, rows=2, locked=[alice]
            )
            assert {row["seq"] for row in gone} == {2, 3}
        assert await purged == 2
        assert (await seqs(db, alice), await seqs(db, bob)) == ([], [])
        assert ((await feed(db, alice))["floor"], (await feed(db, bob))["floor"]) == (4, 2)

    with_database(settings, work)


def test_two_at_once_share_the_work(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", 3)

    async def work(db: Database) -> None:
        hers = [Planted(seq, 500 + seq % 3) for seq in range(2, 30)]
        alice, bob = await two(db, hers, hers)
        async with db.transaction() as tx:
            await plant_operations(tx, alice, [500 + number % 3 for number in range(20)])
        both = await asyncio.gather(*(whole(purging.purge(db, CUTOFF)) for _ in range(2)))
        assert sum(both) == 56
        assert (await seqs(db, alice), await seqs(db, bob)) == ([], [])
        assert sum(await asyncio.gather(*(whole(purging.forget(db, CUTOFF)) for _ in range(2)))) == 20

    with_database(settings, work)
