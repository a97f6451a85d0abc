"""Operations: what one device wants of one record, and what became of it.

Every write is one, through whichever door it came: a POST, PATCH or DELETE is a batch of one, a push a batch of many.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.db import Row
from app.problems import Fault, Problem
from app.records.resource import Resource

Key = tuple[Resource, UUID]


class OnConflict(StrEnum):
    """What to do where somebody else has changed the same field since."""

    REJECT = "reject"
    MINE = "mine"
    THEIRS = "theirs"


class Result(StrEnum):
    """What became of an operation."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled-back"


class Reason(StrEnum):
    """Why there is a conflict."""

    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(slots=True, kw_only=True)
class Op:
    """What one device wants of one record: to set the fields in `sent`, or, where that is None, to remove it.

    `whole` is the record that it makes, if it is new, and `faults` is what is wrong with it as such; `base` is the
    version up to which the device knew every change, `was` what it believes fields to be. A `strict` operation moves a
    status one step at a time and refers to living records only; `check` says whether the present version is the one that
    was meant. Under `op_id` its effect is remembered, with the `digest` of what it asked for.
    """

    resource: Resource
    id: UUID
    sent: Row | None
    whole: Row | None = None
    faults: tuple[Fault, ...] = ()
    base: int | None = None
    was: Row | None = None
    undelete: bool = False
    create_missing: bool = False
    on_conflict: OnConflict = OnConflict.REJECT
    strict: bool = False
    check: Callable[[int], bool] | None = None
    op_id: UUID | None = None
    digest: bytes = b""

    key: Key = field(init=False)
    """Which record it is about."""
    references: list[Key] = field(init=False)
    """The records that it newly refers to."""

    def __post_init__(self) -> None:
        """Make the keys once: they are asked for at every step."""
        self.key = self.resource, self.id
        sent = self.sent
        self.references = (
            [(kind, sent[name]) for name, kind in self.resource.targets.items() if sent.get(name)] if sent else []
        )

    @property
    def knew_nothing(self) -> bool:
        """Whether the device writes as if nobody had written before: it creates, or repeats a creation."""
        return self.base is None and self.was is None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of an operation.

    `row` is the record as it stands now, or None where there is none, `document` the same, ready to be sent, and `seq`
    its number, a tombstone's included.
    """

    result: Result
    status: int
    row: Row | None = None
    document: str = ""
    seq: int | None = None
    reason: Reason | None = None
    fields: tuple[str, ...] = ()
    problem: Problem | None = None
    warnings: list[Fault] = field(default_factory=list)
    replayed: bool = False

    @property
    def failed(self) -> bool:
        """Whether a batch that is whole or nothing must be nothing."""
        return self.result in {Result.CONFLICT, Result.REJECTED}


def applied(status: int, **parts: Any) -> Outcome:
    """It had its effect: 201 created, 200 changed, 204 removed."""
    return Outcome(result=Result.APPLIED, status=status, **parts)


def unchanged(status: int = 200, **parts: Any) -> Outcome:
    """It was so already."""
    return Outcome(result=Result.UNCHANGED, status=status, **parts)


def conflict(reason: Reason, fields: tuple[str, ...] = ()) -> Outcome:
    """Somebody else's change is in the way; nothing of it was applied."""
    return Outcome(result=Result.CONFLICT, status=409, reason=reason, fields=fields)


def rejected(problem: Problem) -> Outcome:
    """It can never be, or not yet; nothing of it was applied."""
    return Outcome(result=Result.REJECTED, status=problem.status, problem=problem)


def rolled_back() -> Outcome:
    """It would have had its effect, but for another operation of its batch."""
    return Outcome(result=Result.ROLLED_BACK, status=424)
