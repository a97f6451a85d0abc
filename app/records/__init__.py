"""Records: what all kinds of record share.

A record is a row that one account owns. This package has the only access to rows (`access`, `view`), the only writer
(`write`), lists (`filters`, `cursors`), the shapes of a kind (`shapes`, `text`), the functions that routes call (`read`,
`page`, `create`, `change`, `remove`), and the route of a kind's history (`history_router`). What is particular to a kind,
such as intentions, is in its own module in `app.resources`.
"""

from app.records.filters import Filters, Flag, Where
from app.records.history import history_router
from app.records.journal import Journal
from app.records.resource import Resource, kinds, register, transitions
from app.records.shapes import Fields, RecordDraft, RecordPublic
from app.records.tables import Record, references
from app.records.verbs import (
    IfMatch,
    IfNoneMatch,
    change,
    change_responses,
    create,
    create_responses,
    list_responses,
    page,
    read,
    read_responses,
    remove,
    remove_responses,
)
from app.records.view import OwnRecords, View

__all__ = [
    "Fields",
    "Filters",
    "Flag",
    "IfMatch",
    "IfNoneMatch",
    "Journal",
    "OwnRecords",
    "Record",
    "RecordDraft",
    "RecordPublic",
    "Resource",
    "View",
    "Where",
    "change",
    "change_responses",
    "create",
    "create_responses",
    "history_router",
    "kinds",
    "list_responses",
    "page",
    "read",
    "read_responses",
    "references",
    "register",
    "remove",
    "remove_responses",
    "transitions",
]
