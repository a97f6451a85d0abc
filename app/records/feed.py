"""The feed: every write on a person's records takes its numbers here, one writer at a time.

The first statement of a write locks the owner's feed row; only then is anything read that the write decides on. So one
owner's numbers become visible in their order, and a reader that has seen N never misses a smaller one. Writers of
different owners do not meet.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

from app import clock
from app.db import Bulk, Row, Rows, Statement, Transaction
from app.identity import Caller
from app.records import access
from app.records.codec import version_of
from app.records.resource import Resource


class Seen(NamedTuple):
    """A record as it was found with the lock: its row, or what the feed knows of it, or nothing."""

    row: Row | None
    change: Row | None


class Writing:
    """One write transaction on one person's feed, which is locked."""

    def __init__(self, tx: Transaction, caller: Caller, head: int, epoch: int, seen: Seen | None) -> None:
        """Begin at the feed's head; where the only record that is written was `seen`, it need not be read again."""
        self.tx = tx
        self.owner_id = caller.account_id
        self.now = clock.now()
        self.head, self.epoch, self.seen = head, epoch, seen
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
async def writing(caller: Caller, keys: Sequence[tuple[Resource, UUID]]) -> AsyncIterator[Writing]:
    """Lock the caller's feed, to write these records; commit what was written at the end of the block, or nothing where
    it raised.
    """
    me = {"owner_id": caller.account_id, "device_id": caller.device_id}
    async with caller.db.transaction() as tx:
        seen = None
        if len(keys) == 1:
            resource, id = keys[0]
            lock = access.statements(resource).lock_and_read
            ((head, epoch, timezone, is_current, *read),) = await tx.tuples(lock, id=id, **me)
            seen = _seen(resource, *read) if is_current else None
        else:
            ((head, epoch, timezone),) = await tx.tuples(access.LOCK_FEED, **me)
        caller.believe(timezone)
        write = Writing(tx, caller, head, epoch, seen)
        yield write
        await write.finish()
    if write.head != write.began:
        caller.db.wakes.tell(caller.account_id)


def _seen(resource: Resource, seq: int | None, deleted: bool | None, *stored: Any) -> Seen:  # noqa: FBT001 - a column
    if seq is None:
        return Seen(None, None)
    if deleted:
        return Seen(None, {"seq": seq, "deleted": True})
    return Seen(dict(zip(access.statements(resource).stored_names, stored, strict=True)), None)
