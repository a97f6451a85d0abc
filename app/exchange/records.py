"""The JSON of records and connections as a clinic sees them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Final, NamedTuple
from uuid import UUID

import orjson

from app import clock, json_strict
from app.clinics.consent_tables import ConsentRecord, SharedItem
from app.consents.clinic_shapes import public_connection
from app.db import Row, decode_json_row
from app.exchange.pages import HIDDEN_SHIFT, IS_MANAGED, IS_SHARED, IS_VISIBLE, TERMS, Item
from app.records import Resource
from app.records.coverage import CONNECTIONS
from app.sealing import OwnerKeys
from app.sync.collections import BY_COLLECTION

_TERMS: Final = [ConsentRecord.table().c[name] for name in TERMS]
_CHANGED_AT: Final = [SharedItem.table().c.changed_at]
_SHARED: Final = '"visibility":"shared",'
"""A member in the JSON document of each shared record. No string in a document can contain it: quotes are escaped."""
_ALL_SHOWN: Final = IS_VISIBLE | IS_SHARED
"""The `flags` of a record that is shared, is managed by no clinic, and has no hidden reference."""
_OF_PATIENT: Final = '"managed_by":"patient","identifier":null,"revision":null'
_MANAGEABLE: Final = frozenset(name for name, kind in BY_COLLECTION.items() if kind.clinical)
"""The collections whose records a clinic can manage."""
OWN_ONLY: Final = ("visibility", "clinic_id")
"""The members of a record that only its owner sees."""


class Managed(NamedTuple):
    """What the clinic has sent about a record that it manages, and the time of the record's change for the clinic.

    `system` and `value` are the clinic's identifier of the record.
    """

    system: str
    value: str
    revision: int | None
    changed_at: datetime

    @property
    def identifier(self) -> Row:
        """The clinic's identifier of the record, as a member of the record."""
        return {"system": self.system, "value": self.value}


def clinic_record(keys: OwnerKeys, kind: Resource, row: Row, own: Managed | None) -> Row:
    """Return the members of a record as the clinic sees it.

    `row` has the columns of `record_columns`. `own` is None if the clinic does not manage the record. Add the members
    `managed_by`, `identifier` and `revision` to those of `visible_document`.
    """
    managed_by = "patient" if own is None else "this-clinic"
    if own is None and row["flags"] & IS_MANAGED:
        managed_by = "another-clinic"
    return {
        "id": row["id"],
        "version": row["version"],
        **visible_document(keys, kind, row, own),
        "managed_by": managed_by,
        "identifier": None if own is None else own.identifier,
        "revision": None if own is None else own.revision,
    }


def visible_document(keys: OwnerKeys, kind: Resource, row: Row, own: Managed | None) -> Row:
    """Return the members of a record's document as the clinic sees them.

    References to records that the clinic does not see are null. If the clinic manages the record, but the record is not
    shared with the clinic, all fields except the clinical ones are null, too.
    """
    document: Row = orjson.loads(keys.open(kind.collection, row["id"], row["seq"], row["document"]))
    flags = row["flags"]
    for name in OWN_ONLY:
        document.pop(name, None)
    if flags >> HIDDEN_SHIFT:
        for number, field in enumerate(sorted(kind.targets), HIDDEN_SHIFT):
            if flags >> number & 1:
                document[field] = None
    if own is not None and not flags & IS_SHARED:
        document |= _hidden_fields(kind)
        document["updated_at"] = clock.format_instant(own.changed_at)  # hides when the owner changed other fields
    return document


@cache
def _hidden_fields(kind: Resource) -> Row:
    """Return the fields of a kind that a clinic sees only if the record is shared with it, each with the value null."""
    return {name: None for name in kind.field_names if name not in {*kind.clinical, *OWN_ONLY}}


def change_json(item: Item, keys: OwnerKeys | None, identifiers: Mapping[UUID, Sequence[Row]]) -> str:
    """Return the JSON text of a change, with the record if the client sees it. The client may learn of the change.

    `keys` are the owner's data keys, or None if the account has been erased since the item was read. `identifiers` are
    the clinic's identifiers of patients, by patient id. If the clinic sees every field, and no clinic can manage
    records of the kind, the document is not parsed: only `visibility` is cut out of it.
    """
    collection, id, version, flags = item.collection, item.id, item.version, item.flags
    this = f'"id":"{id}","version":{version}'
    start = f'{{"collection":"{collection}","patient":"{item.patient_id or id}",{this},"removed":'
    if flags == _ALL_SHOWN and keys is not None and collection not in _MANAGEABLE:
        document = keys.open(collection, id, item.seq, item.document).replace(_SHARED, "", 1)
        return f'{start}false,"record":{{{this},{document[1:-1]},{_OF_PATIENT}}}}}'
    if collection == CONNECTIONS and flags & IS_VISIBLE:
        return f'{start}false,"record":{_connection_json(item, identifiers[item.patient_id])}}}'
    if flags & IS_VISIBLE and keys is not None:
        record = clinic_record(keys, BY_COLLECTION[collection], item._asdict(), _managed(item))
        return f'{start}false,"record":{json_strict.dump_text(record)}}}'
    return f'{start}true,"record":null}}'


def _managed(item: Item) -> Managed | None:
    if item.details is None:
        return None
    system, value, revision, changed_at = item.details
    return Managed(system, value, revision, _time_of_change(changed_at))


@lru_cache(1024)  # the records of one push have the same time
def _time_of_change(value: str) -> datetime:
    """Return the time of a change, an item of `details`."""
    time: datetime = decode_json_row(_CHANGED_AT, [value])["changed_at"]
    return time


def _connection_json(item: Item, identifiers: Sequence[Row]) -> str:
    """Return the JSON text of a connection as the clinic sees it."""
    terms = decode_json_row(_TERMS, item.details)
    return json_strict.dump_text(public_connection(terms | {"patient_id": item.patient_id}, [*identifiers]))
