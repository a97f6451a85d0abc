"""Identifiers: RFC 9562 UUIDs, written as hexadecimal digits with hyphens.

A client may choose a record's id. Upper-case digits are accepted, because Swift's `UUID` prints them, but an id is
always returned in lower case. Other forms (braces, `urn:uuid:`, without hyphens) are refused.

All ids are instances of asyncpg's UUID class, which is written in C. They equal Python's `UUID`s, but are hashed,
parsed and formatted in a tenth of the time.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from asyncpg.pgproto import pgproto
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from uuid_utils import uuid7

TIME_ORDERED: Final = 7
"""The version number of UUIDs that begin with a timestamp."""
HYPHENATED: Final = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
make_id: Final[Callable[[str | bytes], UUID]] = pgproto.UUID
"""Return an id from its 16 bytes, or from its hexadecimal digits with or without hyphens."""
is_id = re.compile(HYPHENATED).fullmatch
"""Return a match if a text is a UUID with hyphens, else None."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MAX: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


def new_id() -> UUID:
    """Return a new time-ordered id (RFC 9562, version 7)."""
    return make_id(uuid7().bytes)


def new_id_text() -> str:
    """Return a new id as text, in a sixth of the time of `str(new_id())`."""
    return str(uuid7())


def made_at(id: UUID) -> datetime | None:
    """Return the instant in a time-ordered id (RFC 9562, section 5.7); None for an id of another version.

    A client may choose an id with any instant. Return None for one after the year 9999, which a `datetime` cannot hold.
    """
    milliseconds = id.int >> 80
    return _EPOCH + milliseconds * _MILLISECOND if id.version == TIME_ORDERED and milliseconds < _MAX else None


def parse(value: object) -> UUID:
    """Return the id from a UUID or from its text with hyphens; raise `ValueError` for any other value."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and is_id(value):
        return make_id(value)
    message = "Send a UUID as hexadecimal digits with hyphens."
    raise PydanticCustomError("id", message)


def parse_canonical(text: str) -> UUID:
    """Return the id from its text in lower case with hyphens; raise `ValueError` for any other text."""
    id = parse(text)
    if str(id) != text:
        raise ValueError
    return id


Id = Annotated[UUID, PlainValidator(parse), WithJsonSchema({"type": "string", "format": "uuid"})]
