"""The FHIR resources Patient and Consent. Both are made from a connection, and their id is that of the patient."""

from typing import Final

from app.db import Row
from app.fhir.mapping import parts
from app.openapi import Json

_SCOPE: Final = parts.coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
_CATEGORY: Final = parts.coded(parts.LOINC, "59284-0")
_OPT_IN: Final = parts.coded("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN")
_REASONS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_PURPOSES: Final = {"treatment": "TREAT", "research": "HRESCH"}


def patient(connection: Row, _patient: str) -> Json:
    """Return the FHIR Patient for a connection."""
    name = connection["name"]
    return parts.resource(
        "Patient",
        connection,
        identifier=connection["identifiers"],
        active=True,
        name=[{"text": name}] if name else [],
    )


def consent(connection: Row, patient: str) -> Json:
    """Return the FHIR Consent for a connection."""
    provision = {
        "type": "permit",
        "period": parts.present(start=connection["created_at"], end=connection["until"]),
        "purpose": [{"system": _REASONS, "code": _PURPOSES[connection["purpose"]]}],
    }
    return parts.resource(
        "Consent",
        connection,
        status="active",
        scope=_SCOPE,
        category=[_CATEGORY],
        patient=parts.reference("Patient", patient),
        policyRule=_OPT_IN,
        provision=provision,
    )
