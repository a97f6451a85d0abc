"""Pull: return the changes after a cursor that a clinic may see, and log the accesses for each patient."""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import BeforeValidator, Field

from app import clock, json_strict
from app.clinics.calls import ClientCaller
from app.clinics.consent_tables import Action
from app.consents import access_log, clinic_cursors, statements
from app.consents.access_log import Entry
from app.consents.clinic_cursors import Position, Since
from app.db import Row, Transaction
from app.exchange import numbering, pages, records
from app.exchange.collections import Collections, readable
from app.exchange.pages import IS_VISIBLE, Item
from app.http import ClientConnection, QueryModel
from app.ids import Id
from app.problems import CursorExpired
from app.records.codec import MAX_PAGE_BYTES
from app.records.coverage import CONNECTIONS
from app.records.filters import bounded_integer
from app.sync.collections import DEFAULT_CHANGES, MAX_CHANGES
from app.sync.pull import MAX_WAIT_SECONDS
from app.sync.waiting import waiting


class ClinicPullQuery(QueryModel):
    """The query of a clinic's pull."""

    since: Since = Field(
        clinic_cursors.FIRST,
        description="The `cursor` of the previous page or pull; 0, the default, starts from the beginning.",
    )
    limit: Annotated[int, BeforeValidator(bounded_integer(1, MAX_CHANGES))] = Field(
        DEFAULT_CHANGES, ge=1, le=MAX_CHANGES, description="The maximum number of changes in the page, 1 to 1000."
    )
    collections: Collections = Field(
        default_factory=list,
        description="Return changes of these collections only, separated by commas; by default of all that the scopes cover.",
    )
    patient: Id | None = Field(None, description="Return changes of the patient with this id only.")
    wait: Annotated[int, BeforeValidator(bounded_integer(0, MAX_WAIT_SECONDS))] = Field(
        0,
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="The maximum number of seconds to wait for a change if there is none yet, 0 to 30.",
    )


class Page(NamedTuple):
    """A page of changes, as JSON texts, and the cursor of the next one."""

    changes: list[str]
    cursor: str
    has_more: bool

    def json(self) -> bytes:
        """Return the page as JSON, the body of the response."""
        more = "true" if self.has_more else "false"
        cursor = json_strict.dump_text(self.cursor)
        return f'{{"changes":[{",".join(self.changes)}],"cursor":{cursor},"has_more":{more}}}'.encode()


async def pull_or_wait(caller: ClientCaller, query: ClinicPullQuery, reader: ClientConnection) -> Page:
    """Return a page of changes as soon as there are any; an empty page after `wait` seconds, or if the waiting ends.

    Raise `InsufficientScope` as `readable` does, `CursorExpired` as `pull` does, or an exception of `waiting`.
    """
    names = readable(query.collections, caller.scope)
    page = await pull(caller, query, names)
    if page.changes or page.has_more or not query.wait:
        return page
    until = time.monotonic() + query.wait
    async with waiting(caller.services, caller.clinic_id, reader) as waiter:
        page = await pull(caller, query, names)
        while (
            not (page.changes or page.has_more) and (left := until - time.monotonic()) > 0 and await waiter.wait(left)
        ):
            page = await pull(caller, query, names)
    return page


async def pull(caller: ClientCaller, query: ClinicPullQuery, names: list[str]) -> Page:
    """Number the clinic's changes, then return a page of the changes in the collections `names`, and log the accesses.

    Raise `CursorExpired` if changes after the cursor may have been purged, or the cursor is not valid for this client.
    """
    clinic = await numbering.state(caller)
    sent = clinic_cursors.parse(query.since)
    position = sent or Position(clinic["id"], caller.purpose, clinic["epoch"], 0, from_zero=True, floor=clinic["floor"])
    if not position.is_served(clinic, caller.purpose):
        raise CursorExpired.for_clinic()
    has_more = clinic["has_unnumbered"] and await numbering.number(caller.db, clinic)
    through, changes = clinic["head"], list[str]()
    if position.number < clinic["head"]:
        found = await _read(caller, query, names, position.number, clinic["head"])
        changes = await _changes(caller, found)
        if found.is_cut:
            has_more, through = True, found.items[-1].number
    is_last = not has_more  # after the last page, the cursor expires when a later removal is purged
    following = position._replace(number=through, from_zero=position.from_zero and not is_last)
    return Page(changes, following.text(), has_more)


class _Found(NamedTuple):
    """The rows of a page of changes.

    `items` are all changes of the page, and `shown` are the changes in `items` whose record or connection the client
    sees. `identifiers` has the clinic's identifiers of each patient whose connection is in `shown`, by patient id.
    `is_cut` is true if there are more changes after the page.
    """

    items: list[Item]
    shown: list[Item]
    identifiers: dict[UUID, list[Row]]
    is_cut: bool


async def _read(caller: ClientCaller, query: ClinicPullQuery, names: list[str], after: int, head: int) -> _Found:
    """Read a page of the changes numbered above `after`, up to `head`; log the accesses in the same transaction."""
    values = caller.binds | {"now": clock.now(), "after": after, "head": head, "collections": names}
    values |= {"rows": query.limit + 1, "most_bytes": MAX_PAGE_BYTES, "patient": query.patient}
    async with caller.db.transaction() as tx:
        rows = await tx.tuples(pages.page(of_patient=query.patient is not None), **values)
        items = [item for item in map(Item._make, rows[: query.limit]) if item.fits]
        shown = [item for item in items if item.flags and item.flags & IS_VISIBLE]
        identifiers = await _identifiers(tx, caller, shown)
        logged = await access_log.write(tx, _entries(caller, shown))
    access_log.emit(logged)
    return _Found(items, shown, identifiers, len(items) < len(rows))


async def _identifiers(tx: Transaction, caller: ClientCaller, shown: Sequence[Item]) -> dict[UUID, list[Row]]:
    patients = [item.patient_id for item in shown if item.collection == CONNECTIONS]
    found: defaultdict[UUID, list[Row]] = defaultdict(list)
    if patients:
        for each in await tx.all(statements.IDENTIFIERS, clinic_id=caller.clinic_id, patient_ids=patients):
            found[each["patient_id"]].append({"system": each["system"], "value": each["value"]})
    return found


def _entries(caller: ClientCaller, shown: Sequence[Item]) -> list[Entry]:
    """Return an entry of the access log for each patient and collection in `shown`."""
    ids: defaultdict[tuple[UUID, str], list[str]] = defaultdict(list)
    for item in shown:
        ids[item.owner_id, item.collection].append(str(item.id))
    return [
        Entry(owner_id, caller.clinic_id, Action.READ, name, some, caller.client_id, caller.request_id)
        for (owner_id, name), some in ids.items()
    ]


async def _changes(caller: ClientCaller, found: _Found) -> list[str]:
    """Return the changes of a page as JSON texts, without those of which the client must not learn."""
    keys = await caller.services.data_keys.of_many({item.owner_id for item in found.shown if item.document is not None})
    return [
        records.change_json(item, keys.get(item.owner_id), found.identifiers)
        for item in found.items
        if item.flags is not None
    ]
