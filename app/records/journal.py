"""The form of a kind's records in the journal of an export: Markdown files with what a person wrote in each month.

A kind declares only what differs from the defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Journal:
    """What the journal entries of one kind of record contain. An entry shows one record.

    An entry has a heading, a line of facts, and paragraphs. The heading has a name and the field `title`. `name` and
    `facts` are templates: in `"{kind} session"`, the value of the record's field `kind` is inserted, formatted for a
    reader. A fact is omitted if one of its fields is null; a null in a list is written as a dash. The default name is
    the kind's name. By default, each field has a fact, except references, the person's own words, the fields in
    `dated_by`, `visibility` and `timezone`.

    An entry is dated by the first field in `dated_by` that is not null, or by `created_at` if all are null. The fields
    in `dated_by` are instants; a field that is a day belongs in `Resource.happened` and has a fact. Each field
    with the person's own words, except `title`, is a paragraph: first the fields in `labels`, in this order, then the
    others. A paragraph begins with its label. The default label is the field's name, or empty for the field
    `Resource.text`.
    """

    name: str = ""
    title: str = "title"
    dated_by: tuple[str, ...] = ()
    facts: tuple[str, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def instant(self, values: Mapping[str, Any]) -> str:
        """Return the instant that dates a record's entry, as text. `values` are the record's members as in JSON."""
        return next(str(values[name]) for name in (*self.dated_by, "created_at") if values[name] is not None)
