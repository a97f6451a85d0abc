"""The text of a calendar: iCalendar (RFC 5545, RFC 7986), by the library icalendar, which is loaded at the first calendar.

Every event stands alone: there are no rules of recurrence and no time zones, because calendar apps differ in how they read
them. A start is in UTC, or a day. What all events of a record share is formatted once, since the library takes 140 µs for
a whole event.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from app.calendar.entries import Entry

PRODUCT: Final = "-//Afterglow//Calendar//EN"
NAME: Final = "Afterglow"
"""What calendar apps call the calendar: some would otherwise show its URL, which is secret."""
REFRESH: Final = timedelta(hours=6)
"""How often calendar apps are asked to request the calendar again."""


def render(entries: Iterable[Entry], host: str) -> bytes:
    """Return the calendar as text in UTF-8. `host` makes the ids of events unique in the world."""
    from icalendar import Calendar  # noqa: PLC0415 - most workers never get a request for a calendar (decision 085)

    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("name", NAME)
    calendar.add("x-wr-calname", NAME)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    *beginning, end = [line.to_ical() for line in calendar.content_lines()[:-1]]  # the last one is empty
    events = [line for entry in entries for line in _events(entry, host)]
    return b"".join(b"%b\r\n" % line for line in [*beginning, *events, end])


def _events(entry: Entry, host: str) -> Iterator[bytes]:
    """Yield the lines of an event for each occurrence of an entry."""
    from icalendar import Event  # noqa: PLC0415 - see `render`
    from icalendar.parser import Contentline  # noqa: PLC0415 - see `render`

    is_all_day = any(each.start is None for each in entry.occurrences)
    shared = Event()
    shared.add("summary", entry.summary)
    shared.add("dtstamp", entry.updated_at)
    if entry.minutes is not None:
        shared.add("duration", timedelta(minutes=entry.minutes))
    if is_all_day:
        shared.add("transp", "TRANSPARENT")
    beginning, *common = [line.to_ical() for line in shared.content_lines()[:-1]]
    for day, start in entry.occurrences:
        starts = f"DTSTART;VALUE=DATE:{day:%Y%m%d}" if start is None else f"DTSTART:{start:%Y%m%dT%H%M%SZ}"
        yield beginning
        yield Contentline(f"UID:{entry.id}-{day}@{host}").to_ical()
        yield starts.encode()
        yield from common
