"""A resource: all that the shared code needs to know about one kind of record, and the registry of all kinds."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import MISSING, BaseModel

from app import clock
from app.db import Row
from app.http import Route
from app.problems import Fault
from app.records.filters import Filters
from app.records.journal import Journal
from app.records.shapes import Fields, RecordDraft, RecordPublic, sealed_fields
from app.records.tables import Record
from app.records.text import Words
from app.records.view import View

_registry: list["Resource"] = []
Settle = Callable[[Any, Any, View], Iterator[Fault]]


@dataclass(frozen=True, eq=False)
class Resource:
    """One kind of record: its shapes, its rules, and its options in the shared code."""

    collection: str
    """The plural name of the kind in paths and in sync: `action-items`."""
    description: str
    """The text that explains the kind in the documentation."""
    text: str | None
    """The field with the person's own words that has no label in the journal; None if the kind has no such field."""
    record: type[Record]
    fields: type[Fields]
    draft: type[RecordDraft]
    patch: type[Fields]
    public: type[RecordPublic]
    filters: type[Filters]
    settle: Settle
    """The rules of the kind: `settle(record, before, view)` completes the record, and yields the faults that it finds.

    The write engine calls it for every create and change, from every entry point. `record` and `before` have the fields
    as attributes; `before` is None for a new record.
    """
    example: Mapping[str, Any]
    """An example of a draft, with an id. The documentation shows it, and the tests send it."""
    transitions: Mapping[str, frozenset[str]] | None = None
    """The statuses that may follow each status; None if every status may follow every other."""
    coupled: tuple[frozenset[str], ...] = ()
    """Groups of fields that have a meaning only together: two edits conflict if both change fields of one group."""
    on_delete_cascade: str | None = None
    """A reference: if its target is removed, the record is removed, too. Other references are set to null."""
    acyclic: str | None = None
    """A reference to a record of the same kind, its parent. No record may become its own ancestor."""
    filled_in: frozenset[str] = frozenset()
    """The fields for which `settle` may set a value if the draft has null."""
    computed: type[BaseModel] | None = None
    """The members that `settle` computes. They are stored and read like fields, but no client can set them."""
    facts: Mapping[str, Callable[[Row], object]] = field(default_factory=dict)
    """Columns that are not fields, each computed from all fields of the record. Filters on sealed fields need them."""
    journal: Journal = field(default_factory=Journal)
    """The form of a record in the journal of an export."""
    clinical: tuple[str, ...] = ()
    """The fields that only the clinic in `clinic_id` can change while it manages the record."""
    of_clinics: tuple[str, ...] = ()
    """Columns that are not fields, and that only the clinic in `clinic_id` sets."""
    scope: str | None = None
    """The FHIR R4 resource type whose scopes let clinics see the kind; None if no clinic ever sees it."""
    happened: tuple[str, ...] = ()
    """The fields that place a record in the timeline by time or day; by default `journal.dated_by`.

    The first one that is not null counts. If all are null, `created_at` counts.
    """
    about: tuple[str, ...] = ()
    """References of which a new record needs at least one. They are set to null if their targets are removed later."""

    def __post_init__(self) -> None:
        """Raise `TypeError` if `journal.dated_by` has a field that is a day."""
        days = [name for name in self.journal.dated_by if isinstance(self.table.c[name].type, sa.Date)]
        if days:
            message = f"{self.collection}: {days} in journal.dated_by are days: name them in `happened`"
            raise TypeError(message)

    @property
    def path(self) -> str:
        """The path of the kind's list."""
        return f"/v1/{self.collection}"

    @cached_property
    def router(self) -> APIRouter:
        """The router with the kind's routes."""
        return APIRouter(prefix=self.path, tags=[self.tag], route_class=Route)

    @property
    def tag(self) -> str:
        """The OpenAPI tag of the kind's routes: the plural name, such as "Action items"."""
        return self.collection.replace("-", " ").capitalize()

    @property
    def one(self) -> str:
        """The singular name with its article: "an action item"."""
        words = self.table.name.replace("_", " ")
        return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"

    @property
    def table(self) -> sa.Table:
        """The database table of the kind."""
        return self.record.table()

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields that a client sets."""
        return tuple(self.fields.model_fields)

    @cached_property
    def computed_names(self) -> tuple[str, ...]:
        """The names of the members that `settle` computes."""
        return () if self.computed is None else tuple(self.computed.model_fields)

    @cached_property
    def sealed_names(self) -> tuple[str, ...]:
        """The names of the fields and computed members that are stored in the sealed document only."""
        shapes = (self.fields,) if self.computed is None else (self.fields, self.computed)
        sealed = frozenset[str]().union(*map(sealed_fields, shapes))
        return tuple(name for name in (*self.field_names, *self.computed_names) if name in sealed)

    @cached_property
    def word_names(self) -> tuple[str, ...]:
        """The names of the fields with the person's own words."""
        words = sealed_fields(self.fields, Words)
        return tuple(name for name in self.field_names if name in words)

    @cached_property
    def public_names(self) -> tuple[str, ...]:
        """The names of the members of a record, in their order."""
        return tuple(self.public.model_fields)

    @cached_property
    def document_names(self) -> tuple[str, ...]:
        """The names of the members in a record's document: all but `id` and `version`, which are put in front of it."""
        return tuple(name for name in self.public_names if name not in {"id", "version"})

    @cached_property
    def references(self) -> dict[str, sa.Table]:
        """The target table of each reference, by field."""
        return {
            key.column_keys[-1]: key.referred_table
            for key in sorted(self.table.foreign_key_constraints, key=lambda key: list(key.column_keys))
            if len(key.column_keys) > 1
        }

    @cached_property
    def targets(self) -> dict[str, "Resource"]:
        """The target kind of each reference, by field."""
        of_table = {kind.table: kind for kind in kinds()}
        return {field: of_table[table] for field, table in self.references.items()}

    @cached_property
    def status_changes(self) -> Mapping[str, Iterable[str]]:
        """For each status, the statuses to which a record may change. Empty if the records have no status."""
        if self.transitions is not None or "status" not in self.draft.model_fields:
            return self.transitions or {}
        enumeration: Any = self.draft.model_fields["status"].annotation
        statuses = [str(each) for each in enumeration]
        return dict.fromkeys(statuses, statuses)

    def happened_at(self, row: Row, timezone: str) -> datetime:
        """Return the time of a record in the timeline (`happened`).

        A day counts as noon of that day in `timezone`, which is the owner's.
        """
        for name in self.happened or self.journal.dated_by:
            value = row[name]
            if value is not None:
                return value if isinstance(value, datetime) else clock.instant_at(value, clock.NOON, timezone)
        created_at: datetime = row["created_at"]
        return created_at

    def completed(self, draft: RecordDraft) -> dict[str, Any]:
        """Return the values of all fields of a new record.

        A field that `settle` completes is None if the draft omits it.
        """
        values = draft.__dict__
        return {name: None if (value := values[name]) is MISSING else value for name in self.field_names}

    @cached_property
    def initial(self) -> dict[str, Any]:
        """The value of each optional field if a draft omits it; `MISSING` for a field that `settle` completes."""
        fields = {name: field for name, field in self.draft.model_fields.items() if name in self.field_names}
        return {
            name: field.get_default(call_default_factory=True, validated_data={})
            for name, field in fields.items()
            if not field.is_required()
        }

    @cached_property
    def depth(self) -> int:
        """The length of the longest chain of references from this kind to other kinds; 0 if it refers to none."""
        return max((1 + kind.depth for kind in self.targets.values() if kind is not self), default=0)

    @cached_property
    def conflict_groups(self) -> dict[str, frozenset[str]]:
        """For each field, the names of the fields that collide as one: the field itself, and those coupled with it."""
        return {
            name: frozenset({name}).union(*(group for group in self.coupled if name in group))
            for name in self.field_names
        }


def register(*resources: Resource) -> tuple[Resource, ...]:
    """Register the given kinds as all kinds of record, in this order, and return them."""
    _registry[:] = resources
    return resources


def kinds() -> tuple[Resource, ...]:
    """Return all kinds of record; raise `RuntimeError` in a process that has not imported `app.resources`."""
    if not _registry:
        message = "no kind of record is registered: import app.resources first"
        raise RuntimeError(message)
    return tuple(_registry)


def referred_kinds() -> set[Resource]:
    """Return the kinds of record that other records can refer to."""
    return {target for kind in kinds() for target in kind.targets.values()}


def transitions(listed: Mapping[str, str], error: str) -> dict[str, frozenset[str]]:
    """Return the statuses that may follow each status.

    `listed` maps a status to the statuses that may follow it, in one string, separated by spaces. In addition, the
    status `error` may follow every other status. No status follows `error`.
    """
    targets = {target for line in listed.values() for target in line.split()}
    return {status: frozenset({*listed.get(status, "").split(), error}) for status in {*listed, *targets}}
