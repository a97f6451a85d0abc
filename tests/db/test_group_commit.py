"""Writers on SQLite who share a commit: all are told once it is on the disk, and what one does wrong is its own."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import Database, Statement, bulk_insert, open_database
from app.db.sqlite.writer import Writer
from app.identity.tables import AccountRecord, Feed
from app.ids import new_id
from app.problems import Unavailable
from app.settings import Settings
from tests.db.opened import ADDRESSES, ENDLESS, WisteriaError, added, addresses, over

NONE = type(None)
_account = AccountRecord.table()
ORPHAN = bulk_insert(Feed.table()).one_row
ENDLESS_WRITE = Statement(
    sa.update(_account).values(locale=sa.cast(vars(ENDLESS)["_clause"].scalar_subquery(), sa.String))
)


@pytest.fixture
def database() -> str:
    return "sqlite"


def writer_of(db: Database) -> Writer:
    writer = vars(db)["_writer"]
    assert isinstance(writer, Writer)
    return writer


async def add(db: Database, name: str, wrong: BaseException | None = None) -> None:
    async with db.transaction() as tx:
        await added(tx, name)
        if wrong is not None:
            raise wrong


async def orphan(db: Database, name: str) -> None:
    """Add an account, and a feed of nobody's, which only a commit refuses."""
    async with db.transaction() as tx:
        await added(tx, name)
        writer_of(db).connection.execute("PRAGMA defer_foreign_keys=ON")
        await tx.run(ORPHAN, owner_id=new_id(), head=1, epoch=1, floor=0)


@asynccontextmanager
async def turn_of_another(db: Database) -> AsyncIterator[list[str]]:
    """Have whoever wants to write wait until the end of the block; yield what SQLite is told from then on."""
    said: list[str] = []
    async with writer_of(db).turn():
        vars(writer_of(db).connection)["_raw"].set_trace_callback(said.append)
        yield said
        await a_moment()


async def a_moment() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def outcomes(*work: Coroutine[Any, Any, None]) -> list[type]:
    return [type(outcome) for outcome in await asyncio.gather(*work, return_exceptions=True)]


def test_who_waits_for_the_same_turn_shares_a_commit_and_what_fails_is_undone_alone(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await add(db, "alice")
        wrong = {"bob": None, "carol": WisteriaError(), "dave": None, "erin": None}
        async with turn_of_another(db) as said:
            tasks = asyncio.create_task(outcomes(*(add(db, name, error) for name, error in wrong.items())))
            await a_moment()
        assert await tasks == [NONE, WisteriaError, NONE, NONE]
        assert await addresses(db) == ["alice", "bob", "dave", "erin"]
        assert [text for text in said if text in ("BEGIN IMMEDIATE", "COMMIT")] == ["BEGIN IMMEDIATE", "COMMIT"]

    over(settings, work)


@contextmanager
def a_slow_disk(db: Database) -> Iterator[None]:
    """Let no commit reach the disk until the block ends."""
    disk = threading.Event()
    vars(writer_of(db))["_thread"].submit(disk.wait)
    try:
        yield
    finally:
        disk.set()


def test_nobody_is_told_and_nothing_is_seen_before_it_is_on_the_disk(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await add(db, "alice")
        with a_slow_disk(db):
            tasks = [asyncio.create_task(add(db, name)) for name in ("bob", "carol")]
            assert await asyncio.wait(tasks, timeout=0.2) == (set(), {*tasks})
            assert await addresses(db) == ["alice"]
        await asyncio.gather(*tasks)
        assert await addresses(db) == ["alice", "bob", "carol"]

    over(settings, work)


def test_one_that_is_cancelled_while_it_waits_for_the_disk_harms_nobody(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await add(db, "alice")
        with a_slow_disk(db):
            tasks = [asyncio.create_task(add(db, name)) for name in ("bob", "carol")]
            await a_moment()
            tasks[0].cancel()
            with suppress(asyncio.CancelledError):
                await tasks[0]
        await tasks[1]
        await add(db, "dave")
        assert await addresses(db) == ["alice", "bob", "carol", "dave"]

    over(settings, work)


def test_where_sqlite_gives_up_the_whole_transaction_all_are_asked_to_try_again(settings: Settings) -> None:
    async def overlong(db: Database) -> None:
        async with db.transaction() as tx:
            await added(tx, "overlong")
            await tx.run(ENDLESS_WRITE)

    async def work(db: Database) -> None:
        await add(db, "alice")
        async with turn_of_another(db):
            tasks = asyncio.create_task(outcomes(add(db, "bob"), overlong(db), add(db, "carol")))
            await a_moment()
        assert await tasks == [Unavailable, Unavailable, NONE]
        assert await addresses(db) == ["alice", "carol"]
        assert await outcomes(overlong(db)) == [Unavailable]
        await add(db, "bob")
        assert await addresses(db) == ["alice", "bob", "carol"]

    over(settings.model_copy(update={"statement_seconds": 0.5}), work)


def test_what_a_commit_refuses_is_a_mistake_of_its_own_or_may_be_anybodys(settings: Settings) -> None:
    async def work(db: Database) -> None:
        assert await outcomes(orphan(db, "alice")) == [sqlite3.IntegrityError]
        async with turn_of_another(db):
            tasks = asyncio.create_task(outcomes(add(db, "bob"), orphan(db, "alice")))
            await a_moment()
        assert await tasks == [Unavailable, Unavailable]
        assert await addresses(db) == []
        await add(db, "bob")
        assert await addresses(db) == ["bob"]

    over(settings, work)


def test_the_log_is_emptied_after_those_who_wrote_are_on_the_disk(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await add(db, "alice")
        async with turn_of_another(db) as said:
            tasks = asyncio.gather(add(db, "bob"), db.checkpoint())
            await a_moment()
        await tasks
        order = [text for text in said if text in ("BEGIN IMMEDIATE", "COMMIT") or "checkpoint" in text]
        assert order == ["BEGIN IMMEDIATE", "COMMIT", "PRAGMA wal_checkpoint(TRUNCATE)"]
        assert await addresses(db) == ["alice", "bob"]

    over(settings, work)


@pytest.mark.parametrize(("seconds", "emptied"), [(0.1, False), (20, True)])
def test_a_log_that_somebody_reads_is_emptied_when_they_are_done_or_left_to_the_next_time(
    settings: Settings, seconds: float, *, emptied: bool
) -> None:
    log = Path(settings.database_url.removeprefix("sqlite:///") + "-wal")
    sizes = []

    async def work(db: Database) -> None:
        other = open_database(settings)
        await add(db, "alice")
        await other.all(ADDRESSES)
        reader = vars(other)["_reader"]
        reader.execute("BEGIN")
        reader.tuples(ADDRESSES, {})
        await add(db, "bob")
        asyncio.get_running_loop().call_later(0.5, reader.rollback)
        await db.checkpoint()
        sizes.append(log.stat().st_size)  # noqa: ASYNC240 - it takes no time
        reader.rollback()
        await other.close()

    over(settings.model_copy(update={"statement_seconds": seconds}), work)
    assert (sizes == [0]) == emptied
