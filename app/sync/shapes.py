"""What syncing hears and says. Records have the shapes of their own rooms."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from app.http.reading import faults_of
from app.ids import Id
from app.openapi import example
from app.openapi.problems import Fault as FaultShape
from app.problems import Fault, TooManyOps
from app.records import Resource
from app.records.ops import OnConflict, Reason, Result
from app.resources import RESOURCES
from app.sync import examples

MOST_OPS: Final = 500
MOST_BYTES: Final = 2 * 2**20
MOST_CHANGES: Final = 1000
USUAL_CHANGES: Final = 500
BY_COLLECTION: Final[dict[str, Resource]] = {resource.collection: resource for resource in RESOURCES}
Record: Any = reduce(or_, (resource.public for resource in RESOURCES))
_COLLECTIONS: Final = {"type": "string", "enum": [*BY_COLLECTION]}


def _known(value: str) -> str:
    if value not in BY_COLLECTION:
        message = "Give the name of a collection."
        raise PydanticCustomError("collection", message)
    return value


Collection = Annotated[str, AfterValidator(_known), WithJsonSchema(_COLLECTIONS)]


def _listed(value: str) -> tuple[str, ...]:
    names = {_known(name) for name in value.split(",")} if value else set()
    return tuple(name for name in BY_COLLECTION if name in names)


Collections = Annotated[tuple[str, ...], PlainValidator(_listed), WithJsonSchema({"type": "string", "maxLength": 200})]
Version = Annotated[int, Field(strict=True, ge=1, lt=2**53)]


class SyncOp(BaseModel):
    """What a device wants of one record: the sum of its edits, or its removal."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(examples.OP))

    op: Literal["upsert", "delete"] = Field(description="To create or change the record, or to remove it.")
    collection: Collection = Field(description="The record's collection.")
    id: Id = Field(description="The record's id, chosen by the device that creates it.")
    set: dict[str, Any] | None = Field(
        None, description="With upsert: the fields to set, as in the record's draft or patch. Null clears a field."
    )
    base: Version | None = Field(
        None, description="The version up to which the device knew every change of the record; a pull's cursor serves."
    )
    was: dict[str, Any] | None = Field(
        None, description="Instead of `base`, or beside it: what the device believed fields to be before its edit."
    )
    op_id: Id | None = Field(None, description="The operation's own id: repeated with it, it has one effect.")
    undelete: StrictBool = Field(default=False, description="Whether a removed record comes back.")
    if_missing: Literal["create"] | None = Field(
        None, description="Creates a record that the server does not know, although `base` or `was` says it existed."
    )
    on_conflict: OnConflict | None = Field(None, description="What to do on a conflict; by default as the push says.")


class Misread(BaseModel):
    """An operation that is none: what is wrong with it, and what it is about, as far as that can be told."""

    faults: tuple[Fault, ...]
    collection: str | None
    id: str | None
    op_id: str | None


def _each_by_itself(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Let one operation that cannot be read leave its neighbours alone."""
    try:
        return read(value)
    except ValidationError as error:
        faults = faults_of(error)
        members = value if isinstance(value, dict) else {}
        wrong = {fault.pointer for fault in faults}
        told = {
            name: members[name] if isinstance(members.get(name), str) and f"/{name}" not in wrong else None
            for name in ("collection", "id", "op_id")
        }
        return Misread(faults=tuple(faults), **told)


def _not_too_many(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MOST_OPS:
        raise TooManyOps.beyond(MOST_OPS, MOST_BYTES)
    return value


class SyncPush(BaseModel):
    """What a device has to say: at most 500 operations, at most one on a record."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(examples.PUSH))

    atomic: StrictBool = Field(
        default=False, description="Whether all of it happens or nothing; then a failure is answered with 409."
    )
    on_conflict: OnConflict = Field(
        OnConflict.REJECT,
        description="What to do where somebody else changed the same field: `reject` the operation, apply `mine`, or "
        "leave the colliding fields to `theirs`.",
    )
    ops: Annotated[
        list[Annotated[SyncOp, WrapValidator(_each_by_itself)]],
        BeforeValidator(_not_too_many),
        Field(description="The operations, in any order: parents are written before children."),
    ]


class SyncResult(BaseModel):
    """What became of one operation."""

    collection: str | None = Field(description="The collection; null where the operation names none.")
    id: str | None = Field(description="The record's id; null where the operation names none.")
    op_id: str | None = Field(description="The operation's id, if it has one.")
    outcome: Result = Field(
        description="`applied`; `unchanged`, it was so already; `conflict`, somebody else's change is in the way; "
        "`rejected`, it cannot be so; `rolled-back`, another operation of an atomic push failed."
    )
    status: int = Field(description="The HTTP status that the operation would have by itself.")
    version: int | None = Field(description="The record's version now, or its tombstone's.")
    record: Record | None = Field(description="The whole record as it stands now; null where there is none.")
    reason: Reason | None = Field(description="With `conflict`: whether fields were changed, or the record deleted.")
    fields: list[str] = Field(description="With `conflict`: the fields that collide.")
    error: dict[str, Any] | None = Field(
        description="With `rejected`: a problem, whose `errors` point into the record, or into the operation. "
        "`retryable` says to push again."
    )
    warnings: list[FaultShape] = Field(description="What was done otherwise than asked.")
    replayed: bool = Field(description="Whether it had been carried out before: the outcome is that of the first time.")


class SyncResults(BaseModel):
    """What became of a push, in the order of its operations."""

    model_config = ConfigDict(json_schema_extra=example(examples.RESULTS))

    head: int = Field(description="The newest version of the feed. It is no cursor: others' changes may lie below it.")
    results: list[SyncResult] = Field(description="One result for each operation, in the order given.")


class SyncChange(BaseModel):
    """The latest change of one record."""

    collection: Collection = Field(description="The record's collection.")
    id: Id = Field(description="The record's id.")
    version: int = Field(description="The record's version.")
    deleted: bool = Field(description="Whether the record was removed.")
    record: Record | None = Field(description="The record, as a GET of it answers; null if it was removed.")


class SyncChanges(BaseModel):
    """A page of a pull."""

    model_config = ConfigDict(json_schema_extra=example(examples.CHANGES))

    changes: list[SyncChange] = Field(description="In the order in which they happened; each record once.")
    cursor: int | str = Field(
        description="What to give as `since` next: while there is more, a text that continues this pull; on the last "
        "page, the number to keep."
    )
    has_more: bool = Field(description="Whether there is more.")


class SyncLimits(BaseModel):
    """How much may be sent and asked for at once."""

    max_ops: int = Field(description="Most operations of one push.")
    max_bytes: int = Field(description="Most bytes of one push.")
    max_page: int = Field(description="Most changes of one page of a pull.")


class SyncState(BaseModel):
    """Where your feed is, and what can be synced."""

    model_config = ConfigDict(json_schema_extra=example(examples.STATE))

    cursor: int = Field(description="The newest version of your feed.")
    collections: dict[str, list[str]] = Field(description="The collections, and the fields of each that can be set.")
    limits: SyncLimits = Field(description="How much may be sent and asked for at once.")
