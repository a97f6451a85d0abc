"""What a device sends: operations, each of which is read by itself."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from app.http.reading import faults_of
from app.ids import Id
from app.openapi import example
from app.problems import Fault, TooManyOps
from app.records.write.ops import OnConflict
from app.sync import examples
from app.sync.collections import MAX_OPS, MAX_PUSH_BYTES, Collection

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


class InvalidOp(BaseModel):
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
        return InvalidOp(faults=tuple(faults), **told)


def _not_too_many(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MAX_OPS:
        raise TooManyOps.beyond(MAX_OPS, MAX_PUSH_BYTES)
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
