"""The feed: every write on a person's records takes its numbers here, one writer at a time.

The first statement of a write locks the owner's feed row; only then is anything read that the write decides on. So one
owner's numbers become visible in their order, and a reader that has seen N never misses a smaller one. Writers of
different owners do not meet.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from app import clock
from app.db import Row, Statement, Transaction
from app.identity import Caller
from app.records import access
from app.records.resource import Resource


class Writing:
    """One write transaction on one person's feed, which is locked."""

    def __init__(self, tx: Transaction, caller: Caller, feed: Row) -> None:
        """Begin at the feed's head."""
        self.tx = tx
        self.owner_id = caller.account_id
        self.now = clock.now()
        self.epoch: int = feed["epoch"]
        self.head: int = feed["head"]
        self._began = self.head

    async def one(self, statement: Statement, /, **values: object) -> Row | None:
        """Return the first row of the owner's."""
        return await self.tx.one(statement, owner_id=self.owner_id, **values)

    async def only(self, statement: Statement, /, **values: object) -> Row:
        """Return the first row of a statement that always has one."""
        return await self.tx.only(statement, owner_id=self.owner_id, **values)

    async def all(self, statement: Statement, /, **values: object) -> list[Row]:
        """Return every row of the owner's."""
        return await self.tx.all(statement, owner_id=self.owner_id, **values)

    async def run(self, statement: Statement, /, **values: object) -> None:
        """Write the owner's rows."""
        await self.tx.run(statement, owner_id=self.owner_id, **values)

    async def stamp(self, resource: Resource, id: UUID, *, first: bool = False, deleted: bool = False) -> int:
        """Take the next number for a record's change, and note the change."""
        self.head += 1
        self.now = clock.now()
        await self.run(
            access.FIRST_CHANGE if first else access.NEXT_CHANGE,
            collection=resource.collection,
            id=id,
            seq=self.head,
            deleted=deleted,
            written_at=self.now,
            written_by=self.owner_id,
        )
        return self.head

    async def finish(self) -> None:
        """Store the new head, where numbers were taken."""
        if self.head != self._began:
            await self.run(access.ADVANCE_FEED, head=self.head)


@asynccontextmanager
async def writing(caller: Caller) -> AsyncIterator[Writing]:
    """Lock the caller's feed; commit what was written at the end of the block, or nothing where it raised."""
    async with caller.db.transaction() as tx:
        write = Writing(tx, caller, await tx.only(access.LOCK_FEED, owner_id=caller.account_id))
        yield write
        await write.finish()
