"""Date parameters of searches: `parse` returns the interval that a value such as `ge2026-11-20` selects."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

_date: Final = re.compile(
    r"(eq|ge|gt|le|lt)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
).fullmatch
EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Interval(NamedTuple):
    """An interval of time. `start` is included, `end` is not."""

    start: datetime
    end: datetime

    def within(self, other: "Interval") -> "Interval":
        """Return the intersection of this interval and `other`."""
        return Interval(max(self.start, other.start), min(self.end, other.end))


ALWAYS: Final = Interval(EARLIEST, LATEST)


def parse(text: str) -> Interval:
    """Return the interval that the value of a date parameter selects. A time without an offset is in UTC.

    Raise `ValueError` if the value is not valid.
    """
    found = _date(text)
    if found is None:
        raise ValueError
    prefix, year, month, day, hour, minute, second, fraction, offset = found.groups()
    date = f"{year}-{month or '01'}-{day or '01'}"
    micros = ((fraction or ".0")[1:] + "000000")[:6]
    zone = offset if offset and offset != "Z" else "+00:00"
    given = datetime.fromisoformat(f"{date}T{hour or '00'}:{minute or '00'}:{second or '00'}.{micros}{zone}")
    try:
        start = given.astimezone(UTC)
    except OverflowError:  # in UTC, it is before the year 1 or after the year 9999
        raise ValueError from None
    try:
        end = start + _length(start, fraction, month, day, hour, second)
    except (ValueError, OverflowError):
        end = LATEST
    return {
        "ge": Interval(start, LATEST),
        "gt": Interval(end, LATEST),
        "le": Interval(EARLIEST, end),
        "lt": Interval(EARLIEST, start),
    }.get(prefix or "eq", Interval(start, end))


def _length(start: datetime, fraction: str | None, *given: str | None) -> timedelta:
    """Return the length of the period that a date value names: a year, month, day, minute, second or part of a second.

    The period begins at `start`. `given` are the month, day, hour and second in the value, each None if it is absent.
    """
    month, day, hour, second = given
    if month is None:
        return start.replace(year=start.year + 1) - start
    if day is None:
        return (start + timedelta(days=31)).replace(day=1) - start
    if hour is None:
        return timedelta(days=1)
    if second is None:
        return timedelta(minutes=1)
    return timedelta(seconds=1) if fraction is None else _MICROSECOND * 10 ** (7 - len(fraction))
