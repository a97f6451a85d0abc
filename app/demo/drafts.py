"""Functions for the drafts of the demo's records, whose days are relative to the day on which the demo is created."""

from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

HOME: Final = ZoneInfo("Europe/Amsterdam")
"""The time zone in which the demo's person lives."""
NamedDraft = tuple[str, str, dict[str, Any]]
"""A draft with a name: its collection, its name in the demo, and its fields.

In a reference to another record, the name of this record replaces its id.
"""


class Days:
    """Converts numbers of days from today to dates and times. A negative number is in the past."""

    def __init__(self, now: datetime) -> None:
        """Set today, given the current time."""
        self._today = now.astimezone(HOME).date()

    def at(self, days: int, hour: int, minute: int = 0) -> str:
        """Return a time on the day that is `days` from today, as text in RFC 3339 format."""
        return datetime.combine(self._today + timedelta(days), time(hour, minute), HOME).isoformat()

    def on(self, days: int) -> str:
        """Return the date that is `days` from today, such as `2026-11-28`."""
        return (self._today + timedelta(days)).isoformat()


def _draft(collection: str, name: str, /, **draft: object) -> NamedDraft:
    return collection, name, draft


session, element, intention, reflection, action_item = (
    partial(_draft, each) for each in ("sessions", "elements", "intentions", "reflections", "action-items")
)
practice, practice_entry, check_in, assessment, outcome = (
    partial(_draft, each) for each in ("practices", "practice-entries", "check-ins", "assessments", "outcomes")
)
