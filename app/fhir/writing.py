"""Creates and updates of resources. Each writes some fields of one session, through the engine of a clinic's push.

As in a push, the session's id is derived from the patient and the clinic's identifier of the session. So the clinic
writes the same record, whether it sends the session as FHIR or by `POST /v1/clinic/sessions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from app.clinics.calls import ClientCaller
from app.db import Row
from app.exchange import patients
from app.exchange.push import Written, write_patient
from app.fhir import reading
from app.fhir.mapping import administrations
from app.fhir.parts import PROCEDURE, Identifier, Part
from app.fhir.types import FhirType
from app.openapi import Json
from app.problems import NotFound, PreconditionFailed, Problem, SessionConflict, UnknownPatient, UnknownSubject
from app.records.write.ops import Op, Outcome, rejected, unchanged


class Target(NamedTuple):
    """The session that a request writes to: the patient's account, the patient's id, and the session's identifier."""

    owner_id: UUID
    patient_id: UUID
    identifier: Identifier


class Stored(NamedTuple):
    """A resource as it is stored after a write, and the status of the response: 200 or 201."""

    resource: Json
    status: int


@dataclass(slots=True)
class PartWrite:
    """The write of the fields that one resource sets (`part`), with the conditions of the request.

    If `version` is not None, it must be the current version of the resource. With `only_new`, the resource is not
    changed if it exists already.
    """

    part: Part
    version: int | None = None
    only_new: bool = False
    existed: bool = False
    """Whether the resource existed before the write; `decide` sets this."""

    @property
    def status(self) -> int:
        """The status of the response: 201 if the resource was created, otherwise 200."""
        return 200 if self.existed else 201

    def decide(self, row: Row | None, version: int | None) -> Outcome | None:
        """Set `existed`, and check the conditions of the request.

        Return None if the fields are to be written; otherwise return the outcome. `row` is the stored session, and
        `version` its version for the clinic; both are None if the session does not exist.
        """
        self.existed = row is not None and (self.part.kind is PROCEDURE or administrations.exists(row))
        if self.version is not None and (not self.existed or version != self.version):
            return rejected(PreconditionFailed())
        return unchanged() if self.existed and self.only_new else None


@dataclass(slots=True)
class SessionWrite:
    """The writes of a request to one session (`parts`), and the operation that executes them together."""

    op: Op
    parts: list[PartWrite] = field(default_factory=list)

    def prepare(self, row: Row | None, version: int | None) -> Outcome | None:
        """Set the fields of the operation, and return None; `write_patient` then executes the operation.

        `row` is the stored session. Return the outcome instead, so that the operation is not executed, if a condition
        of the request fails, or if none of the parts is to be written.
        """
        decided = [each.decide(row, version) for each in self.parts]
        failed = next((each for each in decided if each is not None and each.failed), None)
        if failed is not None or None not in decided:
            return failed or unchanged()
        written = [each.part for each, outcome in zip(self.parts, decided, strict=True) if outcome is None]
        fields: Row = {}
        if row is None or row["started_at"] is None:
            fields = {name: value for part in written for name, value in part.start.items()}
        for part in sorted(written, key=lambda part: part.kind is PROCEDURE):  # the Procedure is last: its values win
            fields |= part.fields
        self.op.create_values = (self.op.create_values or {}) | fields
        self.op.fields = fields
        return None


async def resolve(call: ClientCaller, part: Part, named: Identifier | None) -> Target:
    """Return the session whose fields an incoming resource sets. `part` has these fields and the patient.

    `named` is the identifier in the URL of the update, or in If-None-Exist of the create; None if there is none. Raise
    `UnknownSubject` if the clinic does not know the patient. Also raise what `Part.identifier` raises.
    """
    identifier = part.identifier(named)
    known = await patients.resolve(call, [part.patient])
    patient_id = known.ids.get(part.patient)
    if patient_id is None:
        raise UnknownSubject
    return Target(known.owners[patient_id], patient_id, identifier)


async def find(call: ClientCaller, part: Part, id: UUID) -> Target:
    """Return the session with this id, whose fields `part` sets.

    Raise `NotFound` if the client does not see the session, `SessionConflict` if the clinic does not manage it,
    `UnknownSubject` if the resource names another patient, and `InvalidResource` if the resource contains another id or
    other identifiers.
    """
    part.check_id(id)
    row = await reading.find(call, PROCEDURE, id)
    if row is None:
        raise NotFound
    own = reading.managed(row)
    if own is None:
        raise SessionConflict
    target = Target(row["owner_id"], row["patient_id"], part.identifier((own.system, own.value)))
    known = await patients.resolve(call, [part.patient])
    if known.ids.get(part.patient) != target.patient_id:
        raise UnknownSubject
    return target


async def write(call: ClientCaller, target: Target, part: PartWrite) -> Stored:
    """Write the fields that one resource sets, and log the access; return the resource as it is stored after the write.

    Raise a problem if the write fails, as `check` does.
    """
    session = SessionWrite(part.part.op(call.clinic_id, target.patient_id, target.identifier), [part])
    part.part.check_id(session.op.id)
    (written,) = await write_sessions(call, target.owner_id, target.patient_id, [session])
    check(written)
    return Stored(await stored(call, part.part.kind, session.op.id), part.status)


async def write_sessions(
    call: ClientCaller, owner_id: UUID, patient_id: UUID, sessions: Sequence[SessionWrite], *, atomic: bool = False
) -> list[Written]:
    """Write sessions of one patient in one transaction, and log the access; return the results in the order given.

    With `atomic`, no session is written if one fails.
    """
    by_id = {session.op.id: session for session in sessions}

    def prepare(op: Op, row: Row | None, version: int | None) -> Outcome | None:
        return by_id[op.id].prepare(row, version)

    ops = [session.op for session in sessions]
    written = await write_patient(call, owner_id, patient_id, ops, prepare=prepare, atomic=atomic)
    call.services.counts.operations.update(each.outcome.result for each in written)
    return written


def check(written: Written) -> None:
    """Raise a problem if a write failed.

    The problem is `UnknownSubject` for an unknown patient, `SessionConflict` for a conflict, and otherwise the problem
    of the outcome.
    """
    problem: Problem | None = written.outcome.problem
    if isinstance(problem, UnknownPatient):
        raise UnknownSubject
    if problem is not None:
        raise problem
    if written.outcome.failed:
        raise SessionConflict


async def stored(call: ClientCaller, kind: FhirType, id: UUID) -> Json:
    """Return a resource after a write; raise `UnknownSubject` if the consent has ended since the write."""
    try:
        return await reading.read(call, kind, id, logs=False)
    except NotFound:
        raise UnknownSubject from None
