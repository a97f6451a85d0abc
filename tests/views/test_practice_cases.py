"""The cases with known values, through the API: weeks, runs of weeks, days, times and rules of practices."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Person
from tests.views.views import get

Json = dict[str, Any]
CASES = json.loads((Path(__file__).parents[1] / "recurrence/practices.json").read_text("utf-8"))["cases"]
MAX_DAYS = 92
DAY = timedelta(days=1)


def cases(asks: str) -> pytest.MarkDecorator:
    """Parametrize a test with the cases that ask for something: what is given, and what is expected."""
    chosen = [pytest.param(each["given"], each["expect"], id=each["id"]) for each in CASES if each["asks"] == asks]
    return pytest.mark.parametrize(("given", "expected"), chosen)


def practised(person: Person, given: Json, **fields: object) -> str:
    """Create the practice and the entries of a case; return the practice's id."""
    draft = {"title": "wisteria", **given["practice"], **fields}
    practice = person.client.post("/v1/practices", json=draft)
    assert practice.status_code == 201, practice.text
    id: str = practice.json()["id"]
    for entry in given.get("entries", ()):
        created = person.client.post("/v1/practice-entries", json={"practice_id": id, **entry})
        assert created.status_code == 201, created.text
    return id


def progress(person: Person, today: str, **range_: object) -> Json:
    """Return the one practice in progress, as of noon of a day."""
    (practice,) = get(person, "/v1/progress", as_of=f"{today}T12:00:00Z", timezone="UTC", **range_)["practices"]
    found: Json = practice
    return found


def spans(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield ranges that are short enough for each day to be listed."""
    while first <= last:
        until = min(last, first + (MAX_DAYS - 1) * DAY)
        yield first, until
        first = until + DAY


@cases("weeks")
def test_weeks(alice: Person, given: Json, expected: list[Json]) -> None:
    practised(alice, given)
    last = date.fromisoformat(given["weeks"][-1]) + 6 * DAY
    assert progress(alice, given["today"], from_=given["weeks"][0], to=last)["weeks"] == expected


@cases("weeks_kept")
def test_runs_of_weeks(alice: Person, given: Json, expected: Json) -> None:
    practised(alice, given)
    assert progress(alice, given["today"])["weeks_kept"] == expected


@cases("day_states")
def test_states_of_days(alice: Person, given: Json, expected: dict[str, str]) -> None:
    id = practised(alice, given)
    days = progress(alice, given["today"], from_=min(expected), to=max(expected))["days"]
    states = {each["day"]: each["state"] for each in days}
    assert {day: states[day] for day in expected} == expected

    today = get(alice, "/v1/today", as_of=f"{given['today']}T12:00:00Z", timezone="UTC", days=14)
    listed = {each["day"]: {one["practice_id"]: one["state"] for one in each["practices"]} for each in today["ahead"]}
    listed[today["day"]] = {each["practice_id"]: each["state"] for each in today["practices"]}
    for day in listed.keys() & expected:
        assert listed[day] == ({id: expected[day]} if expected[day] not in {"paused", "none"} else {})


@cases("occurrences")
def test_due_days(alice: Person, given: Json, expected: list[str]) -> None:
    practised(alice, given)
    due = []
    for first, last in spans(date.fromisoformat(given["from"]), date.fromisoformat(given["to"])):
        found = get(alice, "/v1/progress", as_of=f"{first - DAY}T12:00:00Z", timezone="UTC", from_=first, to=last)
        due += [each["day"] for one in found["practices"] for each in one["days"] if each["state"] == "ahead"]
    assert due == expected


@cases("instant")
def test_the_instant_of_a_time_of_day(alice: Person, given: Json, expected: str) -> None:
    span = {"from_on": given["day"], "rule": "FREQ=DAILY", "times_per_week": None}
    practised(alice, {"practice": {"schedule": [span]}}, at=given["at"])
    as_of = f"{given['day']}T12:00:00Z"
    (practice,) = get(alice, "/v1/today", as_of=as_of, timezone=given["timezone"])["practices"]
    assert (practice["at"], practice["instant"]) == (given["at"], expected)


@cases("today")
def test_the_local_day(alice: Person, given: Json, expected: str) -> None:
    assert get(alice, "/v1/today", as_of=given["now"], timezone=given["timezone"])["day"] == expected
