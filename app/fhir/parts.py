"""Parsing of incoming resources. Each resource sets some of the clinical fields of one session.

A MedicationAdministration sets the medicine, the route and the dose, and a Procedure sets all other clinical fields.
"""

import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import MISSING, ValidationError

from app.consents.fields import is_system, is_value
from app.db import Row
from app.exchange.entries import Entry
from app.exchange.patients import Patient
from app.exchange.shapes import ClinicalSession
from app.fhir import validation
from app.fhir.mapping import administrations, procedures
from app.fhir.searching import patient_id
from app.fhir.types import TYPES, FhirType
from app.http.reading import faults_of
from app.ids import is_id, make_id
from app.openapi import Json
from app.problems import Fault, Invalid, InvalidResource
from app.records.write.ops import Op
from app.resources.sessions import SESSIONS

PROCEDURE: Final = TYPES["Procedure"]
WRITABLE: Final = {name: each for name, each in TYPES.items() if each.writable}
Identifier = tuple[str, str]
"""A clinic's identifier of a session: its system and its value."""
_VALUE_SETS: Final = {"Procedure": procedures.VALUE_SET, "MedicationAdministration": administrations.VALUE_SET}
_TIMES: Final = ("scheduled_at", "started_at", "ended_at")
_digits: Final = re.compile(r"(\.\d{6})\d+")
NO_SUBJECT: Final = Fault(
    "/subject", "required", "Send a reference such as Patient/{id}, or an identifier with a system and a value."
)
_NO_IDENTIFIER: Final = Fault("/identifier", "required", "Send an identifier with a system and a value.")
_NOTHING_GIVEN: Final = Fault("/medicine", "required", "Send the medicine, the route or the dose, or several of them.")
_OTHER_IDENTIFIER: Final = Fault(
    "/identifier", "identifier", "Send the identifier of the session that the request addresses."
)
_OTHER_ID: Final = Fault("/id", "id", "Send the id of the session, or no id.")


@dataclass(frozen=True, slots=True)
class Part:
    """The fields of one session that an incoming resource of the type `kind` sets.

    `id`, `patient` and `identifiers` are those in the resource. `fields` are the values that the resource always sets.
    `start` are the values that it sets only if the stored session has not started yet. `complete` are the values of all
    clinical fields if the resource creates the session.
    """

    kind: FhirType
    id: UUID | None
    patient: Patient
    identifiers: tuple[Identifier, ...]
    fields: Row
    start: Row
    complete: Row

    def identifier(self, named: Identifier | None) -> Identifier:
        """Return the identifier of the session: `named`, or if it is None, the first identifier in the resource.

        `named` is the identifier in the condition of the request. Raise `InvalidResource` if the resource has
        identifiers, but not `named`. Raise `Invalid` if neither the request nor the resource has an identifier.
        """
        if named is None and not self.identifiers:
            raise Invalid(_NO_IDENTIFIER)
        if named is None:
            return self.identifiers[0]
        if self.identifiers and named not in self.identifiers:
            raise InvalidResource(_OTHER_IDENTIFIER)
        return named

    def check_id(self, id: UUID) -> None:
        """Raise `InvalidResource` if the resource contains an id other than `id`, which is the id of the session."""
        if self.id is not None and self.id != id:
            raise InvalidResource(_OTHER_ID)

    def op(self, clinic_id: UUID, patient_id: UUID, identifier: Identifier) -> Op:
        """Return the operation (`Op`) on the session with this identifier.

        If the session does not exist, the operation creates it from `complete`; otherwise, it sets `fields`.
        """
        op = Entry(patient_id, *identifier, None, self.complete).op(clinic_id, patient_id)
        op.fields = dict(self.fields)
        return op


def parse(kind: FhirType, resource: Json) -> Part:
    """Return the fields of a session that a resource of the type `kind` sets.

    Raise `InvalidResource` if the resource is not valid FHIR, and `Invalid` if it breaks one of our own rules.
    """
    validation.check(resource, kind.name)
    if kind is PROCEDURE:
        fields, start = procedures.decode(resource), dict[str, Any]()
    else:
        fields, start = administrations.decode(resource)
        if all(value is None for value in fields.values()):
            raise Invalid(_NOTHING_GIVEN)
    complete = _validated(kind, resource["status"], fields | start)
    return Part(
        kind,
        _id(resource),
        _subject(resource),
        tuple(_identifiers(resource)),
        {name: complete[name] for name in fields},
        {name: complete[name] for name in start},
        complete,
    )


def _validated(kind: FhirType, status: str, values: Row) -> Row:
    """Validate the values that a resource sets, and return all clinical fields of a session with these values.

    A field that is not in `values` is null or has its default, but an absent time zone stays absent. `status` is the
    code of the status in the resource. Raise the same problems as `parse`.
    """
    for name in _TIMES:
        if isinstance(values.get(name), str):
            values[name] = _digits.sub(r"\1", values[name])
    try:
        session = ClinicalSession.model_validate(values)
    except ValidationError as error:
        faults = faults_of(error)
        is_unknown = status not in _VALUE_SETS[kind.name]
        if is_unknown or any(fault.code == "time" for fault in faults):
            raise InvalidResource(*faults) from None
        raise Invalid(*faults) from None
    sent = session.model_dump()
    return {name: sent[name] for name in SESSIONS.clinical if sent.get(name, MISSING) is not MISSING}


def _id(resource: Json) -> UUID | None:
    id = resource.get("id")
    if id is None:
        return None
    if not is_id(id):
        raise InvalidResource(_OTHER_ID)
    return make_id(id)


def _subject(resource: Json) -> Patient:
    """Return the patient's id or identifier. For a reference without a valid id, return an id that no patient has.

    Raise `InvalidResource` if the resource has neither a reference to the patient nor a complete identifier.
    """
    subject = resource["subject"]
    if "reference" in subject:
        id = patient_id(subject["reference"])
        return make_id(id) if is_id(id) else _NOBODY
    identifier = subject.get("identifier", {})
    system, value = identifier.get("system"), identifier.get("value")
    if system is None or value is None:
        raise InvalidResource(NO_SUBJECT)
    return system, value


_NOBODY: Final = make_id(bytes(16))


def _identifiers(resource: Json) -> list[Identifier]:
    """Return the identifiers of a resource that have a valid system and a valid value."""
    found = [(each.get("system"), each.get("value")) for each in resource.get("identifier", ())]
    return [(system, value) for system, value in found if is_system(system) and is_value(value)]
