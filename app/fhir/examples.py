"""Example bodies of the FHIR operations: a session of the demo's patient, as the demo's clinic reads and writes it."""

from typing import Final

from app.consents.examples import PATIENT_ID
from app.exchange.examples import CLINICAL, SESSION_ID, SESSION_IDENTIFIER
from app.fhir.mapping import procedures
from app.openapi import Json

BASE: Final = "https://api.example.org/fhir"
_SESSION: Final[Json] = {
    "id": SESSION_ID,
    "version": 7,
    "changed_at": "2026-11-22T18:40:12.504118Z",
    "identifier": SESSION_IDENTIFIER,
    **CLINICAL,
    "status_reason": None,
    "scheduled_at": None,
    "notes": None,
}
PROCEDURE: Final = procedures.encode(_SESSION, PATIENT_ID)
_LOCATION: Final = f"{BASE}/Procedure/{SESSION_ID}"


def _draft(resource: Json) -> Json:
    """Return a resource as a clinic sends it: without `id` and `meta`."""
    return {name: value for name, value in resource.items() if name not in {"id", "meta"}}


PROCEDURE_DRAFT: Final = _draft(PROCEDURE)
CONDITION: Final = f"{SESSION_IDENTIFIER['system']}|{SESSION_IDENTIFIER['value']}"
SEARCHSET: Final[Json] = {
    "resourceType": "Bundle",
    "type": "searchset",
    "total": 1,
    "link": [{"relation": "self", "url": f"{BASE}/Procedure?patient={PATIENT_ID}&_count=50"}],
    "entry": [{"fullUrl": _LOCATION, "resource": PROCEDURE, "search": {"mode": "match"}}],
}
BUNDLE: Final[Json] = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {"resource": PROCEDURE_DRAFT, "request": {"method": "PUT", "url": f"Procedure?identifier={CONDITION}"}},
    ],
}
BUNDLE_RESPONSE: Final[Json] = {
    "resourceType": "Bundle",
    "type": "transaction-response",
    "entry": [
        {
            "fullUrl": _LOCATION,
            "resource": PROCEDURE,
            "response": {
                "status": "200 OK",
                "location": _LOCATION,
                "etag": 'W/"7"',
                "lastModified": _SESSION["changed_at"],
            },
        }
    ],
}
METADATA: Final[Json] = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-11-29",
    "kind": "instance",
    "fhirVersion": "4.0.1",
    "format": ["json", "application/fhir+json"],
    "rest": [{"mode": "server", "resource": [{"type": "Patient", "interaction": [{"code": "read"}]}]}],
}
"""A shortened CapabilityStatement."""
OUTCOME: Final[Json] = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "error",
            "code": "required",
            "details": {"text": "Required element missing."},
            "diagnostics": "request 019aa2c4-7b00-7000-8000-00000000a110",
            "expression": ["subject"],
        }
    ],
}
