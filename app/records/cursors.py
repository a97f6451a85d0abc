"""Cursors of lists of records and of histories: each holds the position after which the next page starts.

In a list, the position is the creation time and the id of a page's last record. In a history, it is the sequence number
of a page's last version, and the id of the record.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.problems import InvalidCursor
from app.records.filters import ActiveFilter
from app.records.positions import Scope, decode_moment, decode_position, encode_moment, encode_position
from app.records.resource import Resource
from app.records.view import View


def encode_cursor(view: View, resource: Resource, filters: list[ActiveFilter], created_at: datetime, id: UUID) -> str:
    """Return the cursor of the list page after the record with this creation time and id."""
    return encode_moment(_key(view), _list(view, resource, filters), created_at, id)


def decode_cursor(view: View, resource: Resource, filters: list[ActiveFilter], cursor: str) -> dict[str, Any]:
    """Return the bind parameters of a cursor's position.

    Raise `InvalidCursor` if the cursor is not from this list with these filters.
    """
    created_at, id = decode_moment(_key(view), _list(view, resource, filters), cursor)
    return {"after_created_at": created_at, "after_id": id}


def encode_history_cursor(view: View, resource: Resource, id: UUID, seq: int) -> str:
    """Return the cursor of the history page after a record's version with this sequence number."""
    return encode_position(_key(view), _history(view, resource), seq, id)


def decode_history_cursor(view: View, resource: Resource, id: UUID, cursor: str) -> int:
    """Return the sequence number in a cursor; raise `InvalidCursor` if the cursor is not from this record's history."""
    seq, of = decode_position(_key(view), _history(view, resource), cursor)
    if of != id:
        raise InvalidCursor
    return seq


def _list(view: View, resource: Resource, filters: list[ActiveFilter]) -> Scope:
    return str(view.owner_id), resource.collection, [(each.name, *map(str, each.values)) for each in filters]


def _history(view: View, resource: Resource) -> Scope:
    return str(view.owner_id), resource.collection, "history"


def _key(view: View) -> bytes:
    return view.caller.services.cursor_key
