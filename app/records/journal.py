"""How records of a kind are written in the journal of an export. A kind declares only what differs from the defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Journal:
    """The form of the journal entries of a kind of record.

    `name` and `facts` are templates: in `"{kind} session"` the field `kind` of a record is inserted, its value written for
    a reader. A fact is left out if one of its fields is null; null in a list is a dash. By default the name is that of the kind, and there is a
    fact for each field that is neither the person's own words nor a reference.

    `title` is the field in the heading. `dated_by` are the times by which an entry is dated, the first one that is not null;
    by default, and if all are null, `created_at`. All other fields with the person's own words are paragraphs, in the order
    of `labels` and then of the fields. A paragraph begins with its label, by default the name of the field; the label of the
    field that is the record's `text` is empty.
    """

    name: str = ""
    title: str = "title"
    dated_by: tuple[str, ...] = ()
    facts: tuple[str, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def instant(self, values: Mapping[str, Any]) -> str:
        """Return the time by which a record's entry is dated, as text. `values` are the record's members as in JSON."""
        return next(str(values[name]) for name in (*self.dated_by, "created_at") if values[name] is not None)
