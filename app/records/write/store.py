"""The store: the only writer of records, whichever door a write came through.

A batch of operations is decided on and written in one transaction, under the lock of its owner's feed, by a bounded
number of statements. A record is there whole or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db import RemoteDatabase
from app.records.codec import version_of
from app.records.view import View
from app.records.write.engine import WriteEngine
from app.records.write.feed_lock import hurrying, lock_feed
from app.records.write.ops import Op, Outcome


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch, in the order of its operations, and the feed that it left behind."""

    epoch: int
    head: int
    outcomes: list[Outcome]

    def version(self, seq: int) -> int:
        """Return a number of the feed as the wire has it."""
        return version_of(self.epoch, seq)


async def write(view: View, ops: Sequence[Op], *, atomic: bool = False) -> Written:
    """Carry out operations on different records of the caller's; where one fails the others stand, unless `atomic`."""
    async with lock_feed(view) as feed:
        batch = WriteEngine(view, feed, ops, atomic=atomic)
        outcomes = await batch.execute()
    if batch.has_removed:
        await view.db.checkpoint()
    return Written(feed.epoch, feed.head, outcomes)


async def write_one(view: View, op: Op) -> tuple[Outcome, int]:
    """Carry out one operation; return what became of it and the feed's epoch, or raise why it was rejected."""
    db, written = view.db, None
    if op.sent is not None and isinstance(db, RemoteDatabase):
        written = await _in_a_hurry(db, view, op)
    if written is None:
        written = await write(view, [op])
    outcome = written.outcomes[0]
    if outcome.problem is not None:
        raise outcome.problem
    return outcome, written.epoch


async def _in_a_hurry(db: RemoteDatabase, view: View, op: Op) -> Written | None:
    """Carry out an operation that sets fields, in two round trips and without keeping the lock in between; not at all
    where somebody else wrote meanwhile.
    """
    feed = await hurrying(db, view, op.resource, op.id)
    outcomes = await WriteEngine(view, feed, [op], atomic=False).execute()
    return Written(feed.epoch, feed.head, outcomes) if await feed.finish() else None
