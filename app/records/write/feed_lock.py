"""The feed: every write on a person's records takes its numbers here, one writer at a time.

Either the first statement of a write locks the owner's feed row, and only then is anything read that the write decides
on (`writing`). Or, where the database is far, all is read first, and a single statement locks the row, sees that nobody
has written since, and writes (`hurrying`); where somebody has, or is about to, nothing is written. Both ways one owner's
numbers become visible in their order, and a reader that has seen N never misses a smaller one. Writers of different owners
do not meet.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

from app import clock
from app.db import BulkStatement, Db, RemoteDatabase, Row, Rows, Statement, Transaction
from app.records import access
from app.records.codec import version_of
from app.records.resource import Resource
from app.records.view import View


class Seen(NamedTuple):
    """A record as it was found with its feed: its row, or what the feed knows of it, or nothing."""

    row: Row | None
    change: Row | None


class FeedWrite:
    """One write on one person's feed."""

    def __init__(self, db: Db, view: View, head: int, epoch: int, seen: Seen | None = None) -> None:
        """Begin at the feed's head; where the only record that is written was `seen`, it need not be read again."""
        self._db = db
        self.owner_id = view.owner_id
        self.now = clock.now()
        self.head, self.epoch, self.seen = head, epoch, seen
        self.began: int = self.head
        self._put: dict[BulkStatement, list[Row]] = defaultdict(list)

    async def all(self, statement: Statement, /, **values: object) -> list[Row]:
        """Return every row of the owner's."""
        return await self._db.all(statement, owner_id=self.owner_id, **values)

    def queue(self, bulk: BulkStatement, rows: Sequence[Row]) -> None:
        """Have rows written as the owner's in one go, none of them twice."""
        for row in rows:
            row["owner_id"] = self.owner_id
        self._put[bulk].extend(rows)

    def drain(self) -> list[tuple[BulkStatement, Rows]]:
        """Take what was put."""
        parts: list[tuple[BulkStatement, Rows]] = [part for part in self._put.items() if part[1]]
        self._put.clear()
        return parts

    def serves(self, version: int) -> bool:
        """Say whether a version is one that this feed has given out."""
        return version_of(self.epoch, 0) <= version <= version_of(self.epoch, self.began)

    def next_seq(self) -> int:
        """Take the next number, and look at the clock."""
        self.head += 1
        self.now = clock.now()
        return self.head

    def reset_seq(self) -> None:
        """Give back the numbers that were taken: nothing is written."""
        self.head = self.began


class LockedWrite(FeedWrite):
    """A write transaction on a feed that is locked."""

    def __init__(self, tx: Transaction, view: View, head: int, epoch: int) -> None:
        """Begin."""
        super().__init__(tx, view, head, epoch)
        self._tx = tx

    async def run(self, statement: Statement, /, **values: object) -> None:
        """Carry out a statement on the owner's rows."""
        await self._tx.run(statement, owner_id=self.owner_id, **values)

    async def flush(self) -> None:
        """Write what was put so far."""
        parts = self.drain()
        if parts:
            await self._tx.write(*parts)

    async def finish(self) -> None:
        """Write what is left, and the new head, where numbers were taken."""
        if self.head != self.began:
            self.queue(access.ADVANCE_FEED, [{"head": self.head}])
        await self.flush()


class OptimisticWrite(FeedWrite):
    """A write on a feed that is not locked: it is carried out if nobody else wrote meanwhile."""

    def __init__(self, db: RemoteDatabase, view: View, head: int, epoch: int, *, floor: int, seen: Seen) -> None:
        """Begin."""
        super().__init__(db, view, head, epoch, seen)
        self._far, self._floor = db, floor

    async def finish(self) -> bool:
        """Write what was put and the new head; say whether that could be, or nothing was to be written."""
        if self.head == self.began:
            return True
        me, began = self.owner_id, self.began
        feed = {"owner_id": me, "began": began, "epoch": self.epoch, "floor": self._floor, "head": self.head}
        done = await self._far.write_if_unchanged(access.MOVE_FEED, feed, *self.drain())
        if done:
            self._far.notifier.notify(self.owner_id)
        return done


@asynccontextmanager
async def lock_feed(view: View) -> AsyncIterator[LockedWrite]:
    """Lock the caller's feed; commit what was written at the end of the block, or nothing where it raised."""
    async with view.db.transaction() as tx:
        ((head, epoch, timezone),) = await tx.tuples(access.LOCK_FEED, **view.binds)
        view.caller.confirm(timezone)
        write = LockedWrite(tx, view, head, epoch)
        yield write
        await write.finish()
    if write.head != write.began:
        view.db.notifier.notify(view.owner_id)


async def hurrying(db: RemoteDatabase, view: View, resource: Resource, id: UUID) -> OptimisticWrite:
    """Read one record of the caller's and where their feed is."""
    ((head, epoch, floor, timezone, *read),) = await db.tuples(
        access.statements(resource).with_feed, id=id, **view.binds
    )
    view.caller.confirm(timezone)
    return OptimisticWrite(db, view, head, epoch, floor=floor, seen=_seen(resource, *read))


def _seen(resource: Resource, seq: int | None, deleted: bool | None, *stored: Any) -> Seen:  # noqa: FBT001 - a column
    if seq is None:
        return Seen(None, None)
    if deleted:
        return Seen(None, {"seq": seq, "deleted": True})
    return Seen(dict(zip(access.statements(resource).stored_names, stored, strict=True)), None)
