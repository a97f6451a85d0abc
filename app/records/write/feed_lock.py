"""The feed lock: the writers of one owner assign their sequence numbers one after the other.

`lock_feed` locks the owner's feed row with the first statement of a transaction, before it reads anything that the
write depends on. `read_with_feed` reads without a lock. Then one statement locks the row, checks that the feed has not
changed, and writes (optimistic concurrency, decision 028). If the feed has changed or is locked, nothing is written. In
both cases the numbers of one owner become visible in ascending order, so a reader that has seen N never misses a
smaller number. Writers of different owners do not block each other.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app import clock
from app.db import BulkStatement, ChangeNotifier, Db, RemoteDatabase, Row, Rows, Statement, Transaction
from app.records import access, coverage
from app.records.codec import complete_row, version_of
from app.records.resource import Resource
from app.records.view import View, feed_of
from app.records.write.sharing import Sharing
from app.records.write.usage import Usage
from app.sealing import OwnerKeys


class Former(NamedTuple):
    """The values of `access.FORMER` of a record. They describe the current version, which a write replaces.

    `actor_id` is the device or client that wrote the version. `revised_at` is when the history last kept a
    former version of the record; None if it has kept none.
    """

    actor_id: UUID
    revised_at: datetime | None


class Snapshot(NamedTuple):
    """One record as it was read together with its feed.

    If the record exists, `row` and `former` are set. If it was removed, only `change` is set. If it never existed, none
    of them is set.
    """

    row: Row | None = None
    former: Former | None = None
    change: Row | None = None


class FeedWrite:
    """One write to one owner's feed: it assigns sequence numbers and queues rows."""

    def __init__(
        self,
        db: Db,
        view: View,
        keys: OwnerKeys,
        head: int,
        epoch: int,
        *,
        usage: Usage,
        snapshots: Mapping[tuple[Resource, UUID], Snapshot] | None = None,
    ) -> None:
        """Take the feed's head, from which the write numbers its changes.

        `snapshots` are the records that were read together with the feed. They are not read again.
        """
        self._db = db
        self.owner_id, self.keys = view.owner_id, keys
        self.actor_id, self.timezone = view.caller.actor_id, view.timezone
        self.now = clock.now()
        self.head, self.epoch, self.snapshots = head, epoch, snapshots
        self.first_head: int = self.head
        self.usage = usage
        self.sharing: Sharing | None = None
        """Collects the changes of this write that clinics see; None if the owner has no active consent."""
        self._queued: dict[BulkStatement, list[Row]] = defaultdict(list)

    async def all(self, statement: Statement, /, **values: object) -> list[Row]:
        """Return all rows of a statement on the owner's records."""
        return await self._db.all(statement, owner_id=self.owner_id, **values)

    async def tuples(self, statement: Statement, /, **values: object) -> Sequence[tuple[Any, ...]]:
        """Return all rows of a statement on the owner's records, as tuples."""
        return await self._db.tuples(statement, owner_id=self.owner_id, **values)

    def queue(self, bulk: BulkStatement, rows: Sequence[Row]) -> None:
        """Queue rows for a bulk statement, and set their `owner_id`. No row may be queued twice."""
        for row in rows:
            row["owner_id"] = self.owner_id
        self._queued[bulk].extend(rows)

    def drain(self) -> list[tuple[BulkStatement, Rows]]:
        """Return the queued rows by statement, including the rows for clinics from `sharing`, and empty the queue."""
        if self.sharing is not None:
            for bulk, rows in self.sharing.drain():
                self.queue(bulk, rows)
        parts: list[tuple[BulkStatement, Rows]] = [part for part in self._queued.items() if part[1]]
        self._queued.clear()
        return parts

    def announce(self, notifier: ChangeNotifier) -> None:
        """Notify the processes that wait for the owner's changes, or for those of a clinic that sees the write.

        Call this after the commit.
        """
        notifier.notify(self.owner_id)
        for clinic_id in () if self.sharing is None else self.sharing.clinic_ids:
            notifier.notify(clinic_id)

    def serves(self, version: int) -> bool:
        """Return whether the version is of this feed's epoch, and not above the head at the start of the write."""
        return version_of(self.epoch, 0) <= version <= version_of(self.epoch, self.first_head)

    def next_seq(self) -> int:
        """Assign and return the feed's next sequence number, and set `now` to the current time."""
        self.head += 1
        self.now = clock.now()
        return self.head

    def return_seq(self) -> None:
        """Undo the last `next_seq`, because nothing will be written with its number."""
        self.head -= 1

    def reset(self) -> None:
        """Reset the head and the usage to their values at the start, because nothing will be written."""
        self.head = self.first_head
        self.usage.reset()


