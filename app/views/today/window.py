"""The window: the time since the latest dosing session, and the phase after this session.

A window contains only times and the name of a phase. It makes no claim about what happens in the brain.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from app.clock import local_day

FRESH: Final = timedelta(hours=72)
FORTNIGHT: Final = timedelta(days=14)
_HOUR: Final = timedelta(hours=1)


class WindowPhase(StrEnum):
    """A phase after a dosing session: the first 72 hours, then the time up to 14 days, then all later times."""

    FRESH = "fresh"
    FORTNIGHT = "fortnight"
    MONTHS = "months"


class Window(NamedTuple):
    """The time since a dosing session, in whole hours and in calendar days, and the phase after the session."""

    session_id: UUID
    ended_at: datetime
    hours_since: int
    days_since: int
    phase: WindowPhase
    phase_until: datetime | None
    """When the phase ends; None for the last phase, which does not end."""


def window_since(session_id: UUID, ended_at: datetime, as_of: datetime, timezone: str) -> Window:
    """Return the window of a session that ended at or before `as_of`. `days_since` counts days in the time zone."""
    phase, until = phase_after(ended_at, as_of)
    days = local_day(as_of, timezone) - local_day(ended_at, timezone)
    return Window(session_id, ended_at, (as_of - ended_at) // _HOUR, days.days, phase, until)


def phase_after(ended_at: datetime, as_of: datetime) -> tuple[WindowPhase, datetime | None]:
    """Return the phase at `as_of` after a session, and when this phase ends; None if it does not end."""
    if as_of - ended_at < FRESH:
        return WindowPhase.FRESH, ended_at + FRESH
    if as_of - ended_at < FORTNIGHT:
        return WindowPhase.FORTNIGHT, ended_at + FORTNIGHT
    return WindowPhase.MONTHS, None
