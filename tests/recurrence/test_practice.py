"""The days and weeks of random practices, compared with an independent reading day by day."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.recurrence import (
    EntryOutcome,
    Practice,
    Span,
    WeekStart,
    best_outcomes,
    day_states,
    due_days,
    parse_rule,
    read_practice,
    week_of,
    weeks,
    weeks_kept,
)
from tests.recurrence import oracle
from tests.recurrence.random_practices import entries, practices

Json = dict[str, Any]
TODAY = date(2026, 11, 25)
FIRST, LAST = TODAY - timedelta(days=120), TODAY + timedelta(days=40)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
THOROUGH = settings(max_examples=200, deadline=None, database=None, derandomize=True)


@THOROUGH
@given(practice=practices(TODAY))
def test_due_days_are_those_of_the_rule_in_force_without_pauses(practice: Json) -> None:
    expected = [day for day in DAYS if oracle.is_named(practice, day, LAST) and not oracle.is_paused(practice, day)]
    assert due_days(read_practice(practice), FIRST, LAST) == expected


@THOROUGH
@given(practice=practices(TODAY), logged=entries(TODAY))
def test_states_of_days(practice: Json, logged: list[tuple[date, str]]) -> None:
    states = day_states(read_practice(practice), best_outcomes(logged), FIRST, LAST, TODAY)
    assert states == {day: oracle.state(practice, logged, day, TODAY, LAST) for day in DAYS}


@THOROUGH
@given(practice=practices(TODAY), logged=entries(TODAY), ago=st.integers(0, 10))
def test_weeks_and_runs(practice: Json, logged: list[tuple[date, str]], ago: int) -> None:
    today = TODAY - timedelta(days=ago)
    found = weeks(read_practice(practice), best_outcomes(logged), FIRST, LAST, today)
    starts = sorted({oracle.week_of(practice, day) for day in DAYS})
    last = starts[-1] + timedelta(days=6)
    expected = [oracle.week(practice, logged, start, today, last) for start in starts]
    assert [week._asdict() for week in found] == expected
    states = [week["state"] for week in expected if week["starts_on"] <= today]
    assert weeks_kept(read_practice(practice), best_outcomes(logged), today) == oracle.runs(states)


@given(logged=entries(TODAY))
def test_the_order_of_entries_does_not_matter(logged: list[tuple[date, str]]) -> None:
    assert best_outcomes(logged) == best_outcomes(reversed(logged)) == best_outcomes(logged * 2)


@pytest.mark.parametrize(("week_start", "starts_on"), [("MO", 23), ("SA", 21), ("SU", 22)])
def test_a_week_begins_on_the_chosen_day(week_start: str, starts_on: int) -> None:
    for day in range(starts_on, starts_on + 7):
        assert week_of(date(2026, 11, day), WeekStart(week_start)) == date(2026, 11, starts_on)


def test_runs_look_at_this_week_and_260_before() -> None:
    practice = Practice((Span(date(2015, 1, 5), parse_rule("FREQ=WEEKLY;BYDAY=MO")),))
    logged = {date(2015, 1, 5) + timedelta(weeks=n): EntryOutcome.DONE for n in range(650)}
    assert weeks_kept(practice, logged, date(2026, 11, 25)) == (261, 261, False)
