"""Parses and formats instants, days and time zones.

An instant in a request has the format of RFC 3339, section 5.6, with `T`, an offset, at most six decimal places of a
second and no leap second. A time without an offset is refused, because it is ambiguous. An instant in a response is in
UTC with microseconds. A day is `YYYY-MM-DD`, and a time zone is an IANA name. The year, in UTC, is from 1900 to 2200.
"""

import re
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from datetime import time as wall_time
from functools import cache, lru_cache
from importlib import resources
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import orjson
from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MIN_YEAR: Final = 1900
MAX_YEAR: Final = 2200
_TEXT_LENGTH: Final = len("2026-11-22T10:00:00.000000Z")
_instant = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
).fullmatch
_day = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch


def now() -> datetime:
    """Return the current time in UTC, truncated to milliseconds.

    Many clients store times to the millisecond. They can then send back exactly the time that they received.
    """
    return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)  # takes a third of the time of replace()


def format_instant(moment: datetime) -> str:
    """Return an instant as text in the format of every response: `2026-11-22T10:00:00.000000Z`."""
    return _format_utc(moment if moment.tzinfo is UTC else moment.astimezone(UTC))


@lru_cache(64)  # the records of one write all have the same instant
def _format_utc(moment: datetime) -> str:
    """Return an instant in UTC as text. In another time zone, a time that clocks show twice equals itself, so that the
    cache would confuse its two instants.
    """
    if moment.microsecond:
        return orjson.dumps(moment, option=orjson.OPT_UTC_Z)[1:-1].decode()  # takes a third of the time of isoformat
    return f"{moment.isoformat()[:-6]}.000000Z"


def format_instants(moments: Sequence[datetime]) -> list[str]:
    """Return instants, which must be in UTC, as texts like those of `format_instant`, in a fifth of its time."""
    texts: list[str] = orjson.loads(orjson.dumps(moments, option=orjson.OPT_UTC_Z))
    return [text if len(text) == _TEXT_LENGTH else f"{text[:-1]}.000000Z" for text in texts]


MIDNIGHT: Final = wall_time()
NOON: Final = wall_time(12)


def instant_at(day: date, at: wall_time, timezone: str) -> datetime:
    """Return the instant, in UTC, at which clocks in an IANA time zone show a time on a day (RFC 5545, section 3.3.5).

    If the clocks skip the time, the offset before the gap applies. If they show it twice, the first instant is
    returned.
    """
    return datetime.combine(day, at, ZoneInfo(timezone)).astimezone(UTC)


def local_day(moment: datetime, timezone: str) -> date:
    """Return the day that calendars in an IANA time zone show at an instant."""
    return moment.astimezone(ZoneInfo(timezone)).date()


@cache
def timezones() -> frozenset[str]:
    """Return the names in the IANA time zone database. They come from a package, so they are the same on every machine."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def _read_instant(value: object) -> datetime:
    if isinstance(value, str) and _instant(value):
        try:
            moment = datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            moment = None
        if moment is not None and MIN_YEAR <= moment.year <= MAX_YEAR:
            return moment
    message = "Send a time in RFC 3339 format with an offset, such as 2026-11-22T10:00:00Z, from 1900 to 2200."
    if isinstance(value, str) and " " in value and _instant(value.replace(" ", "+")):
        message = "In a URL, + means a space: send the + of a time's offset as %2B, or send the time in UTC with Z."
    raise PydanticCustomError("time", message)


def _read_day(value: object) -> date:
    if isinstance(value, str) and _day(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is not None and MIN_YEAR <= day.year <= MAX_YEAR:
            return day
    message = "Send a date as YYYY-MM-DD, from 1900 to 2200."
    raise PydanticCustomError("date", message)


def _read_day_text(value: object) -> str:
    return _read_day(value).isoformat()


def _read_timezone(value: object) -> str:
    if isinstance(value, str) and value in timezones():
        return value
    message = "Send the name of an IANA time zone, such as Europe/Berlin."
    raise PydanticCustomError("timezone", message)


Instant = Annotated[datetime, PlainValidator(_read_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[date, PlainValidator(_read_day), WithJsonSchema({"type": "string", "format": "date"})]
Timezone = Annotated[
    str,
    PlainValidator(_read_timezone),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_+/-]+$"}),
]
DayText = Annotated[str, PlainValidator(_read_day_text), WithJsonSchema({"type": "string", "format": "date"})]
"""A day that is validated and kept as text, for lists of objects that are stored as JSON."""
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day on a 24-hour clock, without a time zone, such as `07:30`."""
