"""Writes of sessions: each resource is written as its part of one session, by the engine of a push.

The session's id follows from the patient and the identifier, as in a push. So a session that is pushed natively and one that
is written as FHIR are the same record.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from app.clinics.calls import ClientCaller
from app.db import Row
from app.exchange import patients
from app.exchange.push import Written, write_patient
from app.exchange.records import managed_details
from app.fhir import reading
from app.fhir.mapping import administrations
from app.fhir.parts import PROCEDURE, Identifier, Part
from app.fhir.types import FhirType
from app.openapi import Json
from app.problems import NotFound, PreconditionFailed, Problem, SessionConflict, UnknownPatient, UnknownSubject
from app.records.write.ops import Op, Outcome, rejected, unchanged


class Target(NamedTuple):
    """A session of a patient, by the clinic's identifier."""

    owner_id: UUID
    patient_id: UUID
    identifier: Identifier


class Stored(NamedTuple):
    """A resource after it was written, and the status of the response."""

    resource: Json
    status: int


@dataclass(slots=True)
class PartWrite:
    """One part to write, and on which condition: `version` has to be the current one, and `only_new` changes nothing."""

    part: Part
    version: int | None = None
    only_new: bool = False
    existed: bool = False
    """Whether there was such a resource before."""

    @property
    def status(self) -> int:
        """The status of the response."""
        return 200 if self.existed else 201

    def decide(self, row: Row | None, version: int | None) -> Outcome | None:
        """Return the outcome if the part is not to be written, given the stored session and its version."""
        self.existed = row is not None and (self.part.kind is PROCEDURE or administrations.exists(row))
        if self.version is not None and (not self.existed or version != self.version):
            return rejected(PreconditionFailed())
        return unchanged() if self.existed and self.only_new else None


@dataclass(slots=True)
class SessionWrite:
    """The parts of one session that a request writes."""

    op: Op
    parts: list[PartWrite] = field(default_factory=list)

    def prepare(self, row: Row | None, version: int | None) -> Outcome | None:
        """Complete the operation when the stored session is known; return its outcome if it is not to be executed."""
        decided = [each.decide(row, version) for each in self.parts]
        failed = next((each for each in decided if each is not None and each.failed), None)
        if failed is not None or None not in decided:
            return failed or unchanged()
        written = [each.part for each, outcome in zip(self.parts, decided, strict=True) if outcome is None]
        fields: Row = {}
        if row is None or row["started_at"] is None:
            fields = {name: value for part in written for name, value in part.start.items()}
        for part in sorted(written, key=lambda part: part.kind is PROCEDURE):  # the Procedure takes precedence
            fields |= part.fields
        self.op.create_values = (self.op.create_values or {}) | fields
        self.op.fields = fields
        return None


async def resolve(call: ClientCaller, part: Part, named: Identifier | None) -> Target:
    """Return the session that a part belongs to; raise `UnknownSubject` if the clinic does not know the patient."""
    identifier = part.identifier(named)
    known = await patients.resolve(call, [part.patient])
    patient_id = known.ids.get(part.patient)
    if patient_id is None:
        raise UnknownSubject
    return Target(known.owners[patient_id], patient_id, identifier)


async def find(call: ClientCaller, part: Part, id: UUID) -> Target:
    """Return the session with an id; raise `NotFound` if the client does not see it, or `SessionConflict` if it is not its
    own.
    """
    part.check_id(id)
    row = await reading.find(call, PROCEDURE, id)
    if row is None:
        raise NotFound
    own = managed_details(row)
    if own is None:
        raise SessionConflict
    target = Target(row["owner_id"], row["patient_id"], part.identifier((own["system"], own["value"])))
    known = await patients.resolve(call, [part.patient])
    if known.ids.get(part.patient) != target.patient_id:
        raise UnknownSubject
    return target


async def write(call: ClientCaller, target: Target, part: PartWrite) -> Stored:
    """Write one part; return the resource as it is then stored. Raise the problem if it could not be written."""
    session = SessionWrite(part.part.op(call.clinic_id, target.patient_id, target.identifier), [part])
    part.part.check_id(session.op.id)
    (written,) = await write_sessions(call, target.owner_id, target.patient_id, [session])
    check(written)
    return Stored(await stored(call, part.part.kind, session.op.id), part.status)


async def write_sessions(
    call: ClientCaller, owner_id: UUID, patient_id: UUID, sessions: Sequence[SessionWrite], *, atomic: bool = False
) -> list[Written]:
    """Write sessions of one patient in one transaction."""
    by_id = {session.op.id: session for session in sessions}

    def prepare(op: Op, row: Row | None, version: int | None) -> Outcome | None:
        return by_id[op.id].prepare(row, version)

    ops = [session.op for session in sessions]
    written = await write_patient(call, owner_id, patient_id, ops, prepare=prepare, atomic=atomic)
    call.services.counts.operations.update(each.outcome.result for each in written)
    return written


def check(written: Written) -> None:
    """Raise the problem of a write that failed."""
    problem: Problem | None = written.outcome.problem
    if isinstance(problem, UnknownPatient):
        raise UnknownSubject
    if problem is not None:
        raise problem
    if written.outcome.failed:
        raise SessionConflict


async def stored(call: ClientCaller, kind: FhirType, id: UUID) -> Json:
    """Return a resource that was written; raise `UnknownSubject` if the consent has ended since."""
    try:
        return await reading.read(call, kind, id, logs=False)
    except NotFound:
        raise UnknownSubject from None
