"""Records: the code that all kinds of record share.

A record is a row that one account owns. This package has the statements on records (`access`), the check that a caller
may run them (`view`), the write engine (`write`), lists (`filters`, `cursors`), the shapes of a kind (`shapes`,
`text`), the functions that routes call (`read`, `page`, `create`, `change`, `remove`), and the route of a record's
history (`history_router`). The fields, rules and routes of one kind are in a module of `app.resources`.
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
