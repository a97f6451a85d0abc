"""Purging: forgetting removals, and operations of devices, that no device asks after any more.

Safe while others write: tombstones go by pages, each in a short transaction that first locks the feeds of those whose they
are, as every write does, and raises their floors to the highest number that went, so that a cursor below is told to begin
again. What is old is found by an index, oldest first; it can be interrupted at any moment, and repeated.
"""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from app.db import Database, Statement, any_of, background_transaction, bind, bulk_update
from app.identity import Feed
from app.records.tables import Change, RememberedOp

BATCH_SIZE: Final = 500
_feed, _change, _operation = Feed.table(), Change.table(), RememberedOp.table()
_tombstone, _forgotten = _change.alias("tombstone"), _operation.alias("forgotten")
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def _oldest(table: sa.FromClause, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    moment = table.c.written_at
    return (
        sa.select(*columns)
        .where(moment >= bind(moment, "since"), moment < bind(moment, "before"))
        .order_by(moment)
        .limit(sa.bindparam("rows", type_=sa.BigInteger))
    )


_IS_REMOVED: Final = sa.text("tombstone.deleted")  # in the words of the index, or SQLite would not use it
_page: Final = (
    _oldest(_tombstone, _tombstone.c.owner_id, _tombstone.c.seq, _tombstone.c.written_at)
    .where(_IS_REMOVED)
    .subquery("page")
)
LOCK_THEIR_FEEDS: Final = Statement(
    sa.select(_feed.c.owner_id, _feed.c.floor)
    .where(_feed.c.owner_id.in_(sa.select(_page.c.owner_id)))
    .order_by(_feed.c.owner_id)
    .with_for_update(of=_feed)
)
"""The operator's: the feeds of the oldest tombstones, whosever they are."""
PURGE: Final = Statement(
    sa.delete(_change)
    .where(
        sa.tuple_(_change.c.owner_id, _change.c.seq).in_(
            sa.select(_page.c.owner_id, _page.c.seq).where(any_of(_page.c.owner_id, "locked"))
        )
    )
    .returning(_change.c.owner_id, _change.c.seq, _change.c.written_at)
)
"""The operator's: those of the oldest tombstones whose feeds are locked."""
_RAISE_FLOOR: Final = bulk_update(_feed, ["owner_id"], ["floor"])
FORGET: Final = Statement(
    sa.delete(_operation)
    .where(
        sa.tuple_(_operation.c.owner_id, _operation.c.op_id).in_(
            _oldest(_forgotten, _forgotten.c.owner_id, _forgotten.c.op_id).with_for_update(skip_locked=True)
        )
    )
    .returning(_operation.c.written_at)
)
"""The operator's: a device asks for its operations by their ids, and finds each of them whole or not at all."""


async def purge(db: Database, before: datetime) -> AsyncGenerator[int, None]:
    """Purge the tombstones written before a moment; yield how many went, after each transaction."""
    page = {"since": _LONG_AGO, "before": before, "rows": BATCH_SIZE}
    while True:
        async with background_transaction(db) as tx:
            floors = {feed["owner_id"]: feed["floor"] for feed in await tx.all(LOCK_THEIR_FEEDS, **page)}
            gone = await tx.all(PURGE, locked=[*floors], **page)
            highest = {row["owner_id"]: row["seq"] for row in sorted(gone, key=itemgetter("seq"))}
            raised = [{"owner_id": id, "floor": seq} for id, seq in highest.items() if seq > floors[id]]
            await tx.write((_RAISE_FLOOR, raised))
        if not floors:
            return
        yield len(gone)
        if len(gone) == BATCH_SIZE:  # else somebody else purges, too: what was not locked is still to be found
            page["since"] = max(row["written_at"] for row in gone)


async def forget(db: Database, before: datetime) -> AsyncGenerator[int, None]:
    """Forget the operations carried out before a moment; yield how many went, after each transaction."""
    since = _LONG_AGO
    while True:
        async with background_transaction(db) as tx:
            gone = await tx.all(FORGET, since=since, before=before, rows=BATCH_SIZE)
        if not gone:
            return
        yield len(gone)
        since = max(row["written_at"] for row in gone)
