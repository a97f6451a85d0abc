"""Progress: sessions, measures, check-ins, practices, changes, domains and goals of a range of days."""

import pytest

from app.records.domains import Domain
from tests.drafts import Json, etag
from tests.refusals import faults
from tests.serving import Person
from tests.views.test_goals import CASES
from tests.views.views import NOON, create, get, log

PATH = "/v1/progress"
OPEN = {"from_on": "2026-11-02", "rule": "FREQ=DAILY", "times_per_week": None}
SCALE = ["I leave", "I stay, and repair", "I stay", "I stay, and speak", "I stay, and laugh"]


def progress(person: Person, **query: object) -> Json:
    """Return the view as of `NOON`, in UTC."""
    return get(person, PATH, **({"as_of": NOON, "timezone": "UTC"} | query))


def post(person: Person, path: str, **draft: object) -> Json:
    response = person.client.post(f"/v1/{path}", json=draft)
    assert response.status_code == 201, response.text
    found: Json = response.json()
    return found


def phq_9(person: Person, taken_at: str, total: int, **changes: object) -> Json:
    """Create a PHQ-9 with a total of at most 24, without a flag."""
    answers = [min(3, max(0, total - 3 * position)) for position in range(8)]
    return post(person, "assessments", instrument="phq-9", answers=[*answers, 0, 0], taken_at=taken_at, **changes)


def session(person: Person, day: str, kind: str = "dosing") -> Json:
    times = {"started_at": f"{day}T09:00:00Z", "ended_at": f"{day}T11:00:00Z"}
    return post(person, "sessions", kind=kind, status="completed", **times)


def test_an_account_without_records_has_empty_lists(alice: Person) -> None:
    counts = {"open": 0, "completed": 0, "ended": 0}
    assert progress(alice) == {
        "from": "2026-08-31",
        "to": "2026-11-28",
        "timezone": "UTC",
        "sessions": [],
        "measures": [],
        "check_ins": [],
        "practices": [],
        "changes": {"internal": counts, "external": counts},
        "domains": [
            {"domain": each, "reflections": 0, "intentions": 0, "practice_days": 0}
            for each in ("mind", "body", "spirit", "lifestyle", "relationships", "nature")
        ],
        "goals": {"t": None, "baseline_t": None, "count": 0, "points": []},
    }


@pytest.mark.parametrize(
    ("query", "range_"),
    [
        ({}, ("2026-08-31", "2026-11-28")),
        ({"to": "2026-10-31"}, ("2026-08-03", "2026-10-31")),
        ({"from_": "2026-11-28"}, ("2026-11-28", "2026-11-28")),
        ({"timezone": "Pacific/Auckland"}, ("2026-09-01", "2026-11-29")),
        ({"from_": "1900-01-01", "to": "1900-01-01"}, ("1900-01-01", "1900-01-01")),
        ({"from_": "2200-12-31", "to": "2200-12-31", "timezone": "Pacific/Niue"}, ("2200-12-31", "2200-12-31")),
    ],
    ids=["default", "to", "from", "another-day", "first-day", "last-day"],
)
def test_the_range_is_the_last_90_days_by_default(alice: Person, query: Json, range_: tuple[str, str]) -> None:
    post(alice, "practices", title="wisteria", schedule=[OPEN])
    found = progress(alice, **query)
    assert (found["from"], found["to"]) == range_


def test_a_first_day_after_today_needs_a_last_one(alice: Person) -> None:
    query = {"as_of": NOON, "from": "2026-11-29"}
    assert faults(alice.client.get(PATH, params=query)) == {"/to": "to-before-from"}
    progress(alice, from_="2026-11-29", to="2026-12-24")


def test_sessions_that_took_place_are_listed_in_their_order(alice: Person) -> None:
    second, first = session(alice, "2026-11-20"), session(alice, "2026-11-01", "preparation")
    session(alice, "2026-08-30")
    post(alice, "sessions", kind="dosing", scheduled_at="2026-11-10T09:00:00Z")
    assert progress(alice)["sessions"] == [
        {"session_id": first["id"], "kind": "preparation", "day": "2026-11-01"},
        {"session_id": second["id"], "kind": "dosing", "day": "2026-11-20"},
    ]