class LockedWrite(FeedWrite):
    """A write transaction that holds the feed's lock."""

    def __init__(
        self,
        tx: Transaction,
        view: View,
        keys: OwnerKeys,
        head: int,
        epoch: int,
        *,
        usage: Usage,
        snapshots: Mapping[tuple[Resource, UUID], Snapshot] | None = None,
    ) -> None:
        """`head` is the number of the feed's latest change; the transaction `tx` has locked the feed."""
        super().__init__(tx, view, keys, head, epoch, usage=usage, snapshots=snapshots)
        self._tx = tx

    async def flush(self) -> None:
        """Write the queued rows."""
        parts = self.drain()
        if parts:
            await self._tx.write(*parts)

    async def finish(self) -> None:
        """Write the queued rows, and the feed's new head and usage if they have changed."""
        if self.head != self.first_head or self.usage.has_changed:
            self.queue(access.ADVANCE_FEED, [{"head": self.head, **self.usage.columns}])
        await self.flush()


class OptimisticWrite(FeedWrite):
    """A write without a lock: it has an effect only if the feed has not changed since it was read."""

    def __init__(
        self,
        db: RemoteDatabase,
        view: View,
        keys: OwnerKeys,
        head: int,
        epoch: int,
        *,
        usage: Usage,
        floor: int,
        snapshots: Mapping[tuple[Resource, UUID], Snapshot],
    ) -> None:
        """Take the head that was read, which the feed must still have when the write is executed."""
        super().__init__(db, view, keys, head, epoch, usage=usage, snapshots=snapshots)
        self._remote, self._floor = db, floor

    async def finish(self) -> bool:
        """Write the queued rows and the new head, notify the processes that wait for the changes, and return True.

        If the feed has changed or is locked, write nothing, and return False.
        """
        if self.head == self.first_head:
            return True
        feed = {
            "owner_id": self.owner_id,
            "began": self.first_head,
            "epoch": self.epoch,
            "floor": self._floor,
            "head": self.head,
            **self.usage.columns,
        }
        done = await self._remote.write_if_unchanged(access.FEED_CAS, feed, *self.drain())
        if done:
            self.announce(self._remote.notifier)
        return done


@asynccontextmanager
async def lock_feed(view: View) -> AsyncIterator[LockedWrite]:
    """Lock the owner's feed, and yield the write, which holds the lock.

    At the end of the block, write the queued rows, commit, and notify the processes that wait for the changes. If the
    block raises, roll back. Raise `NotSignedIn` if the caller is not signed in.
    """
    keys = await view.data_keys()  # before the lock: keys that are not cached take time and a connection
    turn = await view.caller.services.writes.take(view.owner_id)  # wait without holding a connection
    try:
        async with view.db.transaction() as tx:
            head, epoch, consents, timezone, *counts = feed_of(await tx.tuples(access.LOCK_FEED, **view.binds))
            view.caller.confirm(timezone)
            write = LockedWrite(tx, view, keys, head, epoch, usage=usage_of(view, counts))
            if consents:
                write.sharing = Sharing(
                    await write.all(coverage.ACTIVE)
                )  # the locking statement's own snapshot may be older than the lock
            yield write
            await write.finish()
            turn.release()  # before the commit: on SQLite, several writes share one commit
    finally:
        turn.release()
    if write.head != write.first_head:
        write.announce(view.db.notifier)


async def read_with_feed(db: RemoteDatabase, view: View, resource: Resource, id: UUID) -> OptimisticWrite:
    """Read one record and the feed's state in one snapshot, without a lock; return the write that starts from them.

    Raise `NotSignedIn` if the caller is not signed in.
    """
    keys = await view.data_keys()
    statement = access.statements(resource).with_feed
    found = feed_of(await db.tuples(statement, id=id, **view.binds))
    head, epoch, floor, timezone, consents, *rest = found
    counts, record = rest[: len(access.USAGE)], rest[len(access.USAGE) :]
    view.caller.confirm(timezone)
    snapshots = {(resource, id): snapshot_of(keys, resource, record)}
    usage = usage_of(view, counts)
    write = OptimisticWrite(db, view, keys, head, epoch, usage=usage, floor=floor, snapshots=snapshots)
    if consents:
        write.sharing = Sharing(coverage.decode_active(consents))
    return write


def usage_of(view: View, counts: Sequence[int]) -> Usage:
    """Return the owner's usage. `counts` are the values of the feed's columns `access.USAGE`."""
    return Usage(view.caller.services.settings, *counts)


def snapshot_of(keys: OwnerKeys, resource: Resource, found: Sequence[Any]) -> Snapshot:
    """Return the snapshot of a record that was read with its feed.

    `found` is a row: the sequence number of the record's change, or null; whether the record was removed; the columns
    `access.FORMER`; and the stored columns of the record.
    """
    seq, deleted, actor_id, revised_at, *stored = found
    if seq is None:
        return Snapshot()
    if deleted:
        return Snapshot(change={"seq": seq, "deleted": True})
    row = dict(zip(access.statements(resource).stored_names, stored, strict=True))
    return Snapshot(with_sealed_fields(keys, resource, row), Former(actor_id, revised_at))


def with_sealed_fields(keys: OwnerKeys, resource: Resource, row: Row) -> Row:
    """Return a stored row with the fields added that are in its sealed document, which this function decrypts."""
    return complete_row(resource, row, keys.open(resource.collection, row["id"], row["seq"], row["document"]))
