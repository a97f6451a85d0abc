"""The store: the entry point of the write engine, and the only writer of records.

A batch of operations runs in one transaction, under the lock of its owner's feed, with a bounded number of statements.
On PostgreSQL, a single operation that sets fields is first tried without the lock (`OptimisticWrite`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db import RemoteDatabase
from app.records.codec import version_of
from app.records.view import View
from app.records.write.engine import NeedsLockError, WriteEngine
from app.records.write.feed_lock import lock_feed, read_with_feed
from app.records.write.ops import Op, Outcome
from app.records.write.working_set import TooManyReferrersError


@dataclass(frozen=True, slots=True)
class Written:
    """The outcomes of a batch, in the order of its operations, and the feed's state after it."""

    epoch: int
    head: int
    outcomes: list[Outcome]

    def version(self, seq: int) -> int:
        """Return the version with this sequence number."""
        return version_of(self.epoch, seq)


async def write(view: View, ops: Sequence[Op], *, atomic: bool = False) -> Written:
    """Run operations, each on a different record of the owner. If one fails, the others take effect, unless `atomic`.

    If too many records refer to the records to remove, the removals run in several transactions, one after the other. A
    removal that is too large by itself is rejected, and so are all removals of an atomic batch that is too large.
    """
    try:
        return await _write(view, ops, atomic=atomic)
    except TooManyReferrersError:
        removals = [op for op in ops if op.fields is None]
    if atomic or len(removals) == 1:
        return await _write(view, ops, atomic=atomic, refuses_removals=True)
    later = {op.key for op in removals[len(removals) // 2 :]}
    first = await write(view, [op for op in ops if op.key not in later])
    second = await write(view, [op for op in ops if op.key in later])
    outcomes, later_outcomes = iter(first.outcomes), iter(second.outcomes)
    return Written(second.epoch, second.head, [next(later_outcomes if op.key in later else outcomes) for op in ops])


async def _write(view: View, ops: Sequence[Op], *, atomic: bool, refuses_removals: bool = False) -> Written:
    async with lock_feed(view) as feed:
        engine = WriteEngine(view, feed, ops, atomic=atomic, refuses_removals=refuses_removals)
        outcomes = await engine.execute()
    if engine.has_removed:
        await view.db.checkpoint()
    return Written(feed.epoch, feed.head, outcomes)


async def write_one(view: View, op: Op) -> tuple[Outcome, int]:
    """Run one operation; return its outcome and the feed's epoch, or raise the problem for which it was rejected."""
    db, written = view.db, None
    if op.fields is not None and isinstance(db, RemoteDatabase):
        written = await _write_optimistically(db, view, op)
    if written is None:
        written = await write(view, [op])
    outcome = written.outcomes[0]
    if outcome.problem is not None:
        raise outcome.problem
    return outcome, written.epoch


async def _write_optimistically(db: RemoteDatabase, view: View, op: Op) -> Written | None:
    """Run an operation that sets fields in two round trips, without holding a lock between them.

    Return None, with no effect, if the feed has changed since it was read or is locked, or if the operation needs the
    lock.
    """
    feed = await read_with_feed(db, view, op.resource, op.id)
    try:
        outcomes = await WriteEngine(view, feed, [op], atomic=False).execute()
    except NeedsLockError:
        return None
    return Written(feed.epoch, feed.head, outcomes) if await feed.finish() else None
