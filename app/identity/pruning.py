"""Pruning: deletes old codes, counts of attempts, refresh tokens and devices. No request deletes these rows.

Pruning is safe while the API is served, and can be interrupted and repeated at any time. Each statement deletes at most
`BATCH_SIZE` rows.
"""

from collections.abc import AsyncGenerator, Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.db import Database, Row, Statement, Table, any_of, background_transaction, bind, delete_in_batches
from app.identity.tables import DeviceRecord, EmailChange, RefreshToken, Registration, ReopenCode, ResetCode, Throttle
from app.settings import Settings

BATCH_SIZE: Final = 500
DAY: Final = timedelta(days=1)
_device, _token = DeviceRecord.table(), RefreshToken.table()
_rows = sa.bindparam("rows", type_=sa.BigInteger)


def _delete_oldest(kind: type[Table], moment: str, *conditions: sa.ColumnElement[bool]) -> Statement:
    """Return a statement for `delete_in_batches`, which deletes one batch: the oldest rows that meet the conditions.

    `moment` is the name of a column. Its value in a deleted row is at least the bind parameter `since` and below
    `before`, and the statement returns it for each deleted row.
    """
    table = kind.table()
    (key,), column = table.primary_key, table.c[moment]
    oldest = (
        sa.select(key)
        .where(column >= bind(column, "since"), column < bind(column, "before"), *conditions)
        .order_by(column)
        .limit(_rows)
        .with_for_update(skip_locked=True)
    )
    return Statement(sa.delete(table).where(key.in_(oldest)).returning(column.label("moment")))


DELETE_CODES: Final = [
    _delete_oldest(kind, "created_at", kind.table().c.expires_at < bind(kind.table().c.expires_at, "before"))
    for kind in (Registration, ResetCode, EmailChange, ReopenCode)
]
DELETE_COUNTS: Final = _delete_oldest(Throttle, "began_at", Throttle.table().c.reserved == 0)
DEVICES: Final = Statement(
    sa.select(*(_device.c[name] for name in ("id", "created_at", "last_used_at", "ended_at")))
    .where(_device.c.id > bind(_device.c.id, "after"))
    .order_by(_device.c.id)
    .limit(_rows)
)
_of_devices: Final = any_of(_token.c.device_id, "devices")
_some = sa.select(_token.c.digest).where(_of_devices, _token.c.superseded_at.is_not(None)).limit(_rows)
DELETE_SUPERSEDED: Final = Statement(sa.delete(_token).where(_token.c.digest.in_(_some)).returning(_token.c.digest))
DELETE_NEWEST: Final = Statement(sa.delete(_token).where(_of_devices).returning(_token.c.digest))
"""Deletes the newest refresh token of each device: `DELETE_SUPERSEDED` has deleted all others before."""
DELETE_DEVICES: Final = Statement(sa.delete(_device).where(any_of(_device.c.id, "devices")))


async def prune_codes(db: Database) -> AsyncGenerator[int, None]:
    """Delete the codes that expired more than a day ago; after each batch, yield the number of deleted codes.

    Newer codes are kept, because they count towards the daily limit of codes.
    """
    for statement in DELETE_CODES:
        async for count in delete_in_batches(db, statement, clock.now() - DAY, BATCH_SIZE):
            yield count


async def prune_counts(db: Database) -> AsyncGenerator[int, None]:
    """Delete the counts of attempts whose period began more than a day ago.

    After each batch, yield the number of deleted counts. A count with a reserved attempt (`Throttle`) is kept.
    """
    async for count in delete_in_batches(db, DELETE_COUNTS, clock.now() - DAY, BATCH_SIZE):
        yield count


async def prune_devices(db: Database, settings: Settings) -> AsyncGenerator[int, None]:
    """Delete the devices whose sign-in is older than `refresh_total_seconds`.

    After each batch of devices, yield the number of deleted devices. Of a newer device that is no longer signed in,
    delete only the superseded refresh tokens. The newest token is kept, so that the device is recognised at its next
    sign-in.
    """
    now, after, is_last = clock.now(), UUID(int=0), False
    while not is_last:
        page = await db.all(DEVICES, after=after, rows=BATCH_SIZE)
        oldest = now - timedelta(seconds=settings.refresh_total_seconds)
        idle_since = now - timedelta(seconds=settings.refresh_idle_seconds)
        old = [row["id"] for row in page if row["created_at"] < oldest]
        await _delete_tokens(db, [row["id"] for row in page if _is_over(row, oldest, idle_since)])
        if old:
            async with background_transaction(db) as tx:
                await tx.run(DELETE_NEWEST, devices=old)
                await tx.run(DELETE_DEVICES, devices=old)
        yield len(old)
        is_last, after = len(page) < BATCH_SIZE, page[-1]["id"] if page else after


def _is_over(device: Row, oldest: datetime, idle_since: datetime) -> bool:
    is_ended = device["ended_at"] is not None
    return bool(is_ended or device["created_at"] < oldest or device["last_used_at"] < idle_since)


async def _delete_tokens(db: Database, devices: Collection[UUID]) -> None:
    deleted = BATCH_SIZE if devices else 0
    while deleted == BATCH_SIZE:
        async with background_transaction(db) as tx:
            deleted = len(await tx.all(DELETE_SUPERSEDED, devices=[*devices], rows=BATCH_SIZE))
