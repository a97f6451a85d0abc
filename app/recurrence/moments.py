"""Converts between moments and the days and times of day in a time zone."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def instant(day: date, at: time, zone: str) -> datetime:
    """Return the moment, in UTC, at which clocks in an IANA time zone show the time `at` on a day.

    If clocks skip the time on this day, the UTC offset before the change of the clocks applies. If clocks show the time
    twice, the first moment is returned (RFC 5545, section 3.3.5).
    """
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def local_day(moment: datetime, zone: str) -> date:
    """Return the day of a moment in an IANA time zone. The moment must have a UTC offset."""
    return moment.astimezone(ZoneInfo(zone)).date()
