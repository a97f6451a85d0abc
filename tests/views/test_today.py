"""Today: what is due, the window after a dosing session, follow-ups, prompts, and help."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.clock import format_instant
from app.library import Library
from tests.drafts import Json, etag
from tests.refusals import faults
from tests.serving import Person
from tests.views.views import NOON, create, element, get, log

PATH = "/v1/today"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = [{"from_on": "2026-11-02", "rule": "FREQ=DAILY", "times_per_week": None}]
PHQ_9 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
FLAGGED = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]
STARTED = [1, None, None, None, None, None, None, None, None, None]


def today(person: Person, moment: datetime = NOW, **query: object) -> Json:
    """Return the view at a moment, in UTC."""
    return get(person, PATH, **({"as_of": format_instant(moment), "timezone": "UTC"} | query))


def dosing(person: Person, since: timedelta, **changes: object) -> Json:
    """Create a dosing session that ended some time before `NOW`."""
    ended = NOW - since
    times = {"started_at": format_instant(ended - HOUR), "ended_at": format_instant(ended)}
    return create(person, "sessions", **(times | changes))


def planned(person: Person, ahead: timedelta, kind: str = "dosing") -> Json:
    """Create a session that is planned for some time after `NOW`."""
    draft = {"kind": kind, "status": "planned", "scheduled_at": format_instant(NOW + ahead)}
    response = person.client.post("/v1/sessions", json=draft)
    assert response.status_code == 201, response.text
    found: Json = response.json()
    return found


def practice(person: Person, **changes: object) -> Json:
    response = person.client.post("/v1/practices", json={"title": "wisteria", "schedule": DAILY, **changes})
    assert response.status_code == 201, response.text
    found: Json = response.json()
    return found


def assessment(person: Person, answers: Sequence[int | None], since: timedelta, **changes: object) -> Json:
    draft = {"instrument": "phq-9", "answers": answers, "taken_at": format_instant(NOW - since), **changes}
    response = person.client.post("/v1/assessments", json=draft)
    assert response.status_code == 201, response.text
    found: Json = response.json()
    return found


def test_an_account_without_records_has_an_empty_day(alice: Person) -> None:
    found = today(alice)
    prompts = found.pop("prompts")
    assert found == {
        "day": "2026-11-28",
        "timezone": "UTC",
        "as_of": "2026-11-28T12:00:00.000000Z",
        "window": None,
        "next_session": None,
        "practices": [],
        "action_items": [],
        "follow_ups": [],
        "inbox": {
            "elements_without_meaning": 0,
            "meanings_without_change": 0,
            "session_intentions_left": 0,
            "proposals": 0,
        },
        "help": {"show": False, "href": "/v1/help"},
        "ahead": [],
    }
    assert [each["id"][:4] for each in prompts] == ["any-"]


def test_the_moment_is_now_and_the_zone_is_the_accounts_by_default(alice: Person) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    found = get(alice, PATH)
    assert before <= datetime.fromisoformat(found["as_of"]) <= datetime.now(UTC)
    assert found["timezone"] == alice.client.get("/v1/me").json()["timezone"]


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"days": "15"}, {"/days": "limit"}),
        ({"days": "-1"}, {"/days": "limit"}),
        ({"days": "1.0"}, {"/days": "limit"}),
        ({"days": "9" * 5_000}, {"/days": "limit"}),
        ({"days": ""}, {"/days": "limit"}),
        ({"timezone": "Mars/Olympus"}, {"/timezone": "timezone"}),
        ({"timezone": "../../etc/passwd"}, {"/timezone": "timezone"}),
        ({"as_of": "2026-11-28T12:00:00"}, {"/as_of": "time"}),
        ({"as_of": "9999-12-31T23:59:59Z"}, {"/as_of": "time"}),
        ({"from": "2026-11-28"}, {"/from": "unknown-parameter"}),
    ],
    ids=lambda value: f"{next(iter(value))}-{next(iter(value.values()))}"[:24],
)
def test_a_parameter_that_is_not_valid_is_refused(alice: Person, query: dict[str, str], fault: dict[str, str]) -> None:
    assert faults(alice.client.get(PATH, params=query)) == fault


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue", "America/St_Johns"])
@pytest.mark.parametrize("moment", ["1900-01-01T00:00:00Z", "2200-12-31T23:59:59.999999Z"], ids=["first", "last"])
def test_the_first_and_the_last_moment_have_a_day(alice: Person, moment: str, zone: str) -> None:
    practice(alice, at="23:59")
    assert len(get(alice, PATH, as_of=moment, timezone=zone, days=14)["ahead"]) == 14


def test_the_window_is_of_the_latest_dosing_session_that_took_place(alice: Person) -> None:
    assert today(alice)["window"] is None
    dosing(alice, 20 * DAY)
    latest = dosing(alice, 50 * HOUR)
    dosing(alice, 10 * HOUR, kind="integration", medicine=None, route=None, dose_value=None, dose_unit=None)
    planned(alice, -5 * HOUR)
    dosing(alice, -2 * HOUR)  # later than the moment
    ended = NOW - 50 * HOUR
    assert today(alice)["window"] == {
        "session_id": latest["id"],
        "ended_at": format_instant(ended),
        "hours_since": 50,
        "days_since": 2,
        "phase": "fresh",
        "phase_until": format_instant(ended + 72 * HOUR),
    }
    assert today(alice, NOW + 22 * HOUR)["window"]["phase"] == "fresh"  # of the session that ended two hours after NOW
    assert today(alice, NOW - 51 * HOUR)["window"]["phase"] == "months"


def test_a_session_without_an_end_counts_from_its_start(alice: Person) -> None:
    dosing(alice, 0 * HOUR, ended_at=None, status="stopped", status_reason="wisteria")
    assert today(alice)["window"]["hours_since"] == 1


def test_the_next_session_is_the_first_that_is_planned_of_any_kind(alice: Person) -> None:
    planned(alice, 9 * DAY)
    planned(alice, -1 * HOUR)
    first = planned(alice, 2 * DAY, "integration")
    assert today(alice)["next_session"] == {"session_id": first["id"], "scheduled_at": first["scheduled_at"]}
    assert today(alice, NOW + 10 * DAY)["next_session"] is None


def test_practices_are_listed_by_time_with_their_week(alice: Person) -> None:
    late, early, untimed = practice(alice, at="21:00"), practice(alice, at="06:30", minutes=10), practice(alice)
    practice(alice, ends_on="2026-11-27")
    practice(alice, pauses=[{"from_on": "2026-11-20", "until_on": None}])
    for day, outcome in (("2026-11-24", "done"), ("2026-11-26", "partly"), ("2026-11-28", "skipped")):
        log(alice, early["id"], day, outcome)
    found = today(alice)["practices"]
    assert [each["practice_id"] for each in found] == [early["id"], late["id"], untimed["id"]]
    assert found[0] == {
        "practice_id": early["id"],
        "title": "wisteria",
        "at": "06:30",
        "instant": "2026-11-28T06:30:00.000000Z",
        "minutes": 10,
        "state": "skipped",
        "week": {"expected": 6, "done": 1, "partly": 1, "state": "open"},
    }
    assert [each["state"] for each in found] == ["skipped", "open", "open"]
    assert found[2]["instant"] is None


def test_an_entry_lists_a_practice_that_is_not_due(alice: Person) -> None:
    ended = practice(alice, ends_on="2026-11-03")
    log(alice, ended["id"], "2026-11-28", "done")
    assert [each["state"] for each in today(alice)["practices"]] == ["done"]


def test_the_days_ahead_have_what_to_schedule(alice: Person) -> None:
    span = {"from_on": "2026-11-02", "rule": "FREQ=WEEKLY;BYDAY=MO,TU", "times_per_week": None}
    id = practice(alice, at="07:15", schedule=[span])["id"]
    log(alice, id, "2026-12-01", "done")
    found = today(alice, days=4, timezone="Europe/Berlin")["ahead"]
    assert [each["day"] for each in found] == ["2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02"]
    assert [each["practices"] for each in found] == [
        [],
        [{"practice_id": id, "at": "07:15", "instant": "2026-11-30T06:15:00.000000Z", "state": "ahead"}],
        [{"practice_id": id, "at": "07:15", "instant": "2026-12-01T06:15:00.000000Z", "state": "done"}],
        [],
    ]


def test_action_items_are_listed_from_their_day_until_they_are_decided(alice: Person) -> None:
    due = create(alice, "action-items", due_on="2026-11-28", title="wisteria")
    late = create(alice, "action-items", due_on="2026-11-20", status="in-progress")
    create(alice, "action-items", due_on="2026-11-29")
    create(alice, "action-items", due_on=None)
    create(alice, "action-items", due_on="2026-11-20", status="requested")
    done = create(alice, "action-items", due_on="2026-11-20")
    alice.client.patch(f"/v1/action-items/{done['id']}", json={"status": "completed"}, headers=etag(done))
    assert [(each["action_item_id"], each["status"], each["days_late"]) for each in today(alice)["action_items"]] == [
        (late["id"], "in-progress", 8),
        (due["id"], "accepted", 0),
    ]


def test_follow_ups_are_done_by_records_of_their_days(alice: Person) -> None:
    session = dosing(alice, 14 * DAY)
    create(alice, "check-ins", taken_at=format_instant(NOW - 1 * DAY))
    create(alice, "reflections", occurred_at=format_instant(NOW - 1 * HOUR))
    assessment(alice, PHQ_9, HOUR)
    assessment(alice, STARTED, HOUR, status="in-progress")
    found = today(alice)["follow_ups"]
    assert {each["session_id"] for each in found} == {session["id"]}
    assert [(each["kind"], each["instrument"], each["opens_on"], each["done"]) for each in found] == [
        ("check-in", None, "2026-11-28", False),
        ("reflection", None, "2026-11-28", True),
        ("assessment", "phq-9", "2026-11-28", True),
        ("assessment", "gad-7", "2026-11-28", False),
    ]
    assert [each["opens_on"] for each in today(alice, NOW - 2 * DAY, days=14)["follow_ups"]] == [
        "2026-11-17",
        "2026-11-21",
        *(["2026-11-28"] * 4),
    ]


@pytest.mark.parametrize(
    ("since", "ahead", "phase"),
    [
        (None, None, "any"),
        (None, 71 * HOUR, "prep"),
        (None, 73 * HOUR, "any"),
        (HOUR, None, "fresh"),
        (HOUR, 71 * HOUR, "prep"),
        (72 * HOUR, None, "fortnight"),
        (14 * DAY, 73 * HOUR, "months"),
    ],
    ids=lambda value: str(value).replace(" ", "-"),
)
def test_prompts_are_for_the_time_before_or_after_a_session(
    alice: Person, since: timedelta | None, ahead: timedelta | None, phase: str
) -> None:
    if since is not None:
        dosing(alice, since)
    if ahead is not None:
        planned(alice, ahead)
        planned(alice, HOUR, "integration")
    found = {each["id"]: each["text"] for each in today(alice)["prompts"]}
    assert found
    of_phase = {each.id: each.text for each in Library().prompts("en").prompts if each.phase.startswith(phase)}
    assert found.items() <= of_phase.items()


def test_prompts_are_about_the_oldest_open_element_and_the_least_touched_domain(alice: Person) -> None:
    session = dosing(alice, HOUR)
    element(alice, session, kind="memory", meaning="wisteria")
    element(alice, session, kind="memory", status="set-aside")
    oldest = element(alice, session, kind="emotion")
    element(alice, session, kind="memory")
    create(alice, "reflections", domains=["mind", "spirit"], occurred_at=format_instant(NOW - 27 * DAY))
    create(alice, "reflections", domains=["lifestyle"], occurred_at=format_instant(NOW - 29 * DAY))
    body = practice(alice, domain="body")
    log(alice, body["id"], "2026-11-20")
    practice(alice, domain="lifestyle")  # without an entry
    prompts = {each.id: each for each in Library().prompts("en").prompts}
    about = [(prompts[each["id"]], each["element_id"]) for each in today(alice)["prompts"]]
    assert [id for _, id in about] == [oldest["id"], *([None] * (len(about) - 1))]
    assert "emotion" in about[0][0].element_kinds
    assert [prompt.domains for prompt, _ in about[1:]] in ([["lifestyle"], []], [[]])  # not every domain has one
    assert today(alice)["prompts"] == today(alice, NOW + HOUR)["prompts"]


def test_an_answered_prompt_is_not_shown_for_14_days(alice: Person) -> None:
    (prompt,) = today(alice)["prompts"]
    create(alice, "reflections", prompt_id=prompt["id"], occurred_at=format_instant(NOW - HOUR))
    assert prompt["id"] not in [each["id"] for each in today(alice)["prompts"]]
    later = [today(alice, NOW + days * DAY)["prompts"][0]["id"] for days in range(14, 30)]
    assert prompt["id"] in later


def test_the_inbox_counts_what_waits(alice: Person) -> None:
    session = dosing(alice, HOUR)
    element(alice, session)
    element(alice, session, meaning="wisteria")
    create(alice, "action-items", status="requested")
    expected = {name: each["count"] for name, each in get(alice, "/v1/inbox").items()}
    assert today(alice)["inbox"] == expected
    assert expected == {
        "elements_without_meaning": 1,
        "meanings_without_change": 1,
        "session_intentions_left": 0,
        "proposals": 1,
    }


def shows(person: Person, moment: datetime = NOW) -> bool:
    found: bool = today(person, moment)["help"]["show"]
    return found


@pytest.mark.parametrize("status", ["completed", "in-progress"])
def test_help_is_shown_for_14_days_after_an_answer_with_a_flag(alice: Person, status: str) -> None:
    assessment(alice, FLAGGED, HOUR, status=status)
    taken = NOW - HOUR
    moments = (taken - HOUR, taken, taken + 14 * DAY, taken + 14 * DAY + HOUR)
    assert [shows(alice, moment) for moment in moments] == [False, True, True, False]


@pytest.mark.parametrize(
    ("newer", "shown"),
    [
        ({"answers": PHQ_9}, False),
        ({"answers": FLAGGED}, True),
        ({"answers": STARTED, "status": "in-progress"}, True),  # says nothing about it yet
        ({"answers": PHQ_9, "status": "entered-in-error"}, True),
        ({"answers": [0] * 8, "instrument": "gad-7"}, True),  # does not ask about it
    ],
    ids=["no-flag", "a-flag", "just-begun", "in-error", "another-instrument"],
)
def test_a_newer_answer_decides(alice: Person, newer: dict[str, Any], *, shown: bool) -> None:
    assessment(alice, FLAGGED, 3 * DAY)
    assessment(alice, **({"since": DAY} | newer))
    assert shows(alice) is shown
    assert shows(alice, NOW - 2 * DAY)


def test_a_flag_in_error_is_none(alice: Person) -> None:
    record = assessment(alice, FLAGGED, HOUR)
    alice.client.patch(f"/v1/assessments/{record['id']}", json={"status": "entered-in-error"}, headers=etag(record))
    assert not shows(alice)


def test_without_a_moment_an_answer_of_a_device_whose_clock_is_ahead_counts(alice: Person) -> None:
    ahead = datetime.now(UTC) + 2 * HOUR
    assessment(alice, FLAGGED, HOUR, taken_at=format_instant(ahead))
    assert get(alice, PATH)["help"] == {"show": True, "href": "/v1/help"}
    assert not shows(alice, ahead - HOUR)


def test_the_tag_changes_with_the_moment_the_days_and_the_hour(alice: Person) -> None:
    def tag(**query: str) -> str:
        return alice.client.get(PATH, params=query).headers["etag"]

    assert tag(as_of=NOON) == tag(as_of=NOON)
    assert (
        len(
            {
                tag(as_of=NOON),
                tag(as_of=NOON, days="1"),
                tag(as_of="2026-11-28T12:00:01Z"),
                tag(as_of=NOON, timezone="Asia/Tokyo"),
            }
        )
        == 4
    )
