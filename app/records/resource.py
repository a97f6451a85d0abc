"""A resource: everything the shared verbs need to know of one kind of record."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import MISSING

from app.http import Route
from app.problems import Fault
from app.records.filters import Filters
from app.records.shapes import Fields, RecordDraft, RecordPublic
from app.records.tables import Record
from app.records.view import View

_kinds: list["Resource"] = []
Settle = Callable[[Any, Any, View], Iterator[Fault]]


@dataclass(frozen=True, eq=False)
class Resource:
    """One kind of record.

    `settle(record, before, view)` holds its rules: given the fields as attributes, it completes the record and yields
    what is wrong with it, before every write, by whichever door it came. `transitions` lists where a status may go; None means anywhere.
    `coupled` are the groups of fields that stand or fall together when edits meet. A record goes when what its field
    `parent` refers to is removed; every other reference is set to null. The field `acyclic` never leads back.
    The fields in `filled_in` may get a value from `settle` where null was sent.
    """

    collection: str
    record: type[Record]
    fields: type[Fields]
    draft: type[RecordDraft]
    patch: type[Fields]
    public: type[RecordPublic]
    filters: type[Filters]
    settle: Settle
    example: Mapping[str, Any]
    transitions: Mapping[str, frozenset[str]] | None = None
    coupled: tuple[frozenset[str], ...] = ()
    parent: str | None = None
    acyclic: str | None = None
    filled_in: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Take a place among the kinds."""
        _kinds.append(self)

    @property
    def path(self) -> str:
        """Where its records are."""
        return f"/v1/{self.collection}"

    @cached_property
    def router(self) -> APIRouter:
        """What its room declares its routes on."""
        tag = self.collection.replace("-", " ").capitalize()
        return APIRouter(prefix=self.path, tags=[tag], route_class=Route)

    @property
    def table(self) -> sa.Table:
        """The table of its rows."""
        return self.record.table()

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The fields that a person sets."""
        return tuple(self.fields.model_fields)

    @cached_property
    def public_names(self) -> tuple[str, ...]:
        """The members of an answer, in their order."""
        return tuple(self.public.model_fields)

    @cached_property
    def document_names(self) -> tuple[str, ...]:
        """The members of an answer that depend on the record alone; `id` and `version` are put in front of them."""
        return tuple(name for name in self.public_names if name not in {"id", "version"})

    @cached_property
    def references(self) -> dict[str, sa.Table]:
        """The table that each reference leads to, by field."""
        return {
            key.column_keys[-1]: key.referred_table
            for key in sorted(self.table.foreign_key_constraints, key=lambda key: list(key.column_keys))
            if len(key.column_keys) > 1
        }

    @cached_property
    def targets(self) -> dict[str, "Resource"]:
        """The kind of record that each reference leads to, by field."""
        of_table = {kind.table: kind for kind in _kinds}
        return {field: of_table[table] for field, table in self.references.items()}

    @cached_property
    def on_delete_set_null(self) -> tuple[str, ...]:
        """The references that become null when what they refer to goes."""
        return tuple(field for field in self.references if field != self.parent)

    def completed(self, draft: RecordDraft) -> dict[str, Any]:
        """Return the fields of a new record; those left out that the rules fill in are null so far."""
        values = draft.__dict__
        return {name: None if (value := values[name]) is MISSING else value for name in self.field_names}

    @cached_property
    def initial(self) -> dict[str, Any]:
        """The value of each field that a draft may leave out; `MISSING` for those that the rules complete."""
        fields = {name: field for name, field in self.draft.model_fields.items() if name in self.field_names}
        return {
            name: field.get_default(call_default_factory=True, validated_data={})
            for name, field in fields.items()
            if not field.is_required()
        }

    @cached_property
    def depth(self) -> int:
        """How many kinds of record may stand above one of these: parents come before children."""
        return max((1 + kind.depth for kind in self.targets.values() if kind is not self), default=0)

    @cached_property
    def units(self) -> dict[str, frozenset[str]]:
        """The fields that each field stands or falls together with, itself included."""
        return {
            name: frozenset({name}).union(*(group for group in self.coupled if name in group))
            for name in self.field_names
        }


def kinds() -> tuple[Resource, ...]:
    """Return every kind of record, in the order in which the rooms were opened."""
    return tuple(_kinds)


def transitions(listed: Mapping[str, str], error: str) -> dict[str, frozenset[str]]:
    """Return where each status may go, from its targets separated by blanks; any may go to `error`, which is final."""
    targets = {target for line in listed.values() for target in line.split()}
    return {status: frozenset({*listed.get(status, "").split(), error}) for status in {*listed, *targets}}
