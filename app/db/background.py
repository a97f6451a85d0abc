"""Transactions of background work, with pauses so that requests can get the locks that both need."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from app.db.database import Database, Transaction
from app.db.statement import Statement

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@asynccontextmanager
async def background_transaction(db: Database) -> AsyncIterator[Transaction]:
    """Run the block in a transaction, then sleep for as long as the transaction took.

    The pause gives requests a chance to take the lock. SQLite's writers poll for the lock: without a pause they
    would hardly ever find it free.
    """
    started = time.monotonic()
    async with db.transaction() as tx:
        yield tx
    await asyncio.sleep(time.monotonic() - started)


async def delete_in_batches(db: Database, oldest: Statement, before: datetime, rows: int) -> AsyncGenerator[int, None]:
    """Delete the rows from before an instant, at most `rows` in a transaction; yield how many, after each.

    `oldest` deletes the oldest rows between `since` and `before`, and returns the `moment` of each. `since` advances,
    so that no batch scans the rows that earlier ones deleted.
    """
    since = LONG_AGO
    while True:
        async with background_transaction(db) as tx:
            deleted = await tx.all(oldest, since=since, before=before, rows=rows)
        if not deleted:
            return
        yield len(deleted)
        since = max(row["moment"] for row in deleted)
