"""Positions in lists, encoded as the opaque text of a cursor. A position is a number and an id.

A MAC binds each position to one list, so that a cursor cannot be forged or used for another list.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final
from uuid import UUID

from pydantic import WithJsonSchema

from app.ids import make_id
from app.problems import InvalidCursor

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NUMBER_BYTES: Final = 8
_POSITION_BYTES: Final = 24
_CURSOR_BYTES: Final = 40
_MAX_KEYS: Final = 16
Cursor = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})]
"""A cursor in a query parameter: the opaque text of a position."""
Scope = tuple[object, ...]
"""The values that identify a list, such as its reader, its name and its filters."""


def encode_position(key: bytes, scope: Scope, number: int, id: UUID) -> str:
    """Return the cursor of a position in the list that `scope` identifies; `key` is the server's key for cursors."""
    position = number.to_bytes(_NUMBER_BYTES, "big", signed=True) + id.bytes
    return base64.urlsafe_b64encode(position + _mac(key, scope, position)).decode().rstrip("=")


def decode_position(key: bytes, scope: Scope, cursor: str) -> tuple[int, UUID]:
    """Return the number and the id in a cursor; raise `InvalidCursor` if the cursor was not made for this list."""
    try:
        decoded = base64.b64decode(cursor.encode("ascii") + b"==", b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise InvalidCursor from None
    position, mac = decoded[:_POSITION_BYTES], decoded[_POSITION_BYTES:]
    encoded = base64.urlsafe_b64encode(decoded).decode().rstrip("=")  # only this encoding of the bytes is accepted
    if len(decoded) != _CURSOR_BYTES or encoded != cursor:
        raise InvalidCursor
    if not hmac.compare_digest(mac, _mac(key, scope, position)):
        raise InvalidCursor
    return int.from_bytes(position[:_NUMBER_BYTES], "big", signed=True), make_id(position[_NUMBER_BYTES:])


def encode_moment(key: bytes, scope: Scope, moment: datetime, id: UUID) -> str:
    """Return the cursor of the position after the item with this time and id, in a list that is ordered by both."""
    return encode_position(key, scope, (moment - _EPOCH) // _MICROSECOND, id)


def decode_moment(key: bytes, scope: Scope, cursor: str) -> tuple[datetime, UUID]:
    """Return the time and the id in a cursor; raise `InvalidCursor` if the cursor was not made for this list."""
    number, id = decode_position(key, scope, cursor)
    return _EPOCH + number * _MICROSECOND, id


def _mac(key: bytes, scope: Scope, position: bytes) -> bytes:
    mac = _keyed(key).copy()
    mac.update(position + repr(scope).encode())
    return mac.digest()[: _CURSOR_BYTES - _POSITION_BYTES]


@lru_cache(_MAX_KEYS)  # OpenSSL looks up the algorithm for each new MAC
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod=hashlib.sha256)
