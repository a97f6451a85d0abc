"""Work in the background, beside requests that wait for the same locks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.db.database import Database, Transaction


@asynccontextmanager
async def background_transaction(db: Database) -> AsyncIterator[Transaction]:
    """Begin a transaction of background work, and rest after it for as long as it took.

    Whoever waits for a lock gets a turn: SQLite's writers look for theirs only now and then, and would hardly ever find
    it free between transactions that follow each other at once.
    """
    began = time.monotonic()
    async with db.transaction() as tx:
        yield tx
    await asyncio.sleep(time.monotonic() - began)
