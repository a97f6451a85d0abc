"""The entries of a calendar, and how many events it has at most."""

from datetime import UTC, date, datetime, timedelta

from app.calendar.entries import MAX_EVENTS, entries_of
from app.calendar.text import render
from app.db import Row
from app.ids import new_id

TODAY = date(2026, 11, 28)
DAYS = 121
MAX_BYTES = 4 * 2**20


def practice(title: str = "wisteria") -> Row:
    """Return the row of a practice that is due every day."""
    return {
        "id": new_id(),
        "updated_at": datetime(2026, 11, 28, 12, tzinfo=UTC),
        "title": title,
        "at": "07:30",
        "minutes": 1,
        "schedule": [{"from_on": "2026-01-01", "rule": "FREQ=DAILY", "times_per_week": None}],
        "pauses": [],
        "week_start": "MO",
        "ends_on": None,
    }


def test_of_too_many_events_those_of_the_days_farthest_from_today_are_left_out() -> None:
    rows = {"practices": [practice() for _ in range(40)], "sessions": [], "action_items": []}
    entries = entries_of(rows, TODAY, "UTC", titles=False)
    days = {each.day for entry in entries for each in entry.occurrences}
    assert sum(len(entry.occurrences) for entry in entries) == MAX_EVENTS == 40 * len(days)
    assert (min(days), max(days)) == (TODAY - timedelta(days=30), TODAY + timedelta(days=44))
    assert {len(entry.occurrences) for entry in entries} == {len(days)}


def test_as_many_events_as_allowed_are_all_kept() -> None:
    rows = {"practices": [practice() for _ in range(MAX_EVENTS // DAYS)], "sessions": [], "action_items": []}
    entries = entries_of(rows, TODAY, "UTC", titles=False)
    assert {len(entry.occurrences) for entry in entries} == {DAYS}


def test_the_largest_calendar_is_smaller_than_a_response_may_be() -> None:
    rows = {"practices": [practice("\U0001f33f" * 200) for _ in range(30)], "sessions": [], "action_items": []}
    entries = entries_of(rows, TODAY, "UTC", titles=True)
    assert 2**21 < len(render(entries, "afterglow.example.com")) < MAX_BYTES
