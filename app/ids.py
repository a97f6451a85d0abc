"""Identifiers: RFC 9562 UUIDs, in canonical form only.

A client may choose a record's id. Only the canonical form is accepted: lower case, with hyphens. Other forms of the same
id (upper case, braces, `urn:uuid:`) are refused, because a client that compares text would store the record twice.

All ids are objects of asyncpg's UUID class: equal to Python's `UUID`, but written in C. Hashing, reading and formatting
one takes a tenth of the time.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final
from uuid import UUID

from asyncpg.pgproto import pgproto
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from uuid_utils import uuid7

CANONICAL: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
make_id: Final[Callable[[str | bytes], UUID]] = pgproto.UUID
"""Returns the id with the given 16 bytes or hexadecimal digits, with or without hyphens."""
_canonical = re.compile(CANONICAL).fullmatch


def new_id() -> UUID:
    """Return a new time-ordered id (RFC 9562, version 7)."""
    return make_id(uuid7().bytes)


def new_id_text() -> str:
    """Return a new id as text, in a sixth of the time of `str(new_id())`."""
    return str(uuid7())


def parse(value: object) -> UUID:
    """Return the id that a value represents; raise `ValueError` if it is not a UUID in canonical form."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and _canonical(value):
        return make_id(value)
    message = "Send a UUID in canonical form: lower-case hexadecimal digits with hyphens."
    raise PydanticCustomError("id", message)


Id = Annotated[UUID, PlainValidator(parse), WithJsonSchema({"type": "string", "format": "uuid"})]
