"""The entries of a clinic's push. Each entry contains one session, and is parsed and validated separately."""

from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID, uuid5

from pydantic import MISSING, BeforeValidator, Field, PlainValidator, ValidationError

from app.consents.clinic_shapes import Identifier
from app.consents.shapes import Shape
from app.db import Row
from app.exchange import examples
from app.exchange.shapes import ClinicalSession, SessionEntry
from app.http.reading import faults_of
from app.ids import is_id, make_id
from app.openapi import example
from app.problems import Fault, TooManyOps
from app.records.write.ops import Managed, OnConflict, Op
from app.resources.sessions import SESSIONS
from app.sync.collections import MAX_OPS, MAX_PUSH_BYTES

Revision = Annotated[int, Field(strict=True, ge=0, lt=2**53)]
PERSONAL: Final[Row] = {
    name: None if value is MISSING else value
    for name, value in SESSIONS.initial.items()
    if name not in SESSIONS.clinical
}
"""The fields of a session that a clinic cannot set, with the values that they have in a new session."""
_PATIENT: Final = Fault("/patient", "one-of", "Send the patient's id, or an identifier with `system` and `value`.")


class _Entry(Shape):
    patient: Any
    identifier: Identifier
    revision: Revision | None = None
    session: ClinicalSession


@dataclass(frozen=True, slots=True)
class Entry:
    """A valid entry of a push: a session of a patient.

    `patient` is the patient's id, or the system and the value of the clinic's identifier of the patient. `system` and
    `value` are the clinic's identifier of the session, and `fields` are clinical fields of the session.
    """

    patient: UUID | tuple[str, str]
    system: str
    value: str
    revision: int | None
    fields: Row

    @property
    def identifier(self) -> Row | None:
        """The session's identifier, as it was sent."""
        return {"system": self.system, "value": self.value}

    def op(self, clinic_id: UUID, patient_id: UUID) -> Op:
        """Return the operation that creates or changes the session.

        The session's id is computed from `patient_id` and the session's identifier.
        """
        return Op(
            resource=SESSIONS,
            id=make_id(uuid5(patient_id, f"{self.system}|{self.value}").bytes),
            fields=dict(self.fields),
            create_values=PERSONAL | {"timezone": None} | self.fields,
            on_conflict=OnConflict.MINE,
            managed=Managed(clinic_id, self.system, self.value, self.revision),
        )


@dataclass(frozen=True, slots=True)
class InvalidEntry:
    """An invalid entry of a push: its faults, and the session's identifier, or None if the identifier is not valid."""

    faults: tuple[Fault, ...]
    identifier: Row | None


def parse(value: Any) -> Entry | InvalidEntry:
    """Parse one entry of a push; return an `InvalidEntry` with all faults if it is not valid.

    The pointer of a fault in the member `session` is relative to this member, as in `POST /v1/sessions`.
    """
    members = value if isinstance(value, dict) else {}
    patient, faults = _patient(members.get("patient"))
    try:
        entry = _Entry.model_validate(value)
    except ValidationError as error:
        found = [fault.at(fault.pointer.removeprefix("/session") or fault.pointer) for fault in faults_of(error)]
        faults = [*(faults if "patient" in members else ()), *found]
    if faults or patient is None:
        return InvalidEntry(tuple(faults), _valid(members.get("identifier")))
    sent = entry.session.model_dump()
    fields = {name: sent[name] for name in SESSIONS.clinical if sent.get(name, MISSING) is not MISSING}
    return Entry(patient, entry.identifier.system, entry.identifier.value, entry.revision, fields)


def _patient(value: Any) -> tuple[UUID | tuple[str, str] | None, list[Fault]]:
    if isinstance(value, str) and is_id(value):
        return make_id(value), []
    if not isinstance(value, dict):
        return None, [_PATIENT]
    try:
        identifier = Identifier.model_validate(value)
    except ValidationError as error:
        return None, [fault.at(f"/patient{fault.pointer}") for fault in faults_of(error)]
    return (identifier.system, identifier.value), []


def _valid(value: Any) -> Row | None:
    try:
        return Identifier.model_validate(value).model_dump()
    except ValidationError:
        return None


def _check_count(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MAX_OPS:
        raise TooManyOps.beyond(MAX_OPS, MAX_PUSH_BYTES)
    return value


class SessionPush(Shape, json_schema_extra=example(examples.PUSH)):
    """A push of at most 500 sessions."""

    sessions: Annotated[
        list[Annotated[Any, PlainValidator(parse, json_schema_input_type=SessionEntry)]],
        BeforeValidator(_check_count),
        Field(description="The sessions, in any order, of any patients."),
    ]
