"""What syncing answers. Records have the shapes of their own rooms."""

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
    warnings: list[Fault] = Field(description="What was done otherwise than asked.")
    replayed: bool = Field(description="Whether it had been carried out before: the outcome is that of the first time.")


class SyncResults(BaseModel, defer_build=True):
    """What became of a push, in the order of its operations."""

    model_config = ConfigDict(json_schema_extra=example(examples.RESULTS))

    head: int = Field(description="The newest version of the feed. It is no cursor: others' changes may lie below it.")
    results: list[SyncResult] = Field(description="One result for each operation, in the order given.")


class SyncChange(BaseModel, defer_build=True):
    """The latest change of one record."""

    collection: Collection = Field(description="The record's collection.")
    id: Id = Field(description="The record's id.")
    version: int = Field(description="The record's version.")
    deleted: bool = Field(description="Whether the record was removed.")
    record: Record | None = Field(description="The record, as a GET of it answers; null if it was removed.")


class SyncChanges(BaseModel, defer_build=True):
    """A page of a pull."""

    model_config = ConfigDict(json_schema_extra=example(examples.CHANGES))

    changes: list[SyncChange] = Field(description="In the order in which they happened; each record once.")
    cursor: int | str = Field(
        description="What to give as `since` next: while there is more, a text that continues this pull; on the last "
        "page, the number to keep."
    )
    has_more: bool = Field(description="Whether there is more.")


class SyncLimits(BaseModel, defer_build=True):
    """How much may be sent and asked for at once."""

    max_ops: int = Field(description="Most operations of one push.")
    max_bytes: int = Field(description="Most bytes of one push.")
    max_page: int = Field(description="Most changes of one page of a pull.")


class SyncState(BaseModel, defer_build=True):
    """Where your feed is, and what can be synced."""

    model_config = ConfigDict(json_schema_extra=example(examples.STATE))

    cursor: int = Field(description="The newest version of your feed.")
    collections: dict[str, list[str]] = Field(description="The collections, and the fields of each that can be set.")
    limits: SyncLimits = Field(description="How much may be sent and asked for at once.")
