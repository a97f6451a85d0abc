"""What an operator's commands do to the database: `purge` forgets what was removed, `restored` begins new epochs."""

from secrets import randbelow

import sqlalchemy as sa

from app import clock
from app.db import Database, Statement, given
from app.identity import Feed
from app.records.tables import Change, RememberedOp, Restoration

_feed, _change, _op, _restoration = (each.table() for each in (Feed, Change, RememberedOp, Restoration))
_newest = sa.select(sa.func.max(_change.c.seq)).where(_change.c.deleted, _change.c.owner_id == _feed.c.owner_id)
FEEDS = Statement(sa.select(_feed.c.owner_id, _feed.c.epoch, _feed.c.head))
RAISE_FLOOR = Statement(sa.update(_feed).values(floor=sa.func.coalesce(_newest.scalar_subquery(), _feed.c.floor)))
DROP_TOMBSTONES = Statement(sa.delete(_change).where(_change.c.deleted))
FORGET_OPS = Statement(sa.delete(_op))
NOTE = Statement(sa.insert(_restoration).values({column.name: given(column) for column in _restoration.c}))
RAISE_EPOCH = Statement(
    sa.update(_feed).where(_feed.c.owner_id == given(_feed.c.owner_id)).values(epoch=given(_feed.c.epoch))
)


async def purge(db: Database) -> None:
    """Purge every tombstone and every remembered operation."""
    async with db.transaction() as tx:
        for statement in (RAISE_FLOOR, DROP_TOMBSTONES, FORGET_OPS):
            await tx.run(statement)


async def restored(db: Database) -> None:
    """Begin a later epoch in every feed, and note what each had."""
    async with db.transaction() as tx:
        feeds = await tx.all(FEEDS)
        await tx.many(NOTE, [feed | {"restored_at": clock.now()} for feed in feeds])
        await tx.many(
            RAISE_EPOCH, [{"owner_id": feed["owner_id"], "epoch": feed["epoch"] + 1 + randbelow(16)} for feed in feeds]
        )
