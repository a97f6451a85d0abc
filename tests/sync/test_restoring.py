"""`afterglow restored`: each feed gets a new epoch once, and its old head is recorded."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from uuid import UUID

import pytest

from app.db import Database, Row, Transaction
from app.identity import Feed
from app.problems import Unavailable
from app.records import restoring
from app.records.tables import Restoration, Restoring
from app.settings import Settings
from tests.db.helpers import add_account, locked_feed, with_database
from tests.sync.feed_rows import SET_FEED, select_all

NAMES = ["alice", "bob", "carol", "dan", "erin", "frank", "grace"]


@pytest.fixture
def batches_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Process two feeds at once."""
    monkeypatch.setattr(restoring, "BATCH_SIZE", 2)


async def create_feeds(db: Database, epoch: int = 100) -> list[UUID]:
    """Create accounts whose feeds are in this epoch, with different heads; return their ids."""
    async with db.transaction() as tx:
        ids = [await add_account(tx, name) for name in NAMES]
        for head, id in enumerate(ids, 10):
            await tx.run(SET_FEED, owner_id=id, head=head, epoch=epoch, floor=head - 5)
    return ids


async def feeds(db: Database) -> list[Row]:
    return await db.all(select_all(Feed))


async def restorations(db: Database) -> list[Row]:
    return await db.all(select_all(Restoration))


async def all_steps(steps: AsyncIterator[int]) -> list[int]:
    return [each async for each in steps]


async def run(db: Database) -> int:
    """Start and finish a run; return how many feeds were left at its start."""
    left = await restoring.start(db)
    assert sum(await all_steps(restoring.restored(db))) == left
    return left


def assert_raised_once(before: Sequence[Row], after: Sequence[Row]) -> None:
    """Check that each feed has a later epoch, and that nothing else changed."""
    for old, new in zip(before, after, strict=True):
        assert old["epoch"] < new["epoch"] <= old["epoch"] + restoring.MAX_EPOCH_STEP
        assert new | {"epoch": old["epoch"]} == old


@pytest.mark.usefixtures("batches_of_two")
def test_every_feed_gets_a_new_epoch_and_its_head_is_recorded(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await create_feeds(db)
        before = await feeds(db)
        assert await run(db) == len(NAMES)
        assert_raised_once(before, await feeds(db))
        noted = await restorations(db)
        kept = ("owner_id", "epoch", "head")
        assert [{name: row[name] for name in kept} for row in noted] == [
            {name: row[name] for name in kept} for row in before
        ]
        assert len({row["restored_at"] for row in noted}) == 1
        assert await restoring.unfinished_since(db) is None

    with_database(settings, work)


@pytest.mark.usefixtures("batches_of_two")
def test_an_interrupted_run_continues_and_raises_no_feed_twice(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await create_feeds(db)
        before = await feeds(db)
        assert await restoring.start(db) == len(NAMES)
        began_at = await restoring.unfinished_since(db)
        for done in (2, 4, 6):
            async with aclosing(restoring.restored(db)) as steps:
                assert await anext(steps) == 2
            assert len(await restorations(db)) == done
            assert await restoring.start(db) == len(NAMES) - done
            assert await restoring.unfinished_since(db) == began_at
        assert await run(db) == 1
        assert_raised_once(before, await feeds(db))
        noted = await restorations(db)
        assert [row["owner_id"] for row in noted] == [row["owner_id"] for row in before]
        assert {row["restored_at"] for row in noted} == {began_at}

    with_database(settings, work)


@pytest.mark.usefixtures("batches_of_two")
def test_a_batch_is_committed_completely_or_not_at_all(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(_tx: Transaction, _ids: object) -> None:
        raise Unavailable

    async def work(db: Database) -> None:
        await create_feeds(db)
        before = await feeds(db)
        await restoring.start(db)
        with monkeypatch.context() as patch:
            patch.setattr(restoring, "end_every_device", failing)
            with pytest.raises(Unavailable):
                await all_steps(restoring.restored(db))
        assert await feeds(db) == before
        assert await restorations(db) == []
        assert await run(db) == len(NAMES)
        assert_raised_once(before, await feeds(db))

    with_database(settings, work)


@pytest.mark.usefixtures("batches_of_two")
def test_two_runs_at_once_share_the_work(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await create_feeds(db)
        before = await feeds(db)
        await asyncio.gather(restoring.start(db), restoring.start(db))
        done = await asyncio.gather(*(all_steps(restoring.restored(db)) for _ in range(2)))
        assert sum(map(sum, done)) == len(NAMES)
        assert_raised_once(before, await feeds(db))
        assert len(await restorations(db)) == len(NAMES)
        assert await db.all(select_all(Restoring)) == []

    with_database(settings, work)


def test_the_next_restore_raises_the_epoch_again_and_keeps_earlier_records(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await create_feeds(db)
        first = await feeds(db)
        await run(db)
        second = await feeds(db)
        await run(db)
        assert_raised_once(second, await feeds(db))
        epochs = sorted((row["owner_id"].int, row["epoch"]) for row in (*first, *second))
        assert sorted((row["owner_id"].int, row["epoch"]) for row in await restorations(db)) == epochs

    with_database(settings, work)


def test_two_restores_of_one_backup_rarely_choose_the_same_epoch() -> None:
    drawn = {restoring.later_epoch(100) for _ in range(2000)}
    assert drawn == set(range(101, 101 + restoring.MAX_EPOCH_STEP))
    assert {restoring.later_epoch(8189) for _ in range(200)} == {8190, 8191}
    assert restoring.later_epoch(8190) == 8191


def test_a_feed_in_the_last_epoch_is_an_error_before_any_change(settings: Settings) -> None:
    async def work(db: Database) -> None:
        ids = await create_feeds(db)
        async with db.transaction() as tx:
            await tx.run(SET_FEED, owner_id=ids[3], head=9, epoch=8191, floor=0)
        before = await feeds(db)
        with pytest.raises(restoring.EpochsSpentError):
            await restoring.start(db)
        assert await all_steps(restoring.restored(db)) == []
        assert await feeds(db) == before
        assert await restoring.unfinished_since(db) is None

    with_database(settings, work)


@pytest.mark.usefixtures("batches_of_two")
def test_a_started_run_finishes_in_the_last_epoch(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await create_feeds(db, epoch=8190)
        await restoring.start(db)
        async with aclosing(restoring.restored(db)) as steps:
            await anext(steps)
        assert await run(db) == len(NAMES) - 2
        assert {row["epoch"] for row in await feeds(db)} == {8191}

    with_database(settings, work)


def test_a_run_waits_for_writers_until_the_statement_timeout(settings: Settings) -> None:
    ids = with_database(settings, create_feeds)
    before = with_database(settings, feeds)
    with_database(settings, restoring.start)
    short_timeout = settings.model_copy(update={"statement_seconds": 0.3})
    with locked_feed(settings, ids[-1]), pytest.raises(Unavailable):
        with_database(short_timeout, lambda db: all_steps(restoring.restored(db)))
    assert with_database(settings, feeds) == before
    assert with_database(settings, run) == len(NAMES)
