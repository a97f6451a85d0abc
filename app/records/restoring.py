"""Restoring: the work of `afterglow restored`, which runs once after a restore from a backup, before the API is served.

Every feed gets a new epoch, and a row of `restoration` with the feed's head in the old epoch. Every device is signed
out, because devices that the backup shows as signed in may have been signed out later.

Feeds are processed in batches, in the order of their owners, and the progress is stored in the same transactions. So an
interrupted run continues where it stopped, two runs at once share the work, and no feed gets two epochs. A writer
waits only while the batch with its feed is processed.
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
from app.records import access
from app.records.restorations import MAX_EPOCH, proves_loss
from app.records.tables import Restoration, Restoring
from app.records.view import View, feed_of

MAX_EPOCH_STEP: Final = 64
"""The maximum step from an old epoch to a new one.

The step is random, so that two restores of one backup rarely choose the same epoch.
"""
BATCH_SIZE: Final = 200
_FIRST: Final = UUID(int=0)
_feed, _restoration, _run = Feed.table(), Restoration.table(), Restoring.table()
_START: Final = Statement(
    sa.text(
        "INSERT INTO restoring (id, began_at, through) VALUES (1, :began_at, :through)"
        " ON CONFLICT (id) DO NOTHING RETURNING began_at"
    )
    .bindparams(bind(_run.c.began_at), bind(_run.c.through))
    .columns(_run.c.began_at)
)
_UNFINISHED: Final = Statement(sa.select(_run.c.began_at))
_LOCK_PROGRESS: Final = Statement(sa.select(_run.c.began_at, _run.c.through).with_for_update())
_STORE_PROGRESS: Final = Statement(sa.update(_run).values(through=bind(_run.c.through)))
_FINISH: Final = Statement(sa.delete(_run))
_AT_MAX_EPOCH: Final = Statement(sa.select(_feed.c.owner_id).where(_feed.c.epoch >= MAX_EPOCH).limit(1))
_COUNT_LEFT: Final = Statement(
    sa.select(sa.func.count().label("feeds"))
    .select_from(_feed)
    .where(
        _feed.c.owner_id
        > sa.func.coalesce(sa.select(_run.c.through).scalar_subquery(), bind(_feed.c.owner_id, "first"))
    )
)
_NEXT_BATCH: Final = Statement(
    sa.select(_feed.c.owner_id, _feed.c.epoch, _feed.c.head)
    .where(_feed.c.owner_id > bind(_feed.c.owner_id, "through"))
    .order_by(_feed.c.owner_id)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
    .with_for_update()
)
_INSERT_RESTORATIONS: Final = bulk_insert(_restoration)
_UPDATE_EPOCHS: Final = bulk_update(_feed, ["owner_id"], ["epoch"])


class EpochsSpentError(Exception):
    """A feed has reached `MAX_EPOCH`, so no further restore is possible."""


async def start_epoch(view: View, version: int) -> None:
    """Start a new epoch of the owner's feed, if the version proves that the feed lost history.

    Store a row of `restoration`, and notify the processes that wait for the owner's changes. Do nothing if another
    request has already started the new epoch. Raise `NotSignedIn` if the caller is not signed in.

    A feed loses history if the database loses changes and `afterglow restored` is not run, for example in a failover to
    a standby that lagged behind.
    """
    async with view.db.transaction() as tx:
        head, epoch, _, timezone, *_ = feed_of(await tx.tuples(access.LOCK_FEED, **view.binds))
        view.caller.confirm(timezone)
        if not proves_loss(version, epoch, head):
            return
        owner = {"owner_id": view.owner_id}
        restoration = owner | {"epoch": epoch, "head": head, "restored_at": clock.now()}
        raised = owner | {"epoch": later_epoch(epoch)}
        await tx.write((_INSERT_RESTORATIONS, [restoration]), (_UPDATE_EPOCHS, [raised]))
    view.db.notifier.notify(view.owner_id)


async def unfinished_since(db: Database) -> datetime | None:
    """Return when the unfinished run of `afterglow restored` started; None if there is none.

    An unfinished run was interrupted, or is running in another process.
    """
    run = await db.one(_UNFINISHED)
    return None if run is None else run["began_at"]


async def start(db: Database) -> int:
    """Start a run, or continue an unfinished one; return the number of feeds that are left.

    Raise `EpochsSpentError`, and change nothing, if a new run finds a feed in the epoch `MAX_EPOCH`.
    """
    async with db.transaction() as tx:
        started = await tx.one(_START, began_at=clock.now(), through=_FIRST)
        if started is not None and await tx.one(_AT_MAX_EPOCH) is not None:
            raise EpochsSpentError
        left: int = (await tx.only(_COUNT_LEFT, first=_FIRST))["feeds"]
    return left


async def restored(db: Database) -> AsyncGenerator[int, None]:
    """Give each remaining feed a new epoch, and sign out its owner's devices.

    After each batch, yield the number of feeds in it.
    """
    while True:
        async with background_transaction(db) as tx:
            run = await tx.one(_LOCK_PROGRESS)
            if run is None:
                return
            feeds = await tx.all(_NEXT_BATCH, through=run["through"], rows=BATCH_SIZE)
            if not feeds:
                await tx.run(_FINISH)
                return
            notes = [feed | {"restored_at": run["began_at"]} for feed in feeds]
            raised = [feed | {"epoch": later_epoch(feed["epoch"])} for feed in feeds]
            await tx.write((_INSERT_RESTORATIONS, notes), (_UPDATE_EPOCHS, raised))
            await end_every_device(tx, [feed["owner_id"] for feed in feeds])
            await tx.run(_STORE_PROGRESS, through=feeds[-1]["owner_id"])
        yield len(feeds)


def later_epoch(epoch: int) -> int:
    """Return a random later epoch, which another restore of the same backup is unlikely to choose."""
    return epoch + epoch_step(MAX_EPOCH - epoch)


def epoch_step(most: int = MAX_EPOCH_STEP) -> int:
    """Return a random step to a later epoch: at least 1, and at most `most` and `MAX_EPOCH_STEP`."""
    return 1 + secrets.randbelow(min(MAX_EPOCH_STEP, most))
