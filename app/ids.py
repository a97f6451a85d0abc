"""Identifiers: RFC 9562 UUIDs, in one spelling only.

A device may choose a record's id. It promises that one record has one spelling: canonical, lower-case, with hyphens.
It refuses every alias (upper case, braces, `urn:uuid:`), since a device would hold such a row twice.

They are all of the kind that PostgreSQL's driver brings: equal to every other `UUID`, but written in C, and looked up,
read and spelled in a tenth of the time.
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
"""Makes an id of its 16 bytes, or of its digits, with hyphens or without."""
_canonical = re.compile(CANONICAL).fullmatch


def new_id() -> UUID:
    """Make a time-ordered id (RFC 9562 version 7)."""
    return make_id(uuid7().bytes)


def new_id_text() -> str:
    """Make an id as text, at a sixth of the price."""
    return str(uuid7())


def parse(value: object) -> UUID:
    """Return the id that a value spells; raise `ValueError` where it is none, or another spelling of one."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and _canonical(value):
        return make_id(value)
    message = "Give a UUID in its canonical form: lower-case hexadecimal digits with hyphens."
    raise PydanticCustomError("id", message)


Id = Annotated[UUID, PlainValidator(parse), WithJsonSchema({"type": "string", "format": "uuid"})]
