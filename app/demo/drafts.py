"""Drafts of the demo's records. Their days and times are relative to the day on which the demo is created."""

from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

HOME: Final = ZoneInfo("Europe/Amsterdam")
"""The time zone in which the demo's person lives."""
NamedDraft = tuple[str, str, dict[str, Any]]
"""The collection of a record, its name, and its draft, in which references are names."""


class Days:
    """Converts numbers of days from today to days and times. Negative numbers are in the past."""

    def __init__(self, now: datetime) -> None:
        """Take the current time."""
        self._today = now.astimezone(HOME).date()

    def at(self, days: int, hour: int, minute: int = 0) -> str:
        """Return a time of the day that is `days` from today, as text in RFC 3339 format."""
        return datetime.combine(self._today + timedelta(days), time(hour, minute), HOME).isoformat()

    def on(self, days: int) -> str:
        """Return the day that is `days` from today, as text."""
        return (self._today + timedelta(days)).isoformat()


def _draft(collection: str, name: str, /, **draft: object) -> NamedDraft:
    return collection, name, draft


session, element, intention, reflection, action_item = (
    partial(_draft, each) for each in ("sessions", "elements", "intentions", "reflections", "action-items")
)
practice, practice_entry, check_in, assessment, outcome = (
    partial(_draft, each) for each in ("practices", "practice-entries", "check-ins", "assessments", "outcomes")
)