def test_a_measure_has_its_points_its_baseline_and_its_change(alice: Person) -> None:
    session(alice, "2026-08-20")
    session(alice, "2026-11-10")
    early = phq_9(alice, "2026-08-19T08:00:00Z", 20)
    partial = [3, 3, 3, 3, None, 0, 0, 0, 0, 0]
    prorated = post(alice, "assessments", instrument="phq-9", answers=partial, taken_at="2026-11-01T08:00:00Z")
    late = phq_9(alice, "2026-11-20T08:00:00Z", 4, timepoint="follow-up")
    phq_9(alice, "2026-11-21T08:00:00Z", 24, status="in-progress")
    phq_9(alice, "2026-11-28T12:00:01Z", 24)  # later than the moment
    wrong = phq_9(alice, "2026-11-22T08:00:00Z", 24)
    alice.client.patch(f"/v1/assessments/{wrong['id']}", json={"status": "entered-in-error"}, headers=etag(wrong))
    (found,) = progress(alice)["measures"]

    def point(record: Json, day: str, since: int | None) -> Json:
        names = ("total", "band", "scoring", "timepoint")
        return {"assessment_id": record["id"], "day": day, "days_since_dosing": since} | {n: record[n] for n in names}

    assert found == {
        "instrument": "phq-9",
        "version": "1",
        "direction": "lower-is-better",
        "points": [point(prorated, "2026-11-01", 73), point(late, "2026-11-20", 10)],
        "baseline": point(early, "2026-08-19", None),
        "latest": point(late, "2026-11-20", 10),
        "change": {"points": -16, "percent": -80, "beyond": True, "response": True, "remission": True},
    }
    assert prorated["scoring"] == "prorated"


def test_an_assessment_without_a_total_is_a_point_and_nothing_else(alice: Person) -> None:
    record = post(
        alice,
        "assessments",
        instrument="gad-7",
        answers=[None] * 8,
        taken_at="2026-11-20T08:00:00Z",
        timepoint="baseline",
    )
    (found,) = progress(alice)["measures"]
    assert [each["assessment_id"] for each in found["points"]] == [record["id"]]
    assert (found["points"][0]["total"], found["baseline"], found["latest"], found["change"]) == (None,) * 4


def test_a_measure_without_a_point_in_the_range_is_not_listed(alice: Person) -> None:
    phq_9(alice, "2026-08-19T08:00:00Z", 20)
    assert progress(alice)["measures"] == []


def test_check_ins_are_means_of_local_days(alice: Person) -> None:
    for taken_at, mood in (("2026-11-20T22:30:00Z", 4), ("2026-11-20T23:30:00Z", 7), ("2026-11-21T10:00:00Z", 8)):
        post(alice, "check-ins", taken_at=taken_at, mood=mood, timezone="Asia/Tokyo")
    found = {zone: progress(alice, timezone=zone)["check_ins"] for zone in ("UTC", "Europe/Berlin")}
    means = {zone: [(each["day"], each["mood"], each["count"]) for each in days] for zone, days in found.items()}
    assert means == {
        "UTC": [("2026-11-20", 5.5, 2), ("2026-11-21", 8.0, 1)],
        "Europe/Berlin": [("2026-11-20", 4.0, 1), ("2026-11-21", 7.5, 2)],
    }
    assert found["UTC"][0]["anxiety"] is None
    assert progress(alice, to="2026-11-20")["check_ins"] == found["UTC"][:1]


def test_practices_are_those_of_the_range(alice: Person) -> None:
    def practice(**changes: object) -> str:
        id: str = post(alice, "practices", title="wisteria", **({"schedule": [OPEN]} | changes))["id"]
        return id

    current = practice()
    practice(ends_on="2026-11-13")
    logged = practice(ends_on="2026-11-13")
    log(alice, logged, "2026-11-24")
    practice(schedule=[OPEN | {"from_on": "2026-11-29"}])
    found = progress(alice, from_="2026-11-14")["practices"]
    assert [each["practice_id"] for each in found] == [current, logged]
    assert [week["starts_on"] for week in found[0]["weeks"]] == ["2026-11-09", "2026-11-16", "2026-11-23"]
    assert [each["state"] for each in found[1]["days"]].count("done") == 1


def test_days_are_listed_for_up_to_92_days(alice: Person) -> None:
    post(alice, "practices", title="wisteria", schedule=[OPEN])
    days = progress(alice, from_="2026-08-29")["practices"][0]["days"]
    assert (len(days), days[0]["state"], days[-1]) == (92, "none", {"day": "2026-11-28", "state": "open"})
    assert progress(alice, from_="2026-08-28")["practices"][0]["days"] is None


def test_a_week_begins_on_the_persons_day(alice: Person) -> None:
    for start in ("MO", "SA", "SU"):
        post(alice, "practices", title="wisteria", schedule=[OPEN], week_start=start)
    found = progress(alice, from_="2026-11-25")["practices"]
    assert [each["weeks"][0]["starts_on"] for each in found] == ["2026-11-23", "2026-11-21", "2026-11-22"]


