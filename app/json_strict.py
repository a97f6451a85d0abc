"""JSON: read strictly, written fast.

Reading follows RFC 8259 and promises more: one member of a name, nesting at most 32 deep, real UTF-8. Numbers with a
fraction or an exponent become `Decimal`, so that `1.0` is not an integer and a dose keeps its digits. Numbers that
nothing here could hold (`NaN`, `Infinity`, integers of thousands of digits) are read as infinity, for the fields to
refuse with a pointer. Writing is orjson's, with instants spelled as `clock` spells them.
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
_NESTING: Final = (dict, list)


def parse(body: bytes) -> Any:
    """Return what the JSON text says; raise `MalformedBody` where it says nothing clear."""
    try:
        value = _decoder.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedBody from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper(value):
        raise MalformedBody
    return value


def dump(value: Any) -> bytes:
    """Return the JSON text of rows, documents and lists."""
    return orjson.dumps(value, _spelled, orjson.OPT_PASSTHROUGH_DATETIME)


def dump_text(value: Any) -> str:
    """Return the same text as a string, to be put into another."""
    return dump(value).decode()


def dump_canonical(value: Any) -> bytes:
    """Return the JSON text of a value with its members in alphabetical order: one text for one meaning."""
    return orjson.dumps(value, _spelled, orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SORT_KEYS)


def fragment(dump_text: str) -> orjson.Fragment:
    """Return a JSON text as a value that is written as it is."""
    return orjson.Fragment(dump_text)


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


def _deeper(value: Any) -> bool:
    """Say whether lists and objects are nested too deep, by looking at one level after the other."""
    level = [value] if type(value) in _NESTING else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) in _NESTING
        ]
    return bool(level)


_ID: Final = type(new_id())
_SPELLINGS: Final[Mapping[type, Callable[[Any], object]]] = {
    datetime: clock.format_instant,
    _ID: str,  # orjson knows only the plainer kind
    date: date.isoformat,
    Decimal: float,
}


def _spelled(value: object) -> object:
    spelling = _SPELLINGS.get(type(value))
    if spelling is None:
        raise TypeError
    return spelling(value)
