"""The entries of a calendar, computed from database rows by pure functions. An entry is a record with its days."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Final, NamedTuple
from uuid import UUID

from app.calendar.sources import days_around
from app.clock import instant_at, local_day
from app.db import Row
from app.recurrence import due_days, read_practice

MAX_EVENTS: Final = 3_000
"""The maximum number of events in a calendar. With titles of 200 characters, this many events take 3 MB."""
DEFAULT_MINUTES: Final = 15
"""The duration of an event for a practice that has a time of day, but no duration."""
PRACTICE, APPOINTMENT, TO_DO = "Practice", "Appointment", "To do"
"""The names of events in a calendar that does not show the titles of records."""
_CONTROLS: Final = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])


class Occurrence(NamedTuple):
    """A day on which a record is in the calendar. `start` is when the event starts, or None for an all-day event."""

    day: date
    start: datetime | None


class Entry(NamedTuple):
    """A record in the calendar, with its occurrences.

    Each occurrence lasts `minutes`; if this is None, the end is not known, or the event is an all-day event.
    """

    id: UUID
    updated_at: datetime
    summary: str
    minutes: int | None
    occurrences: Sequence[Occurrence]


def entries_of(rows: Mapping[str, Sequence[Row]], today: date, timezone: str, *, titles: bool) -> list[Entry]:
    """Return the entries of a calendar, ordered by the id of the record. `rows` is the result of `sources.fetch`.

    A calendar has at most `MAX_EVENTS` occurrences. If there are more, the days farthest from today are left out.
    """
    entries = [
        *(_practice(row, today, timezone, titles=titles) for row in rows["practices"]),
        *(_session(row, timezone, titles=titles) for row in rows["sessions"]),
        *(_action_item(row, titles=titles) for row in rows["action_items"]),
    ]
    return sorted(_within_limit(entries, today), key=lambda entry: entry.id)


def _practice(row: Row, today: date, timezone: str, *, titles: bool) -> Entry:
    at = None if row["at"] is None else time.fromisoformat(row["at"])
    occurrences = [
        Occurrence(day, None if at is None else instant_at(day, at, timezone))
        for day in due_days(read_practice(row), *days_around(today))
    ]
    minutes = None if at is None else row["minutes"] or DEFAULT_MINUTES
    return Entry(row["id"], row["updated_at"], _summary(row, PRACTICE, titles=titles), minutes, occurrences)


def _session(row: Row, timezone: str, *, titles: bool) -> Entry:
    start = row["scheduled_at"]
    occurrence = Occurrence(local_day(start, timezone), start)
    return Entry(row["id"], row["updated_at"], _summary(row, APPOINTMENT, titles=titles), None, [occurrence])


def _action_item(row: Row, *, titles: bool) -> Entry:
    return Entry(
        row["id"], row["updated_at"], _summary(row, TO_DO, titles=titles), None, [Occurrence(row["due_on"], None)]
    )


def _summary(row: Row, general: str, *, titles: bool) -> str:
    """Return the name of an event: the record's title on one line, without control characters.

    Return `general` if the calendar does not show titles, or if the record has none.
    """
    title = row["title"] if titles else None
    return " ".join((title or "").split()).translate(_CONTROLS) or general


def _within_limit(entries: Iterable[Entry], today: date) -> Iterator[Entry]:
    entries = [*entries]
    each_day = Counter(occurrence.day for entry in entries for occurrence in entry.occurrences)
    kept, count = set[date](), 0
    for day in sorted(each_day, key=lambda day: (abs(day - today), day)):
        count += each_day[day]
        if count > MAX_EVENTS:
            break
        kept.add(day)
    for entry in entries:
        yield entry._replace(occurrences=[each for each in entry.occurrences if each.day in kept])
