"""JSON: a strict parser and a fast writer.

The parser accepts the JSON of RFC 8259, with three restrictions: member names are unique within an object, nesting is
at most 32 deep, and the text is valid UTF-8. A number with a fraction or an exponent becomes a `Decimal`, so that `1.0`
is not an integer and a dose keeps its digits. A number that no field can hold (`NaN`, `Infinity`, an integer of more
than 40 digits) becomes infinity. Every field refuses infinity, with a fault that points to the number.

The writer is orjson, with instants in the format of `clock.format_instant`.
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from app import clock
from app.ids import new_id
from app.problems import MalformedBody

MAX_DEPTH: Final = 32
_MAX_INTEGER_DIGITS: Final = 40
_CONTAINERS: Final = (dict, list)


def parse(body: bytes) -> Any:
    """Parse a JSON text and return its value; raise `MalformedBody` if it is not valid or is nested too deep."""
    try:
        value = _decoder.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedBody from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        raise MalformedBody
    return value


def parse_part(text: str, start: int) -> tuple[Any, int]:
    """Parse the JSON value that begins at index `start` of a text; return the value and the index after it.

    Raise `json.JSONDecodeError` if the value is not valid or not complete. Raise another `ValueError` if it is nested
    too deep or an object has a member twice.
    """
    try:
        value, end = _decoder.raw_decode(text, start)
    except RecursionError:
        raise ValueError from None
    if text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH and _is_too_deep(value):
        raise ValueError
    return value, end


def dump(value: Any) -> bytes:
    """Return a value as JSON.

    It may contain lists, dictionaries, strings, numbers, Booleans, None, ids, instants and days.
    """
    return orjson.dumps(value, _default, orjson.OPT_PASSTHROUGH_DATETIME)


def dump_text(value: Any) -> str:
    """Return a value as JSON, as a string."""
    return dump(value).decode()


def dump_canonical(value: Any) -> bytes:
    """Return a value as JSON with members in alphabetical order, so that equal values give equal bytes."""
    return orjson.dumps(value, _default, orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SORT_KEYS)


def fragment(text: str) -> orjson.Fragment:
    """Wrap a JSON text so that `dump` writes it unchanged."""
    return orjson.Fragment(text)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else math.inf


def _number(digits: str) -> Decimal | float:
    try:
        return Decimal(digits)
    except InvalidOperation:
        return math.inf


def _not_a_number(_name: str) -> float:
    return math.inf


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_number, parse_constant=_not_a_number
)


def _is_too_deep(value: Any) -> bool:
    """Return whether lists and objects are nested deeper than `MAX_DEPTH`. Check level by level, without recursion."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) in _CONTAINERS
        ]
    return bool(level)


_ID: Final = type(new_id())
_CONVERSIONS: Final[Mapping[type, Callable[[Any], object]]] = {
    datetime: clock.format_instant,
    _ID: str,  # orjson serializes only Python's own UUID class
    date: date.isoformat,
    Decimal: float,
}


def _default(value: object) -> object:
    convert = _CONVERSIONS.get(type(value))
    if convert is None:
        raise TypeError
    return convert(value)
