"""Time as the product speaks it: instants with an offset in, UTC with microseconds out.

Instants follow RFC 3339, section 5.6, with `T`, at most six digits of a second and no leap second; days are
`YYYY-MM-DD`; time zones are IANA names. Years run from 1900 to 2200 in UTC. A time without an offset is refused,
since nobody could say later which moment was meant.
"""

import re
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Annotated, Final

import orjson
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
_instant = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
).fullmatch
_day = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


def format_instant(moment: datetime) -> str:
    """Spell an instant as every answer does: `2026-11-22T10:00:00.000000Z`."""
    moment = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    if moment.microsecond:
        return orjson.dumps(moment, option=orjson.OPT_UTC_Z)[1:-1].decode()  # a third of isoformat's time
    return f"{moment.isoformat()[:-6]}.000000Z"


@cache
def timezones() -> frozenset[str]:
    """Return the names of the IANA time zone database, the same on every machine."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def _read_instant(value: object) -> datetime:
    if isinstance(value, str) and _instant(value):
        try:
            moment = datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            moment = None
        if moment is not None and FIRST_YEAR <= moment.year <= LAST_YEAR:
            return moment
    message = "Give a time as RFC 3339 has it, with an offset: 2026-11-22T10:00:00Z, years 1900 to 2200."
    raise PydanticCustomError("time", message)


def _read_day(value: object) -> date:
    if isinstance(value, str) and _day(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
    message = "Give a date as YYYY-MM-DD, years 1900 to 2200."
    raise PydanticCustomError("date", message)


def _read_timezone(value: object) -> str:
    if isinstance(value, str) and value in timezones():
        return value
    message = "Give the name of an IANA time zone, such as Europe/Berlin."
    raise PydanticCustomError("timezone", message)


Instant = Annotated[datetime, PlainValidator(_read_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[date, PlainValidator(_read_day), WithJsonSchema({"type": "string", "format": "date"})]
Timezone = Annotated[
    str, PlainValidator(_read_timezone), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64})
]
