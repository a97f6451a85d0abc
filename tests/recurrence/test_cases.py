"""The cases with known values: due days, weeks, runs of weeks, states of days, moments and rules."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

import pytest

from app.recurrence import (
    EntryOutcome,
    UnsupportedRuleError,
    best_outcomes,
    day_states,
    due_days,
    instant,
    local_day,
    parse_rule,
    read_practice,
    weeks,
    weeks_kept,
)

Json = dict[str, Any]
CASES: Final = json.loads(Path(__file__).with_name("practices.json").read_text("utf-8"))["cases"]
day_of = date.fromisoformat


def cases(asks: str) -> pytest.MarkDecorator:
    """Parametrize a test with the cases that ask for something: what is given, and what is expected."""
    chosen = [pytest.param(case["given"], case["expect"], id=case["id"]) for case in CASES if case["asks"] == asks]
    return pytest.mark.parametrize(("given", "expected"), chosen)


def outcomes_of(given: Json) -> dict[date, EntryOutcome]:
    return best_outcomes((day_of(entry["day"]), entry["outcome"]) for entry in given["entries"])


@cases("occurrences")
def test_the_due_days_of_a_window(given: Json, expected: list[str]) -> None:
    days = due_days(read_practice(given["practice"]), day_of(given["from"]), day_of(given["to"]))
    assert [day.isoformat() for day in days] == expected


@cases("weeks")
def test_weeks(given: Json, expected: list[Json]) -> None:
    practice, today = read_practice(given["practice"]), day_of(given["today"])
    found = [
        week for day in map(day_of, given["weeks"]) for week in weeks(practice, outcomes_of(given), day, day, today)
    ]
    assert [week._asdict() | {"starts_on": week.starts_on.isoformat()} for week in found] == expected


@cases("weeks_kept")
def test_runs_of_kept_weeks(given: Json, expected: Json) -> None:
    kept = weeks_kept(read_practice(given["practice"]), outcomes_of(given), day_of(given["today"]))
    assert kept._asdict() == expected


@cases("day_states")
def test_the_states_of_days(given: Json, expected: dict[str, str]) -> None:
    days = [day_of(day) for day in given["days"]]
    practice, today = read_practice(given["practice"]), day_of(given["today"])
    states = day_states(practice, outcomes_of(given), min(days), max(days), today)
    assert {day.isoformat(): states[day] for day in days} == expected


@cases("instant")
def test_the_moment_of_a_time_of_day(given: Json, expected: str) -> None:
    moment = instant(day_of(given["day"]), time.fromisoformat(given["at"]), given["timezone"])
    assert moment.tzinfo is UTC
    assert f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" == expected


@cases("today")
def test_the_local_day_of_a_moment(given: Json, expected: str) -> None:
    assert local_day(datetime.fromisoformat(given["now"]), given["timezone"]).isoformat() == expected


@cases("rule")
def test_whether_a_rule_is_supported(given: Json, expected: int) -> None:
    if expected == 201:
        assert parse_rule(given["rule"]).frequency in given["rule"]
    else:
        with pytest.raises(UnsupportedRuleError):
            parse_rule(given["rule"])


def test_every_case_is_run() -> None:
    asked = {"occurrences", "weeks", "weeks_kept", "day_states", "instant", "today", "rule"}
    assert {case["asks"] for case in CASES} == asked
