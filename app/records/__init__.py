"""Records: what the kinds of record share.

A record is a row that one person owns. Here are the only way to a row (`access`), the only writer (`store`), the lists
(`filters`, `cursors`), the shapes that a kind is made of (`shapes`, `text`), and the verbs that routes call: `read`,
`page`, `create`, `change`, `remove`. What an intention *is* stands in its own room, under `app.resources`.
"""

from app.records.filters import Filters, Flag, Where
from app.records.resource import Resource, kinds, transitions
from app.records.shapes import Fields, RecordDraft, RecordPublic
from app.records.tables import Record, references
from app.records.verbs import (
    IfMatch,
    IfNoneMatch,
    change,
    changing,
    create,
    creating,
    listing,
    page,
    read,
    reading,
    remove,
    removing,
)
from app.records.view import OwnRecords, View

__all__ = [
    "Fields",
    "Filters",
    "Flag",
    "IfMatch",
    "IfNoneMatch",
    "OwnRecords",
    "Record",
    "RecordDraft",
    "RecordPublic",
    "Resource",
    "View",
    "Where",
    "change",
    "changing",
    "create",
    "creating",
    "kinds",
    "listing",
    "page",
    "read",
    "reading",
    "references",
    "remove",
    "removing",
    "transitions",
]
