"""The body of a push. Each operation is validated separately."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    ValidationError,
)

from app.http.reading import faults_of
from app.ids import Id
from app.openapi import example
from app.problems import Fault, TooManyOps
from app.records.shapes import Version
from app.records.write.ops import OnConflict
from app.sync import examples
from app.sync.collections import MAX_OPS, MAX_PUSH_BYTES, Collection
from app.sync.shapes import SyncOperation


class SyncOp(BaseModel):
    """One operation on one record: all edits by a device, combined, or the removal of the record."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["upsert", "delete"] = Field(description="`upsert` creates or changes the record, `delete` removes it.")
    collection: Collection = Field(description="The record's collection.")
    id: Id = Field(description="The record's id, chosen by the device that creates the record.")
    set: dict[str, Any] | None = Field(
        None, description="With `upsert`: the fields to set, as in the record's draft or patch. Null clears a field."
    )
    base: Version | None = Field(
        None,
        description="The version up to which the device knew every change of the record: its `version`, or a pull's cursor.",
    )
    was: dict[str, Any] | None = Field(
        None,
        description="Instead of `base`, or in addition: the values that the device knew before its edit, by field.",
    )
    op_id: Id | None = Field(
        None, description="The operation's own id. An operation that is repeated with the same `op_id` has one effect."
    )
    undelete: StrictBool = Field(default=False, description="Whether to restore the record if it was removed.")
    if_missing: Literal["create"] | None = Field(
        None,
        description="With `create`, a record that the server does not have is created, even if `base` or `was` is set.",
    )
    on_conflict: OnConflict | None = Field(
        None, description="What to do on a conflict; the default is the push's `on_conflict`."
    )


class InvalidOp(BaseModel):
    """An operation that failed validation: its faults, and those of its collection, id and op_id that are valid.

    The ids are in lower case.
    """

    faults: tuple[Fault, ...]
    collection: str | None
    id: str | None
    op_id: str | None


def _validate_op(value: Any) -> SyncOp | InvalidOp:
    """Return the parsed operation, or an `InvalidOp`, so that an invalid operation does not fail the whole push."""
    try:
        return SyncOp.model_validate(value)
    except ValidationError as error:
        faults = faults_of(error)
        members = value if isinstance(value, dict) else {}
        wrong = {fault.pointer for fault in faults}
        known = {
            name: members[name].lower() if isinstance(members.get(name), str) and f"/{name}" not in wrong else None
            for name in ("collection", "id", "op_id")
        }
        return InvalidOp(faults=tuple(faults), **known)


def _check_count(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MAX_OPS:
        raise TooManyOps.beyond(MAX_OPS, MAX_PUSH_BYTES)
    return value


class SyncPush(BaseModel):
    """The operations of a device: at most 500, at most one per record."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(examples.PUSH))

    atomic: StrictBool = Field(
        default=False, description="Whether to apply all operations or none: if one fails, the response is 409."
    )
    on_conflict: OnConflict = Field(
        OnConflict.REJECT,
        description="What to do if another device has changed the same field: `reject` the operation; apply all its "
        "fields (`mine`); or keep the stored values of the colliding fields (`theirs`).",
    )
    returned: Literal["representation", "minimal"] = Field(
        "representation",
        alias="return",
        description="With `minimal`, a result leaves out the record if the device sent all its values or knows them "
        "according to `base` and `was`: `record` is then null, and `updated_at` is set.",
    )
    ops: Annotated[
        list[Annotated[Any, PlainValidator(_validate_op, json_schema_input_type=SyncOperation)]],
        BeforeValidator(_check_count),
        Field(
            description="The operations, in any order: the server applies parents before children, and removals last."
        ),
    ]
