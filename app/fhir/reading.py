"""Reads and searches of resources.

Each access is logged in the transaction of the read. If the log entry cannot be written, the client gets no resource.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from app import clock
from app.clinics.calls import ClientCaller
from app.clinics.consent_tables import Action, ConsentRecord
from app.clinics.endpoints import Endpoints
from app.consents import access_log
from app.consents import statements as consent_statements
from app.consents.access_log import Entry
from app.db import RemoteDatabase, Row, Transaction, decode_json_row
from app.exchange.pages import IS_OWN
from app.exchange.records import Managed, visible_document
from app.fhir import statements
from app.fhir.searching import Search
from app.fhir.statements import Page
from app.fhir.types import FhirType
from app.ids import make_id, new_id_text
from app.openapi import Json
from app.problems import NotFound
from app.records import Resource
from app.records.codec import MAX_PAGE_BYTES
from app.records.positions import decode_position, encode_position
from app.resources.assessments import ASSESSMENTS
from app.sealing import OwnerKeys

_TERMS: Final = [ConsentRecord.table().c[name] for name in statements.TERMS]
_CURSOR_LENGTH: Final = 54
"""The number of characters of each of the two encoded positions that a cursor consists of."""


class Found(NamedTuple):
    """A page of a search: its resources in order, the cursor of the next page, and the number of all resources found.

    On the last page, the cursor is None.
    """

    resources: list[Json]
    cursor: str | None
    total: int


async def read(call: ClientCaller, kind: FhirType, id: UUID, *, logs: bool = True) -> Json:
    """Return a resource, and log the access; raise `NotFound` if the client does not see the resource.

    Ids are unique only within the records of one patient. If two patients have chosen the same id, return the resource
    of the session that the clinic manages; without such a session, return either resource. Pass `logs=False` if this
    request has just written the resource, because the write is in the access log already.
    """
    rows, named = await _rows(call, kind, Search(count=2, ids={id}), {}, logs=logs)
    resource = next(await encoded(call, kind, _preferred(rows), named), None)
    if resource is None:
        raise NotFound
    return resource


async def find(call: ClientCaller, kind: FhirType, id: UUID) -> Row | None:
    """Return the row of a resource that is about to be written; None if the client cannot see the resource.

    Do not log the access, because the write will be logged.
    """
    rows, _ = await _rows(call, kind, Search(count=2, ids={id}), {}, logs=False)
    return next(iter(_preferred(rows)), None)


def _preferred(rows: Sequence[Row]) -> list[Row]:
    own = [row for row in rows if row.get("flags", 0) & IS_OWN]
    return [*own, *rows][:1]


async def search(call: ClientCaller, kind: FhirType, wanted: Search) -> Found:
    """Return a page of a search, and log the accesses; raise `InvalidCursor` if the cursor is another search's."""
    key = call.services.cursor_key
    scope = (str(call.client_id), "fhir", kind.name, wanted.applied)
    after: dict[str, Any] = {}
    total: int | None = None
    if wanted.cursor is not None:
        first, second = wanted.cursor[:_CURSOR_LENGTH], wanted.cursor[_CURSOR_LENGTH:]
        total, after["after_id"] = decode_position(key, scope, first)
        after["after_source"], after["after_patient"] = decode_position(key, (*scope, first), second)
    rows, named = await _rows(call, kind, wanted, after, counted=total is None)
    if total is None:
        total = rows[-1]["total"] if rows else await _total(call, kind, wanted)
    shown = [row for row in rows[: wanted.count] if row["fits"]]
    cursor = None
    if shown and len(shown) < len(rows):
        first = encode_position(key, scope, total, shown[-1]["id"])
        cursor = first + encode_position(key, (*scope, first), shown[-1]["source"], shown[-1]["patient_id"])
    return Found([*await encoded(call, kind, shown, named)], cursor, total)


async def _total(call: ClientCaller, kind: FhirType, wanted: Search) -> int:
    """Return the number of resources of a search whose page has no row. It is 0 unless `count` is 0."""
    if wanted.count:
        return 0
    binds = call.binds | wanted.values | {"now": clock.now()}
    found: int = (await call.db.only(statements.total(kind.name, wanted.filters), **binds))["total"]
    return found


Identifiers = dict[UUID, list[Row]]
"""The clinic's identifiers of each patient, by the patient's id."""


async def _rows(
    call: ClientCaller, kind: FhirType, wanted: Search, after: Row, *, logs: bool = True, counted: bool = False
) -> tuple[list[Row], Identifiers]:
    """Return the rows of a page of a search, as `read_rows` does. The page starts after the position `after`.

    With `logs`, log the accesses to the rows of the page. With `counted`, the last row has the `total` of the search.
    """
    if not wanted.count:
        return [], {}
    page = statements.page(kind.name, wanted.filters, continued=bool(after), counted=counted)
    values = wanted.values | after | {"most_bytes": MAX_PAGE_BYTES}
    action = Action.READ if logs else None
    rows, named = await read_rows(call, kind, page, values, count=wanted.count, action=action)
    call.is_active = call.is_active or bool(rows)  # the statement returns no row if the client has ended
    return rows, named


