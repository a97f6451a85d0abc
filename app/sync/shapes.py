"""The response shapes of sync. Records have the shapes of their own kinds."""

from functools import reduce
from operator import or_
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.ids import Id
from app.openapi import example
from app.openapi.problems import Fault
from app.records.write.ops import Reason, Result
from app.resources import RESOURCES
from app.sync import examples
from app.sync.collections import Collection

Record: Any = reduce(or_, (resource.public for resource in RESOURCES))


class SyncResult(BaseModel, defer_build=True):
    """The result of one operation."""

    collection: str | None = Field(description="The collection; null if the operation does not name one.")
    id: str | None = Field(description="The record's id; null if the operation does not name one.")
    op_id: str | None = Field(description="The operation's own id, or null.")
    outcome: Result = Field(
        description="`applied`; `unchanged`: the record was already so; `conflict`: it collides with another device's change; "
        "`rejected`: it is invalid; `rolled-back`: another operation of an atomic push failed."
    )
    status: int = Field(description="The HTTP status that the operation would get by itself.")
    version: int | None = Field(description="The record's present version, or that of its removal.")
    record: Record | None = Field(description="The complete record as it is now; null if there is none.")
    reason: Reason | None = Field(
        description="With `conflict`: whether fields were `changed`, or the record was `deleted`."
    )
    fields: list[str] = Field(description="With `conflict`: the fields that collide.")
    error: dict[str, Any] | None = Field(
        description="With `rejected`: the problem; its `errors` point into the record, or into the operation. "
        "If `retryable` is true, push the operation again later."
    )
    warnings: list[Fault] = Field(description="What was applied differently from what was sent.")
    replayed: bool = Field(description="Whether the operation had already run: the outcome is that of the first time.")


class SyncResults(BaseModel, defer_build=True):
    """The results of a push, in the order of its operations."""

    model_config = ConfigDict(json_schema_extra=example(examples.RESULTS))

    head: int = Field(
        description="The newest version of the feed. Do not use it as a cursor: it can skip changes by other devices."
    )
    results: list[SyncResult] = Field(description="One result for each operation, in the order given.")


class SyncChange(BaseModel, defer_build=True):
    """The latest change of one record."""

    collection: Collection = Field(description="The record's collection.")
    id: Id = Field(description="The record's id.")
    version: int = Field(description="The record's version.")
    deleted: bool = Field(description="Whether the record was removed.")
    record: Record | None = Field(description="The record, as a GET returns it; null if it was removed.")


class SyncChanges(BaseModel, defer_build=True):
    """A page of a pull."""

    model_config = ConfigDict(json_schema_extra=example(examples.CHANGES))

    changes: list[SyncChange] = Field(description="The changes in the order in which they happened; each record once.")
    cursor: str = Field(
        description="An opaque text: send it as `since` of the next page, or keep it for the next pull."
    )
    has_more: bool = Field(description="Whether there are more changes.")


class SyncLimits(BaseModel, defer_build=True):
    """The limits of a push and a pull."""

    max_ops: int = Field(description="The maximum number of operations in a push.")
    max_bytes: int = Field(description="The maximum size of a push, in bytes.")
    max_page: int = Field(description="The maximum number of changes in a page of a pull.")


class SyncState(BaseModel, defer_build=True):
    """The state of your feed, and what can be synced."""

    model_config = ConfigDict(json_schema_extra=example(examples.STATE))

    cursor: str = Field(description="The cursor that a pull would return now.")
    collections: dict[str, list[str]] = Field(description="The collections, and the fields that can be set in each.")
    limits: SyncLimits = Field(description="The limits of a push and a pull.")
