"""Records as a clinic sees them."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from app import clock
from app.clinics.consent_tables import ConsentRecord
from app.consents.clinic_shapes import public_connection
from app.db import Row, decode_json_row
from app.exchange.pages import TERMS
from app.ids import make_id
from app.records import Resource
from app.sealing import OwnerKeys

_TERMS: Final = [ConsentRecord.table().c[name] for name in TERMS]
OWN_ONLY: Final = ("visibility", "clinic_id")
"""The members of a record that only its owner sees."""


def clinic_record(keys: OwnerKeys, kind: Resource, row: Row, clinic_id: UUID) -> Row:
    """Return a record in its public shape, as the clinic sees it.

    If the clinic manages the record, and the record is not shared with it, all fields but the clinical ones are null.
    """
    document = orjson.loads(keys.open(kind.collection, row["id"], row["seq"], row["document"]))
    for name in OWN_ONLY:
        document.pop(name, None)
    for field, value in zip(sorted(kind.targets), row["more"], strict=True):
        document[field] = None if value is None else str(make_id(value))
    if not row["is_shared"]:
        document |= dict.fromkeys(name for name in kind.field_names if name in document and name not in kind.clinical)
        document["updated_at"] = clock.format_instant(row["changed_at"])  # hides when the owner changed the others
    is_own = row["clinic_id"] == clinic_id
    return {
        "id": row["id"],
        "version": row["version"],
        **document,
        "managed_by": "patient" if row["clinic_id"] is None else "this-clinic" if is_own else "another-clinic",
        "identifier": {"system": row["system"], "value": row["value"]} if is_own else None,
        "revision": row["revision"] if is_own else None,
    }


def connection(row: Row, identifiers: Sequence[Row]) -> Row:
    """Return a connection as the clinic sees it."""
    return public_connection(decode_json_row(_TERMS, row["more"]) | {"patient_id": row["patient_id"]}, [*identifiers])


def of_change(row: Row, record: Row | None) -> dict[str, Any]:
    """Return the members of a change."""
    return {
        "collection": row["collection"],
        "patient": row["id"] if row["patient_id"] is None else row["patient_id"],
        "id": row["id"],
        "version": row["version"],
        "removed": record is None,
        "record": record,
    }
