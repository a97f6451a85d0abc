"""Writers on SQLite share a commit: all are acknowledged once it is on the disk, and an error affects only its own block."""

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
from tests.db.helpers import EMAILS, ENDLESS, DeliberateError, account_names, add_account, with_database

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
        await add_account(tx, name)
        if wrong is not None:
            raise wrong


async def orphan(db: Database, name: str) -> None:
    """Add an account, and a feed without an account, which only the commit refuses."""
    async with db.transaction() as tx:
        await add_account(tx, name)
        writer_of(db).connection.execute("PRAGMA defer_foreign_keys=ON")
        await tx.run(
            ORPHAN,
            owner_id=new_id(),
            head=1,
            epoch=1,
            floor=0,
            consents=0,
            records=0,
            document_bytes=0,
            remembered_ops=0,
        )


@asynccontextmanager
async def held_lock(db: Database) -> AsyncIterator[list[str]]:
    """Hold the writer's lock during the block; yield a list of the SQL that SQLite then receives."""
    said: list[str] = []
    async with writer_of(db).exclusive():
        vars(writer_of(db).connection)["_raw"].set_trace_callback(said.append)
        yield said
        await a_few_turns()


async def a_few_turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def outcomes(*work: Coroutine[Any, Any, None]) -> list[type]:
    return [type(outcome) for outcome in await asyncio.gather(*work, return_exceptions=True)]


def test_waiting_writers_share_a_commit_and_a_failed_block_is_undone_alone(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await add(db, "alice")
        wrong = {"bob": None, "carol": DeliberateError(), "dave": None, "erin": None}
        async with held_lock(db) as said:
            tasks = asyncio.create_task(outcomes(*(add(db, name, error) for name, error in wrong.items())))
            await a_few_turns()
        assert await tasks == [NONE, DeliberateError, NONE, NONE]
        assert await account_names(db) == ["alice", "bob", "dave", "erin"]
        assert [text for text in said if text in ("BEGIN IMMEDIATE", "COMMIT")] == ["BEGIN IMMEDIATE", "COMMIT"]

    with_database(settings, work)


@contextmanager
def slow_disk(db: Database) -> Iterator[None]:
    """Let no commit finish until the block ends."""
    disk = threading.Event()
    vars(writer_of(db))["_thread"].submit(disk.wait)
    try:
        yield
    finally:
        disk.set()


def test_nothing_is_acknowledged_or_visible_before_it_is_on_the_disk(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await add(db, "alice")
        with slow_disk(db):
            tasks = [asyncio.create_task(add(db, name)) for name in ("bob", "carol")]
            assert await asyncio.wait(tasks, timeout=0.2) == (set(), {*tasks})
            assert await account_names(db) == ["alice"]
        await asyncio.gather(*tasks)
        assert await account_names(db) == ["alice", "bob", "carol"]

    with_database(settings, work)


def test_a_block_that_is_cancelled_while_it_waits_for_the_disk_does_not_affect_others(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await add(db, "alice")
        with slow_disk(db):
            tasks = [asyncio.create_task(add(db, name)) for name in ("bob", "carol")]
            await a_few_turns()
            tasks[0].cancel()
            with suppress(asyncio.CancelledError):
                await tasks[0]
        await tasks[1]
        await add(db, "dave")
        assert await account_names(db) == ["alice", "bob", "carol", "dave"]

    with_database(settings, work)


def test_if_sqlite_rolls_back_the_whole_transaction_all_its_blocks_are_unavailable(settings: Settings) -> None:
    async def overlong(db: Database) -> None:
        async with db.transaction() as tx:
            await add_account(tx, "overlong")
            await tx.run(ENDLESS_WRITE)

    async def work(db: Database) -> None:
        await add(db, "alice")
        async with held_lock(db):
            tasks = asyncio.create_task(outcomes(add(db, "bob"), overlong(db), add(db, "carol")))
            await a_few_turns()
        assert await tasks == [Unavailable, Unavailable, NONE]
        assert await account_names(db) == ["alice", "carol"]
        assert await outcomes(overlong(db)) == [Unavailable]
        await add(db, "bob")
        assert await account_names(db) == ["alice", "bob", "carol"]

    with_database(settings.model_copy(update={"statement_seconds": 0.5}), work)


def test_an_error_at_commit_is_raised_for_a_single_block_and_unavailable_for_several(settings: Settings) -> None:
    async def work(db: Database) -> None:
        assert await outcomes(orphan(db, "alice")) == [sqlite3.IntegrityError]
        async with held_lock(db):
            tasks = asyncio.create_task(outcomes(add(db, "bob"), orphan(db, "alice")))
            await a_few_turns()
        assert await tasks == [Unavailable, Unavailable]
        assert await account_names(db) == []
        await add(db, "bob")
        assert await account_names(db) == ["bob"]

    with_database(settings, work)


def test_a_checkpoint_waits_for_the_blocks_that_have_run(settings: Settings) -> None:
    async def work(db: Database) -> None:
        await add(db, "alice")
        async with held_lock(db) as said:
            tasks = asyncio.gather(add(db, "bob"), db.checkpoint())
            await a_few_turns()
        await tasks
        order = [text for text in said if text in ("BEGIN IMMEDIATE", "COMMIT") or "checkpoint" in text]
        assert order == ["BEGIN IMMEDIATE", "COMMIT", "PRAGMA wal_checkpoint(TRUNCATE)"]
        assert await account_names(db) == ["alice", "bob"]

    with_database(settings, work)


@pytest.mark.parametrize(("seconds", "emptied"), [(0.1, False), (20, True)])
def test_a_log_that_is_being_read_is_truncated_afterwards_or_skipped_at_the_deadline(
    settings: Settings, seconds: float, *, emptied: bool
) -> None:
    log = Path(settings.database_url.removeprefix("sqlite:///") + "-wal")
    sizes = []

    async def work(db: Database) -> None:
        other = open_database(settings)
        await add(db, "alice")
        await other.all(EMAILS)
        reader = vars(other)["_reader"]
        reader.execute("BEGIN")
        reader.tuples(EMAILS, {})
        await add(db, "bob")
        asyncio.get_running_loop().call_later(0.5, reader.rollback)
        await db.checkpoint()
        sizes.append(log.stat().st_size)  # noqa: ASYNC240 - it takes no time
        reader.rollback()
        await other.close()

    with_database(settings.model_copy(update={"statement_seconds": seconds}), work)
    assert (sizes == [0]) == emptied
