"""Restoring: what has to happen once after the database came back from a backup, before anybody is served again.

Every feed begins a new epoch, and notes up to which number it had the changes of the old one (`restorations`); every
device is ended, since the backup may hold signed-in devices that were signed out after it.

Feeds are taken by batches, in the order of their owners, and how far it came is stored in the same transactions. So a
run that is interrupted goes on where it stopped, two at once share the work, and no feed is raised twice. Writers of a
batch wait for as long as that batch takes; one transaction for everybody would make all of them wait until its end.
"""

import secrets
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.db import Database, Statement, background_transaction, bind, bulk_insert, bulk_update
from app.identity import Feed
from app.identity.device_sessions import end_every_device
from app.records.tables import Restoration, Restoring

LAST_EPOCH: Final = 8191
MAX_EPOCH_STEP: Final = 64
"""Two restores of one backup come to the same epoch once in so many times, and a feed's epochs last for a hundred."""
BATCH_SIZE: Final = 200
_FIRST: Final = UUID(int=0)
_feed, _restoration, _run = Feed.table(), Restoration.table(), Restoring.table()
_BEGIN: Final = Statement(
    sa.text(
        "INSERT INTO restoring (id, began_at, through) VALUES (1, :began_at, :through)"
        " ON CONFLICT (id) DO NOTHING RETURNING began_at"
    )
    .bindparams(bind(_run.c.began_at), bind(_run.c.through))
    .columns(_run.c.began_at)
)
_UNDER_WAY: Final = Statement(sa.select(_run.c.began_at))
_HOW_FAR: Final = Statement(sa.select(_run.c.began_at, _run.c.through).with_for_update())
_GO_ON: Final = Statement(sa.update(_run).values(through=bind(_run.c.through)))
_END: Final = Statement(sa.delete(_run))
_SPENT: Final = Statement(sa.select(_feed.c.owner_id).where(_feed.c.epoch >= LAST_EPOCH).limit(1))
_LEFT: Final = Statement(
    sa.select(sa.func.count().label("feeds"))
    .select_from(_feed)
    .where(
        _feed.c.owner_id
        > sa.func.coalesce(sa.select(_run.c.through).scalar_subquery(), bind(_feed.c.owner_id, "first"))
    )
)
_NEXT: Final = Statement(
    sa.select(_feed.c.owner_id, _feed.c.epoch, _feed.c.head)
    .where(_feed.c.owner_id > bind(_feed.c.owner_id, "through"))
    .order_by(_feed.c.owner_id)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
    .with_for_update()
)
_NOTE: Final = bulk_insert(_restoration)
_RAISE: Final = bulk_update(_feed, ["owner_id"], ["epoch"])


class EpochsSpentError(Exception):
    """A feed is in the last epoch there is."""


async def under_way(db: Database) -> datetime | None:
    """Return when the run began that was interrupted, or that another process carries out; None where there is none."""
    run = await db.one(_UNDER_WAY)
    return None if run is None else run["began_at"]


async def begin(db: Database) -> int:
    """Begin, or take up what was begun; return how many feeds are left. Raise `EpochsSpentError`, and begin nothing."""
    async with db.transaction() as tx:
        begun = await tx.one(_BEGIN, began_at=clock.now(), through=_FIRST)
        if begun is not None and await tx.one(_SPENT) is not None:
            raise EpochsSpentError
        left: int = (await tx.only(_LEFT, first=_FIRST))["feeds"]
    return left


async def restored(db: Database) -> AsyncGenerator[int, None]:
    """Bring every feed that is left into a new epoch, and end its owner's devices; yield how many, after each batch."""
    while True:
        async with background_transaction(db) as tx:
            run = await tx.one(_HOW_FAR)
            if run is None:
                return
            feeds = await tx.all(_NEXT, through=run["through"], rows=BATCH_SIZE)
            if not feeds:
                await tx.run(_END)
                return
            notes = [feed | {"restored_at": run["began_at"]} for feed in feeds]
            raised = [feed | {"epoch": later(feed["epoch"])} for feed in feeds]
            await tx.write((_NOTE, notes), (_RAISE, raised))
            await end_every_device(tx, [feed["owner_id"] for feed in feeds])
            await tx.run(_GO_ON, through=feeds[-1]["owner_id"])
        yield len(feeds)


def later(epoch: int) -> int:
    """Return an epoch after this one, which another restoration of the same backup would hardly choose, too."""
    return epoch + 1 + secrets.randbelow(min(MAX_EPOCH_STEP, LAST_EPOCH - epoch))
