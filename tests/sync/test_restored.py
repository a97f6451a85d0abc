"""After a restore: every feed begins a new epoch once, and notes what it had."""

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
from tests.sync.planted import SET_FEED, every

NAMES = ["alice", "bob", "carol", "dan", "erin", "frank", "grace"]


@pytest.fixture
def by_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the feeds two by two."""
    monkeypatch.setattr(restoring, "BATCH_SIZE", 2)


async def people(db: Database, epoch: int = 100) -> list[UUID]:
    """Return people whose feeds are in this epoch, each at a head of its own."""
    async with db.transaction() as tx:
        ids = [await add_account(tx, name) for name in NAMES]
        for head, id in enumerate(ids, 10):
            await tx.run(SET_FEED, owner_id=id, head=head, epoch=epoch, floor=head - 5)
    return ids


async def feeds(db: Database) -> list[Row]:
    return await db.all(every(Feed))


async def notes(db: Database) -> list[Row]:
    return await db.all(every(Restoration))


async def whole(steps: AsyncIterator[int]) -> list[int]:
    return [each async for each in steps]


async def run(db: Database) -> int:
    """Carry out a run, and return how many feeds were left at its beginning."""
    left = await restoring.start(db)
    assert sum(await whole(restoring.restored(db))) == left
    return left


def raised_once(before: Sequence[Row], after: Sequence[Row]) -> None:
    """Expect each feed in a later epoch, and nothing else of it changed."""
    for old, new in zip(before, after, strict=True):
        assert old["epoch"] < new["epoch"] <= old["epoch"] + restoring.MAX_EPOCH_STEP
        assert new | {"epoch": old["epoch"]} == old


@pytest.mark.usefixtures("by_two")
def test_every_feed_begins_a_new_epoch_and_notes_what_it_had(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await people(db)
        before = await feeds(db)
        assert await run(db) == len(NAMES)
        raised_once(before, await feeds(db))
        noted = await notes(db)
        kept = ("owner_id", "epoch", "head")
        assert [{name: row[name] for name in kept} for row in noted] == [
            {name: row[name] for name in kept} for row in before
        ]
        assert len({row["restored_at"] for row in noted}) == 1
        assert await restoring.unfinished_since(db) is None

    with_database(settings, work)


@pytest.mark.usefixtures("by_two")
def test_an_interrupted_run_goes_on_and_raises_no_feed_twice(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await people(db)
        before = await feeds(db)
        assert await restoring.start(db) == len(NAMES)
        began_at = await restoring.unfinished_since(db)
        for done in (2, 4, 6):
            async with aclosing(restoring.restored(db)) as steps:
                assert await anext(steps) == 2
            assert len(await notes(db)) == done
            assert await restoring.start(db) == len(NAMES) - done
            assert await restoring.unfinished_since(db) == began_at
        assert await run(db) == 1
        raised_once(before, await feeds(db))
        noted = await notes(db)
        assert [row["owner_id"] for row in noted] == [row["owner_id"] for row in before]
        assert {row["restored_at"] for row in noted} == {began_at}

    with_database(settings, work)


@pytest.mark.usefixtures("by_two")
def test_a_batch_is_there_whole_or_not_at_all(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(_tx: Transaction, _ids: object) -> None:
        raise Unavailable

    async def work(db: Database) -> None:
        await people(db)
        before = await feeds(db)
        await restoring.start(db)
        with monkeypatch.context() as patch:
            patch.setattr(restoring, "end_every_device", failing)
            with pytest.raises(Unavailable):
                await whole(restoring.restored(db))
        assert await feeds(db) == before
        assert await notes(db) == []
        assert await run(db) == len(NAMES)
        raised_once(before, await feeds(db))

    with_database(settings, work)


@pytest.mark.usefixtures("by_two")
def test_two_runs_at_once_share_the_work(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await people(db)
        before = await feeds(db)
        await asyncio.gather(restoring.start(db), restoring.start(db))
        done = await asyncio.gather(*(whole(restoring.restored(db)) for _ in range(2)))
        assert sum(map(sum, done)) == len(NAMES)
        raised_once(before, await feeds(db))
        assert len(await notes(db)) == len(NAMES)
        assert await db.all(every(Restoring)) == []

    with_database(settings, work)


def test_the_next_restore_raises_again_and_keeps_what_was_noted(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await people(db)
        first = await feeds(db)
        await run(db)
        second = await feeds(db)
        await run(db)
        raised_once(second, await feeds(db))
        epochs = sorted((row["owner_id"].int, row["epoch"]) for row in (*first, *second))
        assert sorted((row["owner_id"].int, row["epoch"]) for row in await notes(db)) == epochs

    with_database(settings, work)


def test_epochs_are_drawn_so_that_two_restores_of_one_backup_hardly_meet() -> None:
    drawn = {restoring.later_epoch(100) for _ in range(2000)}
    assert drawn == set(range(101, 101 + restoring.MAX_EPOCH_STEP))
    assert {restoring.later_epoch(8189) for _ in range(200)} == {8190, 8191}
    assert restoring.later_epoch(8190) == 8191


def test_a_feed_in_the_last_epoch_is_refused_before_anything_happens(settings: Settings) -> None:
    async def work(db: Database) -> None:
        ids = await people(db)
        async with db.transaction() as tx:
            await tx.run(SET_FEED, owner_id=ids[3], head=9, epoch=8191, floor=0)
        before = await feeds(db)
        with pytest.raises(restoring.EpochsSpentError):
            await restoring.start(db)
        assert await whole(restoring.restored(db)) == []
        assert await feeds(db) == before
        assert await restoring.unfinished_since(db) is None

    with_database(settings, work)


@pytest.mark.usefixtures("by_two")
def test_what_is_begun_ends_though_it_reaches_the_last_epoch(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await people(db, epoch=8190)
        await restoring.start(db)
        async with aclosing(restoring.restored(db)) as steps:
            await anext(steps)
        assert await run(db) == len(NAMES) - 2
        assert {row["epoch"] for row in await feeds(db)} == {8191}

    with_database(settings, work)


def test_it_waits_for_who_writes_and_gives_up_by_the_deadline(settings: Settings) -> None:
    ids = with_database(settings, people)
    before = with_database(settings, feeds)
    with_database(settings, restoring.start)
    hurried = settings.model_copy(update={"statement_seconds": 0.3})
    with locked_feed(settings, ids[-1]), pytest.raises(Unavailable):
        with_database(hurried, lambda db: whole(restoring.restored(db)))
    assert with_database(settings, feeds) == before
    assert with_database(settings, run) == len(NAMES)
