"""Functions that start, find and delete bulk exports.

An export is a row with the parameters of the request that started it. A client finds only its own exports.
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.clinics.calls import IS_ACTIVE, ClientCaller
from app.clinics.tables import ExportRecord
from app.db import Database, Row, Statement, bind
from app.fhir.dates import ALWAYS, LATEST, Interval
from app.fhir.exports.asking import ExportRequest
from app.fhir.searching import Search
from app.identity import throttles
from app.identity.buckets import of_bulk_exports
from app.ids import make_id, new_id
from app.problems import NotFound, TooManyBulkExports

LIFETIME: Final = timedelta(hours=24)
"""How long after its start an export can be downloaded."""
MARGIN: Final = timedelta(seconds=60)
"""An export's transaction time is this long before its start.

A change has the time at which its database transaction wrote it, and no transaction takes as long as this margin. So if
a change is committed too late for this export, its time is after the transaction time: the next export contains it.
"""
_export: Final = ExportRecord.table()
_is_own: Final = [_export.c[name] == bind(_export.c[name]) for name in ("client_id", "id")]
_NOW: Final = bind(_export.c.expires_at, "now")
_INSERT: Final = Statement(sa.insert(_export).values({column.name: bind(column) for column in _export.c}))
_FIND: Final = Statement(sa.select(_export).where(*_is_own, _export.c.expires_at > _NOW, IS_ACTIVE))
_DELETE: Final = Statement(
    sa.delete(_export).where(*_is_own, _export.c.expires_at > _NOW, IS_ACTIVE).returning(_export.c.id)
)
_DELETE_EXPIRED: Final = Statement(sa.delete(_export).where(_export.c.expires_at <= _NOW))


async def start(call: ClientCaller, wanted: ExportRequest, request: str) -> UUID:
    """Store the row of a new export; return its id. `request` is the URL of the request that starts the export.

    Raise `TooManyBulkExports` if the client has started too many exports in an hour.
    """
    now, id = clock.now(), new_id()
    async with throttles.counted(call.services, of_bulk_exports(call.services, call.client_id), TooManyBulkExports):
        await call.db.run(
            _INSERT,
            client_id=call.client_id,
            id=id,
            types=wanted.types,
            patients=None if wanted.patients is None else sorted(map(str, wanted.patients)),
            since=wanted.since,
            request=request,
            transaction_at=now - MARGIN,
            expires_at=now + LIFETIME,
        )
    return id


async def find(call: ClientCaller, id: UUID) -> Row:
    """Return the row of an export.

    Raise `NotFound` if the export was deleted, has expired, or is another client's, or if an operator has ended the
    client.
    """
    found = await call.db.one(_FIND, client_id=call.client_id, id=id, now=clock.now())
    if found is None:
        raise NotFound
    return found


async def delete(call: ClientCaller, id: UUID) -> None:
    """Delete an export; raise `NotFound` in the same cases as `find`."""
    async with call.db.transaction() as tx:
        deleted = await tx.one(_DELETE, client_id=call.client_id, id=id, now=clock.now())
    if deleted is None:
        raise NotFound


async def delete_expired(db: Database) -> None:
    """Delete the exports that have expired, which `find` no longer returns."""
    await db.run(_DELETE_EXPIRED, now=clock.now())


def search_of(export: Row) -> Search:
    """Return the search that selects the resources of an export.

    The search has no latest time, so it also selects resources that change after the export has started.
    """
    since = ALWAYS.start if export["since"] is None else export["since"]
    patients: list[Any] | None = export["patients"]
    return Search(
        patients=None if patients is None else {*map(make_id, patients)},
        updated=Interval(since, LATEST),
    )


def http_date(moment: datetime) -> bytes:
    """Return an instant in the format of the HTTP header Expires."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True).encode()
