"""Writes rows of a feed directly to the database, with any age: what years of syncing leave."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.db import Database, Row, Statement, Table, Transaction, bind, bulk_insert
from app.identity import Feed
from app.ids import new_id
from app.records.tables import Change, RememberedOp

_feed = Feed.table()
_change = Change.table()
SET_FEED = Statement(
    sa.update(_feed)
    .where(_feed.c.owner_id == bind(_feed.c.owner_id))
    .values({name: bind(_feed.c[name]) for name in ("head", "epoch", "floor")})
)
SET_CHANGE = Statement(
    sa.update(_change)
    .where(_change.c.owner_id == bind(_change.c.owner_id), _change.c.seq == bind(_change.c.seq))
    .values(seq=bind(_change.c.seq, "new_seq"), deleted=False, written_at=bind(_change.c.written_at))
)
TODAY = clock.now()


def days_ago(days: float) -> datetime:
    """Return the time a number of days before the tests started."""
    return TODAY - timedelta(days=days)


class ChangeRow(NamedTuple):
    """A change: its sequence number, its age in days, and whether it is a tombstone."""

    seq: int
    days: float
    deleted: bool = True


def select_all(kind: type[Table]) -> Statement:
    """Return the statement that reads all rows of a table in the order of its primary key."""
    return Statement(sa.select(kind.table()).order_by(*kind.table().primary_key))


async def insert_changes(tx: Transaction, owner_id: UUID, changes: Iterable[ChangeRow], *, floor: int = 0) -> None:
    """Insert changes into a person's feed, and set its head, epoch (7) and floor."""
    inserted = list(changes)
    rows = [
        {
            "owner_id": owner_id,
            "collection": "sessions",
            "id": new_id(),
            "seq": each.seq,
            "deleted": each.deleted,
            "written_at": days_ago(each.days),
            "actor_id": owner_id,
            "visibility": None if each.deleted else "private",
            "revised_at": None,
            "happened_at": days_ago(each.days),
        }
        for each in inserted
    ]
    await tx.write((bulk_insert(_change), rows))
    await tx.run(SET_FEED, owner_id=owner_id, head=max(each.seq for each in inserted), epoch=7, floor=floor)


async def insert_remembered_ops(tx: Transaction, owner_id: UUID, days: Iterable[float]) -> None:
    """Insert one remembered operation for each age in days."""
    row = {"owner_id": owner_id, "digest": b"\0" * 32, "outcome": "applied", "status": 201}
    rows = [row | {"op_id": new_id(), "written_at": days_ago(each)} for each in days]
    await tx.write((bulk_insert(RememberedOp.table()), rows))


async def seqs(db: Database, owner_id: UUID) -> list[int]:
    """Return the sequence numbers of a person's changes."""
    return sorted(row["seq"] for row in await db.all(select_all(Change)) if row["owner_id"] == owner_id)


async def feed(db: Database, owner_id: UUID) -> Row:
    """Return a person's row of the feed table."""
    return next(row for row in await db.all(select_all(Feed)) if row["owner_id"] == owner_id)
