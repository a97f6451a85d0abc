"""The shapes of sync in the OpenAPI document. Operations, results and changes are unions with a member for each kind.

The discriminator of each union is `collection`, so that generated clients know the type of the record from the name of
its collection. Responses are written from stored JSON and are not validated against these shapes.
"""

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model

from app.clock import Instant
from app.ids import Id
from app.openapi import example
from app.openapi.problems import Fault, HttpStatus, OpProblem
from app.records import Resource
from app.records.shapes import Version
from app.records.write.ops import ConflictReason, OnConflict, OpOutcome
from app.resources import RESOURCES
from app.sync import examples

Shape = TypeVar("Shape", bound=BaseModel)


def one_for_each_kind(
    base: type[BaseModel], suffix: str, *, nullable: bool = True, **records: str
) -> Callable[[type[Shape]], type[Shape]]:
    """Return a decorator that makes a shape a union of one subclass of `base` for each kind of record.

    `records` has the members whose shape depends on the kind. Each value is the name of the shape in `Resource`, a
    colon and the description of the member. With `nullable`, these members can be null.
    """

    def member(kind: Resource) -> Any:
        collection: Any = Literal[kind.collection]
        fields: dict[str, Any] = {"collection": (collection, Field(description="The record's collection."))}
        for name, described in records.items():
            shape, _, description = described.partition(": ")
            default = None if suffix == "SyncOp" else ...
            record = getattr(kind, shape)
            fields[name] = (record | None if nullable else record, Field(default, description=description))
        doc = f"{(base.__doc__ or '').partition('.')[0]}, in the collection `{kind.collection}`."
        return create_model(f"{kind.public.__name__}{suffix}", __base__=base, __doc__=doc, **fields)

    def derived(shape: type[Shape]) -> type[Shape]:
        root = shape.model_fields["root"]
        root.annotation, root.discriminator = reduce(or_, map(member, RESOURCES)), "collection"
        return shape

    return derived


class _Op(BaseModel, extra="forbid", defer_build=True):
    """One operation on one record: all edits by a device, combined, or the removal of the record."""

    op: Literal["upsert", "delete"] = Field(description="`upsert` creates or changes the record, `delete` removes it.")
    collection: str
    id: Id = Field(description="The record's id. The device chooses the id of a new record.")
    set: Any = None
    base: Version | None = Field(
        None,
        description="The version of the record that the device edited.",
    )
    was: Any = None
    op_id: Id | None = Field(
        None,
        description="The operation's own id. An operation that is repeated with the same `op_id` has one effect.",
    )
    undelete: bool = Field(default=False, description="Whether to restore the record if it was removed.")
    if_missing: Literal["create"] | None = Field(
        None,
        description="With `create`, a record that the server does not have is created, even if `base` or `was` is set.",
    )
    on_conflict: OnConflict | None = Field(
        None, description="What to do on a conflict; the default is the push's `on_conflict`."
    )


@one_for_each_kind(
    _Op,
    "SyncOp",
    set="patch: With `upsert`: the fields to set. A new record needs those that its draft requires. Null clears a field.",
    was="patch: The values that the device knew before its edit, instead of `base` or in addition.",
)
class SyncOperation(RootModel[Any], defer_build=True):
    """One operation on one record; the collection decides which fields `set` and `was` may have."""

    model_config = ConfigDict(json_schema_extra=example(examples.OP))


class _Result(BaseModel, defer_build=True):
    """The result of one operation."""

    collection: Any
    id: str | None = Field(description="The record's id, if the operation has one.")
    op_id: str | None = Field(description="The operation's own id, or null.")
    outcome: OpOutcome = Field(description="The effect of the operation. Expect new values.")
    status: HttpStatus = Field(description="The HTTP status of the operation by itself.")
    version: Version | None = Field(description="The record's current version, or the version of its removal.")
    record: Any
    record_omitted: bool = Field(
        description="Whether the record was left out because the records of earlier results already have 4 MiB in "
        "total. Pull the record, or get it by its id."
    )
    updated_at: Instant | None = Field(
        description="With `minimal`: when the record that was left out was last changed."
    )
    reason: ConflictReason | None = Field(description="With `conflict`: why. Expect new values.")
    fields: list[str] = Field(description="With `conflict`: the fields that collide.")
    error: OpProblem | None = Field(description="With `rejected`: the problem.")
    warnings: list[Fault] = Field(description="The values that were applied differently from the operation.")
    replayed: bool = Field(description="Whether this is the outcome of an earlier push with the same `op_id`.")


class UnknownOpResult(_Result, defer_build=True):
    """The result of an operation without a known collection."""

    collection: Annotated[str, Field(max_length=0)] | None = Field(description="Null.")
    record: dict[str, Any] | None = Field(description="Null.")
    updated_at: Instant | None = Field(description="Null.")


@one_for_each_kind(
    _Result, "SyncResult", record="public: The complete record as it is now; null if there is none, or it was left out."
)
class SyncResult(RootModel[Any], defer_build=True):
    """The result of one operation; the collection decides the type of the record."""


class PushResult(RootModel[Any], defer_build=True):
    """The result of one operation. An operation without a known collection has an `UnknownOpResult`."""

    root: SyncResult | UnknownOpResult


class SyncResults(BaseModel, defer_build=True):
    """The results of a push, in the order of its operations."""

    model_config = ConfigDict(json_schema_extra=example(examples.RESULTS))

    head: Version = Field(
        description="The newest version of any of your records. Do not use it as a cursor: that could skip changes by "
        "other devices."
    )
    results: list[PushResult] = Field(description="One result for each operation, in the order given.")


class _Change(BaseModel, defer_build=True):
    """The latest change of one record."""

    collection: str
    id: Id = Field(description="The record's id.")
    version: Version = Field(description="The record's version.")
    deleted: bool = Field(description="Whether the record was removed.")
    record: Any


@one_for_each_kind(_Change, "SyncChange", record="public: The record, as a GET returns it; null if it was removed.")
class SyncChange(RootModel[Any], defer_build=True):
    """The latest change of one record; the collection decides the type of the record."""


class SyncChanges(BaseModel, defer_build=True):
    """A page of a pull."""

    model_config = ConfigDict(json_schema_extra=example(examples.CHANGES))

    changes: list[SyncChange] = Field(description="The changes in the order in which they happened; each record once.")
    cursor: str = Field(
        description="An opaque text. Send it as `since` for the next page, or keep it for the next pull."
    )
    has_more: bool = Field(description="Whether there are more changes.")


class SyncLimits(BaseModel, defer_build=True):
    """The limits of a push and a pull."""

    max_ops: int = Field(ge=1, le=500, description="The maximum number of operations in a push.")
    max_bytes: int = Field(ge=1, le=2**31 - 1, description="The maximum size of a push, in bytes.")
    max_page: int = Field(ge=1, le=1000, description="The maximum number of changes in a page of a pull.")


class SyncState(BaseModel, defer_build=True):
    """The cursor of your newest change, the collections that can be synced, and the limits."""

    model_config = ConfigDict(json_schema_extra=example(examples.STATE))

    cursor: str = Field(description="The cursor that a pull would return now.")
    collections: dict[str, list[str]] = Field(description="The collections, and the fields that can be set in each.")
    limits: SyncLimits = Field(description="The limits of a push and a pull.")
