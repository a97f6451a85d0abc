"""Cursors: where a list goes on. Opaque, and bound by a MAC to their owner, their collection and their filters."""

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
_TIME: Final = 8
_PLACE: Final = 24
_WHOLE: Final = 40


def written(view: View, resource: Resource, filters: list[ActiveFilter], created_at: datetime, id: UUID) -> str:
    """Return the cursor that continues after a record."""
    moment = (created_at - _EPOCH) // _MICROSECOND
    place = moment.to_bytes(_TIME, "big", signed=True) + id.bytes
    return base64.urlsafe_b64encode(place + _mac(view, resource, filters, place)).decode().rstrip("=")


def place_of(view: View, resource: Resource, filters: list[ActiveFilter], cursor: str) -> dict[str, Any]:
    """Return the row that a cursor stands after; raise `InvalidCursor` where it is not of this list."""
    try:
        whole = base64.b64decode(cursor.encode("ascii") + b"==", b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise InvalidCursor from None
    place, mac = whole[:_PLACE], whole[_PLACE:]
    spelled = base64.urlsafe_b64encode(whole).decode().rstrip("=")
    if len(whole) != _WHOLE or spelled != cursor or not hmac.compare_digest(mac, _mac(view, resource, filters, place)):
        raise InvalidCursor
    return {
        "after_created_at": _EPOCH + int.from_bytes(place[:_TIME], "big", signed=True) * _MICROSECOND,
        "after_id": UUID(bytes=place[_TIME:]),
    }


def _mac(view: View, resource: Resource, filters: list[ActiveFilter], place: bytes) -> bytes:
    list_ = repr((str(view.owner_id), resource.collection, [(each.name, *map(str, each.values)) for each in filters]))
    return hmac.digest(view.caller.services.cursor_key, place + list_.encode(), hashlib.sha256)[: _WHOLE - _PLACE]