def test_changes_are_counted_by_what_became_of_them(alice: Person) -> None:
    def item(change: str, facet: str, *statuses: str, **fields: object) -> None:
        record = post(alice, "action-items", title="wisteria", change=change, facet=facet)
        for status in statuses:
            response = alice.client.patch(
                f"/v1/action-items/{record['id']}", json={"status": status, **fields}, headers=etag(record)
            )
            assert response.status_code == 200, response.text
            record = response.json()

    item("internal", "thought")
    item("internal", "thought", "on-hold")
    item("internal", "thought", "completed")
    item("external", "health", "completed", completed_at="2020-01-01T10:00:00Z")
    item("external", "health", "cancelled")
    item("external", "health", "entered-in-error")
    today = get(alice, PATH)
    assert today["changes"] == {
        "internal": {"open": 2, "completed": 1, "ended": 0},
        "external": {"open": 0, "completed": 0, "ended": 1},
    }
    assert progress(alice, as_of="2020-01-02T12:00:00Z")["changes"]["external"]["completed"] == 0


def test_domains_count_reflections_intentions_and_days_of_practice(alice: Person) -> None:
    create(alice, "reflections", occurred_at="2026-11-20T10:00:00Z", domains=["mind", "body"])
    create(alice, "reflections", occurred_at="2026-11-21T10:00:00Z", domains=["mind"])
    create(alice, "reflections", occurred_at="2026-08-30T10:00:00Z", domains=["nature"])
    create(alice, "intentions", domain="spirit")
    create(alice, "intentions", domain="spirit", status="cancelled")
    create(alice, "intentions", domain=None)
    for outcome in ("done", "partly", "skipped"):
        practice = post(alice, "practices", title="wisteria", schedule=[OPEN], domain="nature")
        log(alice, practice["id"], "2026-11-20", outcome)
        log(alice, practice["id"], "2026-08-20", "done")
    log(alice, practice["id"], "2026-11-21", "done")
    found = get(alice, PATH, from_="2026-08-31", timezone="UTC")["domains"]
    counts = {each["domain"]: [each["reflections"], each["intentions"], each["practice_days"]] for each in found}
    assert [*counts] == [*Domain]
    assert {name: count for name, count in counts.items() if any(count)} == {
        "mind": [2, 0, 0],
        "body": [1, 0, 0],
        "spirit": [0, 1, 0],
        "nature": [0, 0, 2],
    }


def goal(person: Person, weight: int, levels: dict[str, int], **fields: object) -> str:
    draft = {"kind": "integration", "statement": "wisteria", "scale": SCALE, "weight": weight, **fields}
    id: str = post(person, "intentions", **draft)["id"]
    for day, level in levels.items():
        post(person, "outcomes", intention_id=id, day=day, level=level)
    return id


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_goal_attainment_of_a_case(alice: Person, case: Json) -> None:
    for weight, level in case["given"]["goals"]:
        goal(alice, weight, {"2026-11-20": level})
    found = progress(alice)["goals"]
    assert found["t"] == pytest.approx(case["expect"], abs=0.005)
    assert (found["count"], found["points"]) == (
        len(case["given"]["goals"]),
        [{"day": "2026-11-20", "t": found["t"]}],
    )


def test_goals_without_a_scale_or_a_level_and_cancelled_ones_do_not_count(alice: Person) -> None:
    goal(alice, 1, {"2026-08-20": -2, "2026-11-20": 1}, baseline=-1)
    goal(alice, 1, {})
    goal(alice, 1, {"2026-11-20": 2}, scale=None)
    goal(alice, 1, {"2026-11-20": 2}, status="cancelled")
    goal(alice, 1, {"2026-11-29": 2})  # after the range
    assert progress(alice)["goals"] == {
        "t": 60.0,
        "baseline_t": 40.0,
        "count": 1,
        "points": [{"day": "2026-11-20", "t": 60.0}],
    }


def test_the_tag_changes_with_the_day_and_not_with_the_hour(alice: Person) -> None:
    def tag(**query: str) -> str:
        return alice.client.get(PATH, params=query).headers["etag"]

    assert tag() == tag()
    range_ = {"from": "2026-11-01", "to": "2026-11-20"}
    assert len({tag(**range_), tag(**range_ | {"to": "2026-11-21"}), tag(**range_, as_of="2026-11-10T10:00:00Z")}) == 3
