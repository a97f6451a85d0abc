"""Days and times of day in a time zone."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def instant(day: date, at: time, zone: str) -> datetime:
    """Return the moment, in UTC, at which clocks in an IANA time zone show `at` on a day (RFC 5545, section 3.3.5).

    A time that clocks skip is read with the offset before the gap. Of a time that they show twice, it is the first.
    """
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def local_day(moment: datetime, zone: str) -> date:
    """Return the day that it is in an IANA time zone at a moment with an offset."""
    return moment.astimezone(ZoneInfo(zone)).date()
