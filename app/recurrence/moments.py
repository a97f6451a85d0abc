"""Days and times of day in a time zone."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def instant(day: date, at: time, zone: str) -> datetime:
    """Return the moment, in UTC, at which clocks in an IANA time zone show `at` on a day (RFC 5545, section 3.3.5).

    If clocks skip the time, the offset before the gap applies. If they show it twice, the first moment is returned.
    """
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def local_day(moment: datetime, zone: str) -> date:
    """Return the local day of a moment in an IANA time zone. The moment has a UTC offset."""
    return moment.astimezone(ZoneInfo(zone)).date()
