"""The FHIR resource MedicationAdministration: the medicine, the route and the dose of a session that has started.

A returned MedicationAdministration also contains the status and the period of the session. An incoming one sets them
only if the stored session has not started yet.
"""

from typing import Any, Final

from app.db import Row
from app.fhir.mapping import parts
from app.openapi import Json

STATUSES: Final = {
    "in-progress": "in-progress",
    "not-done": "not-done",
    "stopped": "stopped",
    "completed": "completed",
    "entered-in-error": "entered-in-error",
    "unknown": "planned",
}
"""The status of the session for each status of a MedicationAdministration.

FHIR has no status for a planned MedicationAdministration, but a session with a start can still be planned: its
MedicationAdministration has the status `unknown`.
"""
VALUE_SET: Final = frozenset({*STATUSES, "on-hold"})
FIELDS: Final = ("medicine", "route", "dose_value", "dose_unit")
"""The fields of a session that an incoming MedicationAdministration always sets."""
_CODES: Final = {ours: theirs for theirs, ours in STATUSES.items()}
_RACEMIC: Final = "racemic-ketamine"
_KETAMINE: Final = "6130"
_MEDICINES: Final = frozenset({_RACEMIC, "esketamine", "arketamine", "other", "none"})
_ROUTES: Final = {
    "intravenous": "47625008",
    "intramuscular": "78421000",
    "subcutaneous": "34206005",
    "intranasal": "46713006",
    "sublingual": "37839007",
    "buccal": "54471007",
    "oral": "26643006",
    "rectal": "37161004",
}
_ROUTE_OF: Final = {code: route for route, code in _ROUTES.items()}


def exists(session: Row) -> bool:
    """Return whether a session has a MedicationAdministration.

    It has one if it has started, and if its medicine, its route or its dose is known.
    """
    return session["started_at"] is not None and any(session[name] is not None for name in FIELDS)


def encode(session: Row, patient: str) -> Json:
    """Return the FHIR MedicationAdministration for a session."""
    has_dose = session["dose_value"] is not None
    route = session["route"]
    reason = parts.text(session["status_reason"])
    return parts.resource(
        "MedicationAdministration",
        session,
        extension=parts.extensions("valueCode", {"route": None if has_dose else route}),
        identifier=[session["identifier"]] if session["identifier"] else [],
        partOf=[{"reference": f"Procedure/{session['id']}"}],
        status=_CODES[session["status"]],
        statusReason=[reason] if reason else [],
        medicationCodeableConcept=_medicine(session["medicine"]),
        subject=parts.reference("Patient", patient),
        effectivePeriod=parts.present(start=session["started_at"], end=session["ended_at"]),
        dosage=_dosage(session) if has_dose else None,
    )


def decode(administration: Json) -> tuple[Row, Row]:
    """Return the fields of a session that an incoming MedicationAdministration always sets, and the fields that it sets
    only if the stored session has not started yet. The values are not validated.
    """
    dosage = administration.get("dosage", {})
    dose, period = dosage.get("dose", {}), administration.get("effectivePeriod", {})
    medicine = administration.get("medicationCodeableConcept", {"text": "other"})  # medicationReference means `other`
    fields: dict[str, Any] = {
        "medicine": _medicine_of(medicine),
        "route": parts.extension_of(administration, "route") or _route_of(dosage.get("route")),
        "dose_value": dose.get("value"),
        "dose_unit": (dose.get("code") or dose.get("unit")) if "value" in dose else None,
    }
    reasons = administration.get("statusReason", [])
    start = {
        "status": STATUSES.get(administration["status"], administration["status"]),
        "status_reason": parts.concept_text(reasons[0]) if reasons else None,
        "started_at": period.get("start") or administration.get("effectiveDateTime"),
        "ended_at": period.get("end"),
    }
    return fields, start


def _medicine(medicine: str | None) -> Json:
    if medicine is None:
        return parts.absent("unknown")
    return parts.coded(parts.RXNORM, _KETAMINE, medicine) if medicine == _RACEMIC else {"text": medicine}


def _medicine_of(concept: Json) -> str | None:
    if parts.code_of(concept, parts.RXNORM) == _KETAMINE:
        return _RACEMIC
    name = parts.concept_text(concept)
    if name is None:
        return "other" if "coding" in concept else None
    return name.lower() if name.lower() in _MEDICINES else "other"


def _dosage(session: Row) -> Json:
    unit, route = session["dose_unit"], session["route"]
    code = _ROUTES.get(route)
    return parts.present(
        route=parts.coded(parts.SNOMED, code, route) if code else parts.text(route),
        dose={"value": session["dose_value"], "unit": unit, "system": parts.UCUM, "code": unit},
    )


def _route_of(concept: Json | None) -> str | None:
    """Return the route of administration that a CodeableConcept names.

    It is `other` if the product does not have this route, and None if the concept is absent.
    """
    if concept is None:
        return None
    code, name = parts.code_of(concept, parts.SNOMED), parts.concept_text(concept)
    return _ROUTE_OF.get(code or "") or (name if name in _ROUTES else "other")
