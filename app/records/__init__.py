"""Records: what all kinds of record share.

A record is a row that one account owns. Here are the only way to a row (`access`, `view`), the only writer (`write`), lists
(`filters`, `cursors`), the shapes of a kind (`shapes`, `text`), and the verbs that routes call: `read`, `page`, `create`,
`change`, `remove`; `history_router` makes the route that all have. What an intention *is* stands in its own module, in `app.resources`.
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
