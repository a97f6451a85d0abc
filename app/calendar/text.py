"""The text of a calendar in iCalendar format (RFC 5545, RFC 7986), written with the library icalendar.

Events have no recurrence rules and no time zones, because calendar apps interpret these differently. The start of an
event is a day, or an instant in UTC. The lines that all events of a record share are formatted once per record, since
the library takes 140 µs to format an event.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from app.calendar.entries import Entry

PRODUCT: Final = "-//Afterglow//Calendar//EN"
NAME: Final = "Afterglow"
"""The name of the calendar in calendar apps. Without a name, some apps show the secret URL instead."""
REFRESH: Final = timedelta(hours=6)
"""The interval at which calendar apps should request the calendar again."""


def render(entries: Iterable[Entry], host: str) -> bytes:
    """Return the calendar as text in UTF-8. All ids of events end with `host`, so that they are globally unique."""
    from icalendar import Calendar  # noqa: PLC0415 - most workers never get a request for a calendar (decision 085)

    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("name", NAME)
    calendar.add("x-wr-calname", NAME)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    *beginning, end = [line.to_ical() for line in calendar.content_lines()[:-1]]  # the last line is empty
    events = [line for entry in entries for line in _events(entry, host)]
    return b"".join(b"%b\r\n" % line for line in [*beginning, *events, end])


def _events(entry: Entry, host: str) -> Iterator[bytes]:
    """Yield the lines of one event for each occurrence of an entry."""
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
