"""Transactions for background work, with pauses in which requests can get the locks that both need."""

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

    Requests can take the lock in the pause. Other SQLite writers poll for the lock: without a pause they would hardly
    ever find it free.
    """
    started = time.monotonic()
    async with db.transaction() as tx:
        yield tx
    await asyncio.sleep(time.monotonic() - started)


async def delete_in_batches(db: Database, oldest: Statement, before: datetime, rows: int) -> AsyncGenerator[int, None]:
    """Delete all rows from before an instant, in transactions of at most `rows` rows.

    Yield the number of deleted rows after each transaction. The statement `oldest` deletes the oldest rows between
    `since` and `before`, and returns the `moment` of each row. `since` advances, so that no transaction scans the rows
    that earlier ones deleted.
    """
    since = LONG_AGO
    while True:
        async with background_transaction(db) as tx:
            deleted = await tx.all(oldest, since=since, before=before, rows=rows)
        if not deleted:
            return
        yield len(deleted)
        since = max(row["moment"] for row in deleted)
