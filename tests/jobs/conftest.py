"""Helpers of the tests of jobs: an open database with a queue, and a short backoff."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import Database, Statement, open_database
from app.jobs import JobRecord, Jobs, jobs
from app.sealing import Cipher
from app.settings import Settings
from tests.conftest import Databases

CIPHER = Cipher(bytes(32))
ALL = Statement(sa.select(JobRecord.table()))
Work = Callable[[Database, Jobs], Coroutine[Any, Any, None]]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry within hundredths of a second."""
    monkeypatch.setattr(jobs, "MIN_BACKOFF", 0.02)
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)


@pytest.fixture
def settings(databases: Databases, database: str) -> Settings:
    return Settings(database_url=databases.fresh(database))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Database, Jobs]]:
    """Open a database with a queue that is not started."""
    db = open_database(settings)
    await db.open()
    queue = Jobs(db, CIPHER)
    try:
        yield db, queue
    finally:
        await queue.stop()
        await db.close()


def run(settings: Settings, work: Work) -> None:
    """Run work on an open database and its queue."""

    async def main() -> None:
        async with opened(settings) as (db, queue):
            await work(db, queue)

    asyncio.run(main())


async def add(db: Database, queue: Jobs, payload: dict[str, Any], **options: Any) -> None:
    """Add a job of the kind `test`, and wake the queue after the commit."""
    async with db.transaction() as tx:
        await queue.add(tx, "test", payload, **options)
    queue.wake()


async def emptied(db: Database) -> None:
    """Wait until no job is left."""
    async with asyncio.timeout(10):
        while await db.all(ALL):  # noqa: ASYNC110 - rows have no event
            await asyncio.sleep(0.01)
