"""Example bodies of a clinic's push and pull: a session of the demo's patient."""

from typing import Final
from uuid import UUID, uuid5

from app.consents.examples import CONNECTION, IDENTIFIER, PATIENT_ID
from app.openapi import Example
from app.records.shapes import STORED_EXAMPLE

SESSION_IDENTIFIER: Final[Example] = {"system": "https://linden-house.example/sessions", "value": "S-2026-118"}
SESSION_ID: Final = str(uuid5(UUID(PATIENT_ID), f"{SESSION_IDENTIFIER['system']}|{SESSION_IDENTIFIER['value']}"))
CLINICAL: Final[Example] = {
    "kind": "dosing",
    "status": "completed",
    "started_at": "2026-11-20T09:30:00.000000Z",
    "ended_at": "2026-11-20T11:10:00.000000Z",
    "timezone": "Europe/Amsterdam",
    "setting": "clinic",
    "supervision": "in-person-clinician",
    "medicine": "racemic-ketamine",
    "route": "intramuscular",
    "dose_value": 62.5,
    "dose_unit": "mg",
}
ENTRY: Final[Example] = {
    "patient": IDENTIFIER,
    "identifier": SESSION_IDENTIFIER,
    "revision": 2,
    "session": CLINICAL,
}
PUSH: Final[Example] = {"sessions": [ENTRY]}
RESULTS: Final[Example] = {
    "results": [
        {
            "identifier": SESSION_IDENTIFIER,
            "id": SESSION_ID,
            "outcome": "applied",
            "status": 201,
            "version": 7,
            "reason": None,
            "errors": [],
        }
    ]
}
CHANGES: Final[Example] = {
    "changes": [
        {
            "collection": "connections",
            "patient": PATIENT_ID,
            "id": PATIENT_ID,
            "version": 1,
            "removed": False,
            "record": CONNECTION,
        },
        {
            "collection": "sessions",
            "patient": PATIENT_ID,
            "id": SESSION_ID,
            "version": 7,
            "removed": False,
            "record": {
                "id": SESSION_ID,
                **STORED_EXAMPLE,
                "version": 7,
                "status_reason": None,
                "title": None,
                "scheduled_at": None,
                "intensity": None,
                "notes": None,
                **CLINICAL,
                "managed_by": "this-clinic",
                "identifier": SESSION_IDENTIFIER,
                "revision": 2,
            },
        },
    ],
    "cursor": "AZqixHsAcACAAAAAAADBwAAAAAABAAAAAAAAAAcAAAAAAAAAAAA",
    "has_more": False,
}
