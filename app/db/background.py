"""Transactions of background work, with pauses so that requests can get the locks that both need."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.db.database import Database, Transaction


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
