"""The feed: every write on a person's records takes its numbers here, one writer at a time.

The first statement of a write locks the owner's feed row; only then is anything read that the write decides on. So one
owner's numbers become visible in their order, and a reader that has seen N never misses a smaller one. Writers of
different owners do not meet.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app import clock
from app.db import Bulk, Row, Rows, Statement, Transaction
from app.identity import Caller
from app.records import access
from app.records.codec import version_of


class Writing:
    """One write transaction on one person's feed, which is locked."""

    def __init__(self, tx: Transaction, caller: Caller, feed: Row) -> None:
        """Begin at the feed's head."""
        self.tx = tx
        self.owner_id = caller.account_id
        self.now = clock.now()
        self.epoch: int = feed["epoch"]
        self.head: int = feed["head"]
        self.began: int = self.head
        self._put: dict[Bulk, list[Row]] = defaultdict(list)

    async def all(self, statement: Statement, /, **values: object) -> list[Row]:
        """Return every row of the owner's."""
        return await self.tx.all(statement, owner_id=self.owner_id, **values)

    async def run(self, statement: Statement, /, **values: object) -> None:
        """Carry out a statement on the owner's rows."""
        await self.tx.run(statement, owner_id=self.owner_id, **values)

    def put(self, bulk: Bulk, rows: Rows) -> None:
        """Have rows of the owner's written with the next flush, none of them twice."""
        self._put[bulk].extend({**row, "owner_id": self.owner_id} for row in rows)

    async def flush(self) -> None:
        """Write what was put, in one go."""
        parts = [part for part in self._put.items() if part[1]]
        if parts:
            await self.tx.write(*parts)
        self._put.clear()

    def serves(self, version: int) -> bool:
        """Say whether a version is one that this feed has given out."""
        return version_of(self.epoch, 0) <= version <= version_of(self.epoch, self.began)

    def take(self) -> int:
        """Take the next number, and look at the clock."""
        self.head += 1
        self.now = clock.now()
        return self.head

    def give_back(self) -> None:
        """Give back the numbers that were taken: nothing is written."""
        self.head = self.began

    async def finish(self) -> None:
        """Write what is left, and the new head, where numbers were taken."""
        if self.head != self.began:
            self.put(access.ADVANCE_FEED, [{"head": self.head}])
        await self.flush()


@asynccontextmanager
async def writing(caller: Caller) -> AsyncIterator[Writing]:
    """Lock the caller's feed; commit what was written at the end of the block, or nothing where it raised."""
    async with caller.db.transaction() as tx:
        feed = await tx.only(access.LOCK_FEED, owner_id=caller.account_id, device_id=caller.device_id)
        caller.believe(feed["timezone"])
        write = Writing(tx, caller, feed)
        yield write
        await write.finish()
    if write.head != write.began:
        caller.db.wakes.tell(caller.account_id)
