"""The window after a dosing session."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.views.today.window import WindowPhase, window_since

ENDED = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("since", "phase", "until"),
    [
        (timedelta(), WindowPhase.FRESH, 72 * HOUR),
        (72 * HOUR - TICK, WindowPhase.FRESH, 72 * HOUR),
        (72 * HOUR, WindowPhase.FORTNIGHT, 14 * 24 * HOUR),
        (14 * 24 * HOUR - TICK, WindowPhase.FORTNIGHT, 14 * 24 * HOUR),
        (14 * 24 * HOUR, WindowPhase.MONTHS, None),
    ],
    ids=["at-once", "before-72-hours", "72-hours", "before-14-days", "14-days"],
)
def test_the_phase_follows_from_the_time_since_the_session(
    since: timedelta, phase: WindowPhase, until: timedelta | None
) -> None:
    found = window_since(UUID(int=1), ENDED, ENDED + since, "UTC")
    assert (found.phase, found.phase_until) == (phase, None if until is None else ENDED + until)
    assert found.hours_since == since // HOUR


@pytest.mark.parametrize(("zone", "days"), [("Europe/London", 1), ("Europe/Berlin", 1), ("Asia/Tokyo", 0)])
def test_days_are_those_of_the_calendar_in_the_time_zone(zone: str, days: int) -> None:
    assert window_since(UUID(int=1), ENDED, ENDED + 3 * HOUR, zone).days_since == days
