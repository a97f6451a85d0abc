"""Drafts of the demo's records, and their days and times, which count from the day on which the demo is created."""

from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

HOME: Final = ZoneInfo("Europe/Amsterdam")
"""Where the demo's person lives."""
NamedDraft = tuple[str, str, dict[str, Any]]
"""The collection of a record, its name, and its draft, in which references are names."""


class Days:
    """Days and times that are given by the number of days from today."""

    def __init__(self, now: datetime) -> None:
        """Take the time that it is."""
        self._today = now.astimezone(HOME).date()

    def at(self, days: int, hour: int, minute: int = 0) -> str:
        """Return a time of day as an instant."""
        return datetime.combine(self._today + timedelta(days), time(hour, minute), HOME).isoformat()

    def on(self, days: int) -> str:
        """Return a day."""
        return (self._today + timedelta(days)).isoformat()


def _draft(collection: str, name: str, /, **draft: object) -> NamedDraft:
    return collection, name, draft


session, element, intention, reflection, action_item = (
    partial(_draft, each) for each in ("sessions", "elements", "intentions", "reflections", "action-items")
)
practice, practice_entry, check_in, assessment, outcome = (
    partial(_draft, each) for each in ("practices", "practice-entries", "check-ins", "assessments", "outcomes")
)
