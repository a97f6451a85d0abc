"""Cursors of lists: the position after which the next page starts.

A cursor is opaque: a number and an id, and a MAC that binds them to the owner and the list. So a cursor cannot be
forged or used for another list. The number is the creation time of the last record of a page; in a history, where the id is the
record's, it is the sequence number of the last version.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.problems import InvalidCursor
from app.records.filters import ActiveFilter
from app.records.resource import Resource
from app.records.view import View

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NUMBER_BYTES: Final = 8
_POSITION_BYTES: Final = 24
_CURSOR_BYTES: Final = 40


def encode_cursor(view: View, resource: Resource, filters: list[ActiveFilter], created_at: datetime, id: UUID) -> str:
    """Return the cursor of the position after a record."""
    microseconds = (created_at - _EPOCH) // _MICROSECOND
    position = microseconds.to_bytes(_NUMBER_BYTES, "big", signed=True) + id.bytes
    return _encode(view, _list(resource, filters), position)


def decode_cursor(view: View, resource: Resource, filters: list[ActiveFilter], cursor: str) -> dict[str, Any]:
    """Return the bind parameters of the position; raise `InvalidCursor` if the cursor is not one of this list."""
    number, id = _decode(view, _list(resource, filters), cursor)
    return {"after_created_at": _EPOCH + number * _MICROSECOND, "after_id": id}


def encode_history_cursor(view: View, resource: Resource, id: UUID, seq: int) -> str:
    """Return the cursor of the position after a former version of a record."""
    return _encode(view, (resource.collection, "history"), seq.to_bytes(_NUMBER_BYTES, "big") + id.bytes)


def decode_history_cursor(view: View, resource: Resource, id: UUID, cursor: str) -> int:
    """Return the sequence number of the position; raise `InvalidCursor` if the cursor is not one of this record's history."""
    seq, of = _decode(view, (resource.collection, "history"), cursor)
    if of != id:
        raise InvalidCursor
    return seq


def _list(resource: Resource, filters: list[ActiveFilter]) -> tuple[object, ...]:
    return resource.collection, [(each.name, *map(str, each.values)) for each in filters]


def _encode(view: View, scope: tuple[object, ...], position: bytes) -> str:
    return base64.urlsafe_b64encode(position + _mac(view, scope, position)).decode().rstrip("=")


def _decode(view: View, scope: tuple[object, ...], cursor: str) -> tuple[int, UUID]:
    """Return the number and the id in a position; raise `InvalidCursor` if the cursor is not of this scope."""
    try:
        decoded = base64.b64decode(cursor.encode("ascii") + b"==", b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise InvalidCursor from None
    position, mac = decoded[:_POSITION_BYTES], decoded[_POSITION_BYTES:]
    encoded = base64.urlsafe_b64encode(decoded).decode().rstrip("=")  # only this encoding of the bytes is accepted
    if len(decoded) != _CURSOR_BYTES or encoded != cursor:
        raise InvalidCursor
    if not hmac.compare_digest(mac, _mac(view, scope, position)):
        raise InvalidCursor
    return int.from_bytes(position[:_NUMBER_BYTES], "big", signed=True), UUID(bytes=position[_NUMBER_BYTES:])


def _mac(view: View, scope: tuple[object, ...], position: bytes) -> bytes:
    content = position + repr((str(view.owner_id), *scope)).encode()
    return hmac.digest(view.caller.services.cursor_key, content, hashlib.sha256)[: _CURSOR_BYTES - _POSITION_BYTES]
