"""Operations and their outcomes. An operation creates, changes or removes one record.

Every write is an operation, from every entry point. A POST, PATCH or DELETE is a batch of one, a push a batch of many.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.db import Row
from app.problems import Fault, Problem
from app.records.resource import Resource

Key = tuple[Resource, UUID]


class OnConflict(StrEnum):
    """What to do with a field that another device has changed in the meantime.

    `reject`: the operation has no effect, and its outcome is `conflict`. `mine`: the operation sets the field.
    `theirs`: the field keeps its value, and the operation only sets its other fields; a removal has no effect.
    """

    REJECT = "reject"
    MINE = "mine"
    THEIRS = "theirs"


class OpOutcome(StrEnum):
    """The result of an operation.

    `applied`: it took effect; `unchanged`: there was nothing to change; `conflict`: it collides with another change;
    `rejected`: it is invalid; `rolled-back`: another operation of an atomic push failed.
    """

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled-back"


class ConflictReason(StrEnum):
    """Why an operation conflicts.

    `changed`: another device has changed the same fields; `deleted`: the record was removed; `locked`: only the clinic that
    manages the record can change these fields.
    """

    CHANGED = "changed"
    DELETED = "deleted"
    LOCKED = "locked"


class ClinicReason(StrEnum):
    """Why a clinic's operation had no effect.

    `detached`: the clinic does not manage the record any more; `stale`: the clinic has already sent a higher revision.
    """

    DETACHED = "detached"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Managed:
    """The clinic that manages a record, and what it sent about the record in its own system.

    `system` and `value` are the identifier, and `revision` is the number of the revision, or None.
    """

    clinic_id: UUID
    system: str
    value: str
    revision: int | None

    @property
    def columns(self) -> Row:
        """The columns that these values set in a new record."""
        return {"clinic_id": self.clinic_id, "system": self.system, "value": self.value, "revision": self.revision}


@dataclass(slots=True, kw_only=True)
class Op:
    """The creation, change or removal of one record by one device."""

    resource: Resource
    id: UUID
    fields: Row | None
    """The fields to set; None removes the record."""
    create_values: Row | None = None
    """All fields of the new record, if the operation may create one; None if it may not, or if there are `faults`."""
    faults: tuple[Fault, ...] = ()
    """The faults of the record that the operation would create."""
    base: int | None = None
    """The version up to which the device knew every change of the record; None if the device did not say."""
    expected: Row | None = None
    """The values that the device knew before its edit, by field; None if the device sent none."""
    undelete: bool = False
    """Whether to create the record again if it was removed."""
    create_missing: bool = False
    """Whether to create the record if the server does not have it, even if `base` or `expected` is set."""
    on_conflict: OnConflict = OnConflict.REJECT
    strict: bool = False
    """Whether a status may move by one transition only, and references must be to living records."""
    check_version: Callable[[int], bool] | None = None
    """A function that returns whether the record's current version satisfies If-Match; None if nothing is required."""
    op_id: UUID | None = None
    """The id under which the outcome is remembered."""
    digest: bytes = b""
    """The digest of the operation's content, which is remembered with the outcome."""
    may_be_forgotten: bool = False
    """Whether the `op_id` is so old that the server may have deleted the outcome."""
    only_creating: bool = False
    """Whether the operation never changes an existing record: it conflicts if the record differs in one of `fields`."""
    created_at: datetime | None = None
    """The creation time of a new record, by default the time of the write."""
    managed: Managed | None = None
    """Set if a clinic writes a record that it manages. Then the status may change to any other."""

    key: Key = field(init=False)
    """The record to create, change or remove."""
    references: list[Key] = field(init=False)
    """The records to which `fields` refer."""

    def __post_init__(self) -> None:
        """Set `key` and `references` once, because every step of the engine needs them."""
        self.key = self.resource, self.id
        fields = self.fields
        self.references = (
            [(kind, fields[name]) for name, kind in self.resource.targets.items() if fields.get(name)] if fields else []
        )

    @property
    def is_rest_creation(self) -> bool:
        """Whether the operation is a POST, which never changes an existing record."""
        return self.strict and self.create_values is not None

    @property
    def writes_again(self) -> bool:
        """Whether the record to create may have existed before, in this database or in another one.

        Then the records to which it referred may have been removed, and it needs no reference of `Resource.about`.
        """
        return self.undelete or self.create_missing

    @property
    def has_no_base(self) -> bool:
        """Whether the operation names no earlier state of the record: it creates the record, or repeats a creation."""
        return self.base is None and self.expected is None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The outcome of an operation.

    `row` is the record after the batch, or None if it does not exist. `document` is the record's JSON text without `id`
    and `version`. `seq` is the sequence number of the record or of its tombstone.
    """

    result: OpOutcome
    status: int
    row: Row | None = None
    document: str = ""
    seq: int | None = None
    reason: ConflictReason | ClinicReason | None = None
    fields: tuple[str, ...] = ()
    problem: Problem | None = None
    warnings: list[Fault] = field(default_factory=list)
    replayed: bool = False

    @property
    def failed(self) -> bool:
        """Whether this outcome rolls back an atomic batch."""
        return self.result in {OpOutcome.CONFLICT, OpOutcome.REJECTED}


def applied(status: int, **parts: Any) -> Outcome:
    """Return the outcome of an operation that took effect: 201 if it created the record, 200 changed, 204 removed."""
    return Outcome(result=OpOutcome.APPLIED, status=status, **parts)


def unchanged(status: int = 200, **parts: Any) -> Outcome:
    """Return the outcome of an operation that had nothing to change."""
    return Outcome(result=OpOutcome.UNCHANGED, status=status, **parts)


def conflict(reason: ConflictReason | ClinicReason, fields: tuple[str, ...] = ()) -> Outcome:
    """Return the outcome of an operation that collides with another change, and has no effect."""
    return Outcome(result=OpOutcome.CONFLICT, status=409, reason=reason, fields=fields)


def rejected(problem: Problem) -> Outcome:
    """Return the outcome of an invalid operation, which has no effect."""
    return Outcome(result=OpOutcome.REJECTED, status=problem.status, problem=problem)


def rolled_back() -> Outcome:
    """Return the outcome of a valid operation that has no effect because another one of its atomic batch failed."""
    return Outcome(result=OpOutcome.ROLLED_BACK, status=424)