async def read_rows(
    call: ClientCaller, kind: FhirType, page: Page, values: Row, *, count: int, action: Action | None
) -> tuple[list[Row], Identifiers]:
    """Return the rows of a page, which are at most `count`, and if there are more, the first row of the next page.

    If the resources are made from connections, also return the clinic's identifiers of the patients. Log the accesses
    to the rows of the page as `action`, in the same transaction. If `action` is None, log nothing.
    """
    values = call.binds | values | {"now": clock.now(), "rows": count + 1}
    if action is not None and not kind.is_connection and isinstance(call.db, RemoteDatabase):
        return await _read_and_log(call, kind, page, values, action), {}
    async with call.db.transaction() as tx:
        rows = await tx.all(page.read, **values)
        shown = [row for row in rows[:count] if row["fits"]]
        named = await _identifiers(tx, call, shown) if kind.is_connection else {}
        logged = [] if action is None else await access_log.write(tx, _entries(call, kind, shown, action))
    access_log.emit(logged)
    return rows, named


async def _read_and_log(call: ClientCaller, kind: FhirType, page: Page, values: Row, action: Action) -> list[Row]:
    """Return the rows of a page of records. Log the accesses in the same statement, which saves three round trips."""
    count = values["rows"] - 1
    ids = [new_id_text() for _ in range(count)]
    values |= {"access_ids": " ".join(ids), "action": action, "request_id": call.request_id}
    rows = await call.db.all(page.read_and_log, **values)
    entries = _entries(call, kind, [row for row in rows[:count] if row["fits"]], action)
    access_log.emit(
        access_log.row_of(entry, make_id(id), values["now"]) for entry, id in zip(entries, ids, strict=False)
    )
    return rows


async def _identifiers(tx: Transaction, call: ClientCaller, rows: Sequence[Row]) -> Identifiers:
    found: defaultdict[UUID, list[Row]] = defaultdict(list)
    patient_ids = [row["patient_id"] for row in rows]
    for each in await tx.all(consent_statements.IDENTIFIERS, clinic_id=call.clinic_id, patient_ids=patient_ids):
        found[each["patient_id"]].append({"system": each["system"], "value": each["value"]})
    return found


def _entries(call: ClientCaller, kind: FhirType, rows: Sequence[Row], action: Action) -> list[Entry]:
    """Return the entries of the access log for rows: one entry for each patient and collection."""
    ids: defaultdict[tuple[UUID, int], list[str]] = defaultdict(list)
    for row in rows:
        ids[row["owner_id"], row["source"]].append(str(row["id"]))
    return [
        Entry(owner_id, call.clinic_id, action, kind.sources[source].collection, some, call.client_id, call.request_id)
        for (owner_id, source), some in ids.items()
    ]


async def encoded(call: ClientCaller, kind: FhirType, rows: Sequence[Row], named: Identifiers) -> Iterator[Json]:
    """Return an iterator over the resources of rows. A record is decrypted just before its resource is returned.

    Leave out the records of accounts that were erased after the rows were read.
    """
    is_connection = kind.is_connection
    keys = {} if is_connection else await call.services.data_keys.of_many({row["owner_id"] for row in rows})

    def resources() -> Iterator[Json]:
        for row in rows:
            if is_connection or row["owner_id"] in keys:  # otherwise the account was erased after the read
                source = kind.sources[row["source"]]
                record = _connection(row, named) if source.kind is None else _record(call, source.kind, row, keys)
                yield source.encode(record, str(row["patient_id"]))

    return resources()


def managed(row: Row) -> Managed | None:
    """Return what the clinic has sent about the record of a row, or None if it does not manage the record."""
    is_own = row["flags"] & IS_OWN
    return Managed(row["system"], row["value"], row["revision"], row["changed_at"]) if is_own else None


def _record(call: ClientCaller, kind: Resource, row: Row, keys: Mapping[UUID, OwnerKeys]) -> Row:
    """Return the decrypted record of a row, as `Source.encode` needs it.

    An assessment also has the member `definition`: its instrument in the library.
    """
    own = managed(row)
    record = visible_document(keys[row["owner_id"]], kind, row, own)
    record["id"], record["version"], record["changed_at"] = row["id"], row["version"], row["changed_at"]
    record["identifier"] = None if own is None else own.identifier
    if kind is ASSESSMENTS:
        code, version = record["instrument"], record["instrument_version"]
        record["definition"] = call.services.library.instrument(code, version)
    return record


def _connection(row: Row, named: Identifiers) -> Row:
    terms = decode_json_row(_TERMS, row["details"])
    known = {name: row[name] for name in ("id", "version", "changed_at")}
    return known | terms | {"identifiers": named.get(row["patient_id"], [])}


def bundle(kind: FhirType, wanted: Search, found: Found, endpoints: Endpoints) -> Json:
    """Return the Bundle of a page of a search. It links to this page and, if there is one, to the next page."""
    base = endpoints.of(f"/fhir/{kind.name}")
    itself = {"_cursor": wanted.cursor} if wanted.cursor else {}
    links = [{"relation": "self", "url": f"{base}?{wanted.query(**itself)}"}]
    if found.cursor is not None:
        links.append({"relation": "next", "url": f"{base}?{wanted.query(_cursor=found.cursor)}"})
    entries = [
        {"fullUrl": f"{base}/{each['id']}", "resource": each, "search": {"mode": "match"}} for each in found.resources
    ]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": found.total,
        "link": links,
        **({"entry": entries} if entries else {}),
    }
