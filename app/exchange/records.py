"""Records as a clinic sees them."""

from collections.abc import Sequence
from functools import cache
from typing import Final
from uuid import UUID

import orjson

from app import clock, json_strict
from app.clinics.consent_tables import ConsentRecord
from app.consents.clinic_shapes import public_connection
from app.db import Row, decode_json_row
from app.exchange.pages import TERMS
from app.records import Resource
from app.sealing import OwnerKeys

_TERMS: Final = [ConsentRecord.table().c[name] for name in TERMS]
_SHARED: Final = '"visibility":"shared",'
"""A member of a shared record's JSON document. No text in the document can contain it, because quotes are escaped."""
_OF_PATIENT: Final = '"managed_by":"patient","identifier":null,"revision":null'
OWN_ONLY: Final = ("visibility", "clinic_id")
"""The members of a record that only its owner sees."""


def clinic_record(keys: OwnerKeys, kind: Resource, row: Row, clinic_id: UUID) -> Row:
    """Return a record in its public shape, as the clinic sees it.

    References to records that the clinic does not see are null. If the clinic manages the record, but the record is not
    shared with the clinic, all fields except the clinical ones are null, too.
    """
    document = orjson.loads(keys.open(kind.collection, row["id"], row["seq"], row["document"]))
    for name in OWN_ONLY:
        document.pop(name, None)
    for number, field in enumerate(sorted(kind.targets)):
        if row["hidden"] >> number & 1:
            document[field] = None
    if not row["is_shared"]:
        document |= dict.fromkeys(_personal(kind))
        document["updated_at"] = clock.format_instant(row["changed_at"])  # hides when the owner changed a hidden field
    is_own = row["clinic_id"] == clinic_id
    return {
        "id": row["id"],
        "version": row["version"],
        **document,
        "managed_by": "patient" if row["clinic_id"] is None else "this-clinic" if is_own else "another-clinic",
        "identifier": {"system": row["system"], "value": row["value"]} if is_own else None,
        "revision": row["revision"] if is_own else None,
    }


def record_json(keys: OwnerKeys, kind: Resource, row: Row, clinic_id: UUID) -> str:
    """Return the same as `clinic_record`, as a JSON text.

    If clinics cannot manage the kind of record, the record is shared, and no reference is hidden, then the document is
    not parsed: only `visibility` is cut out.
    """
    if kind.clinical or row["hidden"] or not row["is_shared"]:
        return json_strict.dump_text(clinic_record(keys, kind, row, clinic_id))
    document = keys.open(kind.collection, row["id"], row["seq"], row["document"]).replace(_SHARED, "", 1)
    return f'{{"id":"{row["id"]}","version":{row["version"]},{document[1:-1]},{_OF_PATIENT}}}'


@cache
def _personal(kind: Resource) -> tuple[str, ...]:
    """Return the fields of a kind that only the owner sets. A clinic sees them only if the record is shared with it."""
    return tuple(name for name in kind.field_names if name not in {*kind.clinical, *OWN_ONLY})


def connection_json(row: Row, identifiers: Sequence[Row]) -> str:
    """Return a connection as the clinic sees it, as a JSON text."""
    terms = decode_json_row(_TERMS, row["terms"])
    return json_strict.dump_text(public_connection(terms | {"patient_id": row["patient_id"]}, [*identifiers]))


def change_json(row: Row, record: str | None) -> str:
    """Return a change as a JSON text. `record` is the record as a JSON text, or None if the clinic does not see it."""
    patient_id = row["id"] if row["patient_id"] is None else row["patient_id"]
    return (
        f'{{"collection":"{row["collection"]}","patient":"{patient_id}","id":"{row["id"]}","version":{row["version"]},'
        f'"removed":{"true" if record is None else "false"},"record":{"null" if record is None else record}}}'
    )
