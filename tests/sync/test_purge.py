"""Purges: old tombstones and operations are deleted, floors rise to the highest deleted number, writers are safe."""

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
from tests.sync.feed_rows import (
    SET_CHANGE,
    ChangeRow,
    days_ago,
    feed,
    insert_changes,
    insert_remembered_ops,
    select_all,
    seqs,
)

CUTOFF = days_ago(400)
WAITING = Statement(
    sa.select(sa.column("pid"))
    .select_from(sa.table("pg_stat_activity"))
    .where(sa.column("wait_event_type") == "Lock", sa.column("datname") == sa.func.current_database())
)


async def two_feeds(db: Database, hers: list[ChangeRow], his: list[ChangeRow], *, floor: int = 0) -> tuple[UUID, UUID]:
    """Create the accounts of Alice and Bob with these changes; return their ids."""
    async with db.transaction() as tx:
        alice, bob = await add_account(tx, "alice"), await add_account(tx, "bob")
        await insert_changes(tx, alice, hers, floor=floor)
        await insert_changes(tx, bob, his)
    return alice, bob


async def total(steps: AsyncIterator[int]) -> int:
    return sum([each async for each in steps])


def test_old_tombstones_are_deleted_and_the_floor_rises_to_the_highest_of_them(settings: Settings) -> None:
    async def work(db: Database) -> None:
        hers = [
            ChangeRow(2, 900, deleted=False),
            ChangeRow(3, 401),
            ChangeRow(4, 800),
            ChangeRow(5, 399),
            ChangeRow(6, 0),
        ]
        alice, bob = await two_feeds(db, hers, [ChangeRow(2, 500, deleted=False), ChangeRow(3, 100)])
        assert await total(purging.purge(db, CUTOFF)) == 2
        assert await seqs(db, alice) == [2, 5, 6]
        assert (await feed(db, alice))["floor"] == 4
        assert (await feed(db, alice))["head"] == 6
        assert (await feed(db, alice))["epoch"] == 7
        assert await seqs(db, bob) == [2, 3]
        assert (await feed(db, bob))["floor"] == 0
        assert await total(purging.purge(db, CUTOFF)) == 0

    with_database(settings, work)


def test_a_floor_never_falls(settings: Settings) -> None:
    async def work(db: Database) -> None:
        alice, _ = await two_feeds(
            db, [ChangeRow(4, 900), ChangeRow(20, 0, deleted=False)], [ChangeRow(2, 1)], floor=12
        )
        assert await total(purging.purge(db, CUTOFF)) == 1
        assert (await feed(db, alice))["floor"] == 12

    with_database(settings, work)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 1000])
def test_batches_of_any_size_delete_all_also_of_equal_times(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", batch_size)

    async def work(db: Database) -> None:
        ages = [500, 500, 500, 500, 450, 450, 600, 401, 500]
        hers = [ChangeRow(seq, days) for seq, days in enumerate(ages, 2)]
        alice, bob = await two_feeds(db, [*hers, ChangeRow(50, 1)], [ChangeRow(9, 450), *hers[:5]])
        assert await total(purging.purge(db, CUTOFF)) == 15
        assert (await seqs(db, alice), await seqs(db, bob)) == ([50], [])
        assert ((await feed(db, alice))["floor"], (await feed(db, bob))["floor"]) == (10, 9)
        async with db.transaction() as tx:
            await insert_remembered_ops(tx, alice, [*ages, 399, 0])
            await insert_remembered_ops(tx, bob, ages)
        assert await total(purging.purge_operations(db, CUTOFF)) == 18
        assert {row["written_at"] for row in await db.all(select_all(RememberedOp))} == {days_ago(399), days_ago(0)}

    with_database(settings, work)


def test_a_purge_interrupted_after_any_batch_is_consistent_and_can_be_continued(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", 2)

    async def work(db: Database) -> None:
        numbers = list(range(2, 9))
        hers = [ChangeRow(seq, 600 - seq) for seq in numbers]
        alice, bob = await two_feeds(db, hers, hers)
        for _ in range(14):
            async with aclosing(purging.purge(db, CUTOFF)) as steps:
                async for _ in steps:
                    break
            for owner_id in (alice, bob):
                floor = (await feed(db, owner_id))["floor"]
                assert await seqs(db, owner_id) == [seq for seq in numbers if seq > floor]
        assert await total(purging.purge(db, CUTOFF)) == 0
        assert ((await feed(db, alice))["floor"], (await feed(db, bob))["floor"]) == (8, 8)

    with_database(settings, work)


def test_a_record_restored_during_the_purge_is_kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", 1)

    async def work(db: Database) -> None:
        alice, bob = await two_feeds(db, [ChangeRow(2, 900)], [ChangeRow(2, 800)])
        async with aclosing(purging.purge(db, CUTOFF)) as steps:
            assert await anext(steps) == 1
            async with db.transaction() as tx:
                await tx.run(SET_CHANGE, owner_id=bob, seq=2, new_seq=3, written_at=days_ago(0))
            assert await anext(steps, None) is None
        assert (await seqs(db, alice), await seqs(db, bob)) == ([], [3])
        assert (await feed(db, bob))["floor"] == 0

    with_database(settings, work)


def test_a_purge_waits_for_writers_until_the_statement_timeout(settings: Settings) -> None:
    alice, _ = with_database(settings, lambda db: two_feeds(db, [ChangeRow(2, 900)], [ChangeRow(2, 1)]))
    short_timeout = settings.model_copy(update={"statement_seconds": 0.3})
    with locked_feed(settings, alice), pytest.raises(Unavailable):
        with_database(short_timeout, lambda db: total(purging.purge(db, CUTOFF)))
    assert with_database(settings, lambda db: seqs(db, alice)) == [2]
    assert with_database(settings, lambda db: total(purging.purge(db, CUTOFF))) == 1


def test_rows_that_another_purge_uncovers_are_found_by_the_next_batch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", 2)
    settings = settings.model_copy(update={"database_pool": 3})

    async def work(db: Database) -> None:
        alice, bob = await two_feeds(db, [ChangeRow(2, 900), ChangeRow(3, 800), ChangeRow(4, 600)], [ChangeRow(2, 700)])
        async with db.transaction() as other:
            await other.run(LOCK_FEED, owner_id=alice, account_id=alice, device_id=alice)
            purged = asyncio.create_task(total(purging.purge(db, CUTOFF)))
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


def test_two_concurrent_purges_delete_each_row_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH_SIZE", 3)

    async def work(db: Database) -> None:
        hers = [ChangeRow(seq, 500 + seq % 3) for seq in range(2, 30)]
        alice, bob = await two_feeds(db, hers, hers)
        async with db.transaction() as tx:
            await insert_remembered_ops(tx, alice, [500 + number % 3 for number in range(20)])
        both = await asyncio.gather(*(total(purging.purge(db, CUTOFF)) for _ in range(2)))
        assert sum(both) == 56
        assert (await seqs(db, alice), await seqs(db, bob)) == ([], [])
        assert sum(await asyncio.gather(*(total(purging.purge_operations(db, CUTOFF)) for _ in range(2)))) == 20

    with_database(settings, work)
