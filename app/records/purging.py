"""Purging: deletes old tombstones, stored push results and former versions. Safe while the API is served.

Rows are deleted in batches, oldest first, and found by an index. The transaction of a batch of tombstones first locks
the feeds of their owners, as a write does, and raises each feed's floor to the highest deleted sequence number. A pull
with a cursor below the floor then gets 410. A purge can be interrupted and repeated at any time.
"""

from collections import Counter
from collections.abc import AsyncGenerator
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from app.db import LONG_AGO, Database, Statement, any_of, background_transaction, bind, bulk_update, delete_in_batches
from app.identity import Feed
from app.records.tables import Change, RememberedOp, Revision

BATCH_SIZE: Final = 500
_feed, _change, _operation, _revision = Feed.table(), Change.table(), RememberedOp.table(), Revision.table()
_tombstone = _change.alias("tombstone")


def _oldest(moment: sa.ColumnElement[Any], *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .where(moment >= bind(moment, "since"), moment < bind(moment, "before"))
        .order_by(moment)
        .limit(sa.bindparam("rows", type_=sa.BigInteger))
    )


def _oldest_rows(table: sa.Table, moment: str) -> sa.Select[Any]:
    """Return a query for the primary keys of a table's oldest rows, by the time in the column `moment`."""
    old = table.alias("old")
    return _oldest(old.c[moment], *(old.c[column.name] for column in table.primary_key))


_IS_REMOVED: Final = sa.text("tombstone.deleted")  # SQLite uses the partial index only for this exact text
_page: Final = (
    _oldest(_tombstone.c.written_at, _tombstone.c.owner_id, _tombstone.c.seq, _tombstone.c.written_at)
    .where(_IS_REMOVED)
    .subquery("page")
)
LOCK_FEEDS: Final = Statement(
    sa.select(_feed.c.owner_id, _feed.c.floor)
    .where(_feed.c.owner_id.in_(sa.select(_page.c.owner_id)))
    .order_by(_feed.c.owner_id)
    .with_for_update(of=_feed)
)
"""Locks the feeds to which the oldest tombstones of all owners belong. Only the operator's command runs this."""
DELETE_TOMBSTONES: Final = Statement(
    sa.delete(_change)
    .where(
        sa.tuple_(_change.c.owner_id, _change.c.seq).in_(
            sa.select(_page.c.owner_id, _page.c.seq).where(any_of(_page.c.owner_id, "locked"))
        )
    )
    .returning(_change.c.owner_id, _change.c.seq, _change.c.written_at)
)
"""Deletes the oldest tombstones whose owners' feeds this transaction has locked.

Only the operator's command runs this.
"""
_RAISE_FLOOR: Final = bulk_update(_feed, ["owner_id"], ["floor"])
_old_operations: Final = _oldest_rows(_operation, "written_at").subquery("page")
LOCK_FEEDS_OF_OPERATIONS: Final = Statement(
    sa.select(_feed.c.owner_id, _feed.c.remembered_ops)
    .where(_feed.c.owner_id.in_(sa.select(_old_operations.c.owner_id)))
    .order_by(_feed.c.owner_id)
    .with_for_update(of=_feed)
)
"""Locks the feeds of the owners of the oldest push results (`RememberedOp`). Only the operator's command runs this."""
DELETE_OPERATIONS: Final = Statement(
    sa.delete(_operation)
    .where(
        sa.tuple_(_operation.c.owner_id, _operation.c.op_id).in_(
            sa.select(_old_operations.c.owner_id, _old_operations.c.op_id).where(
                any_of(_old_operations.c.owner_id, "locked")
            )
        )
    )
    .returning(_operation.c.owner_id, _operation.c.written_at)
)
"""Deletes the oldest push results (`RememberedOp`) whose owners' feeds this transaction has locked.

Only the operator's command runs this.
"""
_SET_REMEMBERED: Final = bulk_update(_feed, ["owner_id"], ["remembered_ops"])
DELETE_REVISIONS: Final = Statement(
    sa.delete(_revision)
    .where(
        sa.tuple_(*_revision.primary_key).in_(_oldest_rows(_revision, "replaced_at").with_for_update(skip_locked=True))
    )
    .returning(_revision.c.replaced_at.label("moment"))
)
"""Deletes the former versions, of all owners, that were replaced longest ago. Only the operator's command runs this."""


async def purge(db: Database, before: datetime) -> AsyncGenerator[int, None]:
    """Delete the tombstones that were written before an instant.

    After each transaction, yield the number of tombstones that it deleted.
    """
    page = {"since": LONG_AGO, "before": before, "rows": BATCH_SIZE}
    while True:
        async with background_transaction(db) as tx:
            floors = {feed["owner_id"]: feed["floor"] for feed in await tx.all(LOCK_FEEDS, **page)}
            deleted = await tx.all(DELETE_TOMBSTONES, locked=[*floors], **page)
            highest = {row["owner_id"]: row["seq"] for row in sorted(deleted, key=itemgetter("seq"))}
            raised = [{"owner_id": id, "floor": seq} for id, seq in highest.items() if seq > floors[id]]
            await tx.write((_RAISE_FLOOR, raised))
        if not floors:
            return
        yield len(deleted)
        if len(deleted) == BATCH_SIZE:  # if fewer, another purge may have left rows to search again
            page["since"] = max(row["written_at"] for row in deleted)


async def purge_operations(db: Database, before: datetime) -> AsyncGenerator[int, None]:
    """Delete the push results that were stored before an instant, and subtract their number from the owners' usage.

    After each transaction, yield the number of results that it deleted.
    """
    page = {"since": LONG_AGO, "before": before, "rows": BATCH_SIZE}
    while True:
        async with background_transaction(db) as tx:
            numbers = {
                feed["owner_id"]: feed["remembered_ops"] for feed in await tx.all(LOCK_FEEDS_OF_OPERATIONS, **page)
            }
            deleted = await tx.all(DELETE_OPERATIONS, locked=[*numbers], **page)
            counts = Counter(row["owner_id"] for row in deleted)
            lowered = [{"owner_id": id, "remembered_ops": numbers[id] - count} for id, count in counts.items()]
            await tx.write((_SET_REMEMBERED, lowered))
        if not numbers:
            return
        yield len(deleted)
        if len(deleted) == BATCH_SIZE:  # if fewer, another purge may have left rows to search again
            page["since"] = max(row["written_at"] for row in deleted)


async def purge_versions(db: Database, before: datetime) -> AsyncGenerator[int, None]:
    """Delete the former versions that were replaced before an instant.

    After each transaction, yield the number of versions that it deleted.
    """
    async for count in delete_in_batches(db, DELETE_REVISIONS, before, BATCH_SIZE):
        yield count
