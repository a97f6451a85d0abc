"""Transactions for background work. A pause after each transaction lets requests acquire its locks."""

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

    In the pause, requests can acquire the locks that the transaction held. On SQLite, other processes poll for the
    write lock: without a pause they would hardly ever find it free.
    """
    started = time.monotonic()
    async with db.transaction() as tx:
        yield tx
    await asyncio.sleep(time.monotonic() - started)


async def delete_in_batches(db: Database, oldest: Statement, before: datetime, rows: int) -> AsyncGenerator[int, None]:
    """Delete all rows whose time is earlier than `before`, in transactions of at most `rows` rows.

    Yield the number of deleted rows after each transaction. `oldest` is a DELETE statement with the parameters `since`,
    `before` and `rows`: it deletes the oldest rows between these times, and returns the time of each row in the column
    `moment`. `since` advances after each transaction, so that no transaction scans rows that are already deleted.
    """
    since = LONG_AGO
    while True:
        async with background_transaction(db) as tx:
            deleted = await tx.all(oldest, since=since, before=before, rows=rows)
        if not deleted:
            return
        yield len(deleted)
        since = max(row["moment"] for row in deleted)
