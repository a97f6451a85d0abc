"""Cursors of the lists of records: the position after which the next page starts.

A position is the creation time of the last record of a page, and its id; in a history, where the id is the record's, it is
the sequence number of the last version.
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
    """Return the cursor of the position after a record."""
    return encode_moment(_key(view), _list(view, resource, filters), created_at, id)


def decode_cursor(view: View, resource: Resource, filters: list[ActiveFilter], cursor: str) -> dict[str, Any]:
    """Return the bind parameters of the position; raise `InvalidCursor` if the cursor is not one of this list."""
    created_at, id = decode_moment(_key(view), _list(view, resource, filters), cursor)
    return {"after_created_at": created_at, "after_id": id}


def encode_history_cursor(view: View, resource: Resource, id: UUID, seq: int) -> str:
    """Return the cursor of the position after a former version of a record."""
    return encode_position(_key(view), _history(view, resource), seq, id)


def decode_history_cursor(view: View, resource: Resource, id: UUID, cursor: str) -> int:
    """Return the sequence number of the position; raise `InvalidCursor` if the cursor is not one of this record's history."""
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
