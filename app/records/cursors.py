"""Cursors of lists: the position after which the next page starts.

A cursor is opaque: the creation time and id of the last record of a page, and a MAC that binds them to the owner, the
collection and the filters. So a cursor cannot be made up or used for another list.
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
_TIME_BYTES: Final = 8
_POSITION_BYTES: Final = 24
_CURSOR_BYTES: Final = 40


def encode_cursor(view: View, resource: Resource, filters: list[ActiveFilter], created_at: datetime, id: UUID) -> str:
    """Return the cursor of the position after a record."""
    microseconds = (created_at - _EPOCH) // _MICROSECOND
    position = microseconds.to_bytes(_TIME_BYTES, "big", signed=True) + id.bytes
    return base64.urlsafe_b64encode(position + _mac(view, resource, filters, position)).decode().rstrip("=")


def decode_cursor(view: View, resource: Resource, filters: list[ActiveFilter], cursor: str) -> dict[str, Any]:
    """Return the bind parameters of the position; raise `InvalidCursor` if the cursor is not one of this list."""
    try:
        decoded = base64.b64decode(cursor.encode("ascii") + b"==", b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise InvalidCursor from None
    position, mac = decoded[:_POSITION_BYTES], decoded[_POSITION_BYTES:]
    encoded = base64.urlsafe_b64encode(decoded).decode().rstrip("=")  # only this encoding of the bytes is accepted
    if len(decoded) != _CURSOR_BYTES or encoded != cursor:
        raise InvalidCursor
    if not hmac.compare_digest(mac, _mac(view, resource, filters, position)):
        raise InvalidCursor
    return {
        "after_created_at": _EPOCH + int.from_bytes(position[:_TIME_BYTES], "big", signed=True) * _MICROSECOND,
        "after_id": UUID(bytes=position[_TIME_BYTES:]),
    }


def _mac(view: View, resource: Resource, filters: list[ActiveFilter], position: bytes) -> bytes:
    scope = repr((str(view.owner_id), resource.collection, [(each.name, *map(str, each.values)) for each in filters]))
    return hmac.digest(view.caller.services.cursor_key, position + scope.encode(), hashlib.sha256)[
        : _CURSOR_BYTES - _POSITION_BYTES
    ]
