"""Operations: what one device wants to do to one record, and the outcome.

Every write is an operation, from every entry point: a POST, PATCH or DELETE is a batch of one, a push a batch of many.
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
    """What to do if another device has changed the same field since."""

    REJECT = "reject"
    MINE = "mine"
    THEIRS = "theirs"


class OpOutcome(StrEnum):
    """What an operation did.

    `applied`; `unchanged`: the record was already so; `conflict`: it collides with a change by another device;
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
    """Why a clinic's operation had no effect: the owner has detached the record, or a higher revision came earlier."""

    DETACHED = "detached"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Managed:
    """The clinic that manages a record, the clinic's identifier of the record, and its revision, if one was sent."""

    clinic_id: UUID
    system: str
    value: str
    revision: int | None

    @property
    def columns(self) -> Row:
        """The columns of a record that it creates."""
        return {"clinic_id": self.clinic_id, "system": self.system, "value": self.value, "revision": self.revision}


@dataclass(slots=True, kw_only=True)
class Op:
    """What one device wants to do to one record: set `fields`, or remove the record if that is None.

    `create_values` is the complete record if the operation may create one, `faults` are the faults of that record.
    `base` is the version up to which the device knew every change, `expected` the values that it believed fields to
    have. A `strict` operation moves a status one step at a time and refers to living records only. `check_version`
    returns whether the current version satisfies the request's precondition. The outcome is remembered under `op_id`,
    with the `digest` of the operation; `may_be_forgotten` says that the `op_id` is so old that the server may have
    deleted the outcome. An operation that is `only_creating` never changes a record that exists: it conflicts if any of
    its fields differs. A new record gets the `created_at` of the operation, if it has one. `managed` is set if a clinic
    writes a record that it manages: then every change of the status is allowed.
    """

    resource: Resource
    id: UUID
    fields: Row | None
    create_values: Row | None = None
    faults: tuple[Fault, ...] = ()
    base: int | None = None
    expected: Row | None = None
    undelete: bool = False
    create_missing: bool = False
    on_conflict: OnConflict = OnConflict.REJECT
    strict: bool = False
    check_version: Callable[[int], bool] | None = None
    op_id: UUID | None = None
    digest: bytes = b""
    may_be_forgotten: bool = False
    only_creating: bool = False
    created_at: datetime | None = None
    managed: Managed | None = None

    key: Key = field(init=False)
    """The record that the operation is about."""
    references: list[Key] = field(init=False)
    """The records that its fields refer to."""

    def __post_init__(self) -> None:
        """Compute the keys once: every step needs them."""
        self.key = self.resource, self.id
        fields = self.fields
        self.references = (
            [(kind, fields[name]) for name, kind in self.resource.targets.items() if fields.get(name)] if fields else []
        )

    @property
    def is_rest_creation(self) -> bool:
        """Whether it is a creation by REST, which never changes an existing record."""
        return self.strict and self.create_values is not None

    @property
    def writes_again(self) -> bool:
        """Whether the record existed before, here or in another database: what it referred to may have been removed."""
        return self.undelete or self.create_missing

    @property
    def has_no_base(self) -> bool:
        """Whether the operation names no earlier state of the record: it creates the record, or repeats a creation."""
        return self.base is None and self.expected is None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The outcome of an operation.

    `row` is the record as it is now, or None if there is none, `document` the same as JSON text without id and version,
    and `seq` its sequence number, or that of its tombstone.
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
    """Return the outcome of an operation that had its effect: 201 created, 200 changed, 204 removed."""
    return Outcome(result=OpOutcome.APPLIED, status=status, **parts)


def unchanged(status: int = 200, **parts: Any) -> Outcome:
    """Return the outcome of an operation that did not change anything, because the record was already as it demands."""
    return Outcome(result=OpOutcome.UNCHANGED, status=status, **parts)


def conflict(reason: ConflictReason | ClinicReason, fields: tuple[str, ...] = ()) -> Outcome:
    """Return the outcome of an operation that collides with another device's change; nothing of it was applied."""
    return Outcome(result=OpOutcome.CONFLICT, status=409, reason=reason, fields=fields)


def rejected(problem: Problem) -> Outcome:
    """Return the outcome of an invalid operation; nothing of it was applied."""
    return Outcome(result=OpOutcome.REJECTED, status=problem.status, problem=problem)


def rolled_back() -> Outcome:
    """Return the outcome of a valid operation in an atomic batch in which another one failed."""
    return Outcome(result=OpOutcome.ROLLED_BACK, status=424)
