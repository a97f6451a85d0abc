"""The fields of consents and connections."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.resources import RESOURCES

MAX_SYSTEM: Final = 200
MAX_VALUE: Final = 200
SHAREABLE: Final = tuple(kind.collection for kind in RESOURCES if kind.scope is not None)
"""The collections that a consent can share."""
MAX_IDENTIFIERS: Final = 10
"""The maximum number of identifiers of one connection."""
_SYSTEM: Final = r"^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$"
_VALUE: Final = r"^[^\s\x00-\x1f\x7f-\x9f](?:.*[^\s\x00-\x1f\x7f-\x9f])?$"
_is_system = re.compile(_SYSTEM.removesuffix("$")).fullmatch


def is_system(text: object) -> bool:
    """Return whether a value is an absolute URI that can be the system of an identifier."""
    return isinstance(text, str) and len(text) <= MAX_SYSTEM and _is_system(text) is not None


def is_value(text: object) -> bool:
    """Return whether a text can be the value of an identifier: printable, without leading or trailing spaces."""
    return isinstance(text, str) and 0 < len(text) <= MAX_VALUE and text.isprintable() and text == text.strip()


def _read_system(value: object) -> str:
    if not is_system(value):
        message = "Send an absolute URI of at most 200 characters, such as urn:oid:2.16.840.1.113883.2.4.6.3."
        raise PydanticCustomError("identifier", message)
    return str(value)


def _read_value(value: object) -> str:
    if not is_value(value):
        message = "Send 1 to 200 printable characters, without leading or trailing spaces."
        raise PydanticCustomError("identifier", message)
    return str(value)


def _read_shareable(value: str) -> str:
    if value not in SHAREABLE:
        message = "Send the name of a collection that clinics can see."
        raise PydanticCustomError("collection", message)
    return value


def _in_order(shares: list[str]) -> list[str]:
    return [name for name in SHAREABLE if name in shares]


System = Annotated[
    str,
    PlainValidator(_read_system),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_SYSTEM, "pattern": _SYSTEM}),
]
Value = Annotated[
    str,
    PlainValidator(_read_value),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_VALUE, "pattern": _VALUE}),
]
Shareable = Annotated[str, AfterValidator(_read_shareable), WithJsonSchema({"type": "string", "enum": [*SHAREABLE]})]
Shares = Annotated[list[Shareable], Field(max_length=len(SHAREABLE)), AfterValidator(_in_order)]
"""Names of collections, sorted in the order of the API, without duplicates."""
