"""Practices: initial values, bounds, the rules of schedules and pauses, and what is removed with them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.resources.practice_entries import PRACTICE_ENTRIES
from app.resources.practices import PRACTICES
from tests.drafts import Json, create_record, etag
from tests.refusals import faults
from tests.resources.record_writer import NOT_A_DAY, NOT_AN_INTEGER, NOT_TEXT, RecordWriter
from tests.serving import Person
from tests.sync.sync_client import SyncClient, edit

CASES = json.loads((Path(__file__).parents[1] / "recurrence/practices.json").read_text("utf-8"))["cases"]
RULES = {case["id"]: (case["given"]["rule"], case["expect"]) for case in CASES if case["asks"] == "rule"}
DAILY: Json = {"from_on": "2026-11-02", "rule": "FREQ=DAILY", "times_per_week": None}
THRICE: Json = {"from_on": "2026-11-16", "rule": None, "times_per_week": 3}
WHENEVER: Json = {"from_on": "2026-11-23", "rule": None, "times_per_week": None}
UNORDERED = "spans-out-of-order"
OVERLAPPING = "pauses-out-of-order"


def pause(from_on: int, until_on: int | None) -> Json:
    """Return a pause between days of December 2026."""
    return {
        "from_on": f"2026-12-{from_on:02}",
        "until_on": None if until_on is None else f"2026-12-{until_on:02}",
    }


WRONG: dict[str, tuple[Json, dict[str, str]]] = {
    "a rule and a number": (
        {"schedule": [DAILY, DAILY | {"from_on": "2026-11-03", "times_per_week": 1}]},
        {"/schedule/1/times_per_week": "one-cadence"},
    ),
    "two spans from one day": ({"schedule": [DAILY, DAILY]}, {"/schedule/1/from_on": UNORDERED}),
    "a span before the former": ({"schedule": [DAILY, WHENEVER, THRICE]}, {"/schedule/2/from_on": UNORDERED}),
    "an end before the start": ({"ends_on": "2026-11-01"}, {"/ends_on": "ends-before-start"}),
    "an end before the last span": (
        {"schedule": [DAILY, THRICE], "ends_on": "2026-11-15"},
        {"/ends_on": "ends-before-start"},
    ),
    "a pause that ends before it begins": ({"pauses": [pause(2, 1)]}, {"/pauses/0/until_on": OVERLAPPING}),
    "pauses that share a day": ({"pauses": [pause(1, 3), pause(3, 4)]}, {"/pauses/1/from_on": OVERLAPPING}),
    "a pause before the former": ({"pauses": [pause(5, 6), pause(1, 2)]}, {"/pauses/1/from_on": OVERLAPPING}),
    "a pause after an open one": ({"pauses": [pause(1, None), pause(3, 4)]}, {"/pauses/1/from_on": OVERLAPPING}),
    "several": (
        {"schedule": [DAILY | {"times_per_week": 7}, DAILY], "pauses": [pause(2, 1), pause(5, None)]},
        {
            "/schedule/0/times_per_week": "one-cadence",
            "/schedule/1/from_on": UNORDERED,
            "/pauses/0/until_on": OVERLAPPING,
        },
    ),
}
WRONG_LISTS: dict[str, tuple[str, Sequence[Any], str]] = {
    "a span's day": ("schedule", [[DAILY | {"from_on": day}] for day in (*NOT_A_DAY, None)], "/0/from_on"),
    "a rule": ("schedule", [[DAILY | {"rule": rule}] for rule in (*NOT_TEXT, "", "D" * 121)], "/0/rule"),
    "a number": (
        "schedule",
        [[THRICE | {"times_per_week": number}] for number in (0, 8, *NOT_AN_INTEGER)],
        "/0/times_per_week",
    ),
    "an unknown member": ("schedule", [[DAILY | {"wisteria": 1}]], "/0/wisteria"),
    "no object": ("schedule", [[None], [5], ["wisteria"], [[]]], "/0"),
    "no spans": ("schedule", ([], None, {}, "wisteria"), ""),
    "too many spans": ("schedule", [[DAILY | {"from_on": f"2026-11-{n:02}"} for n in range(1, 22)]], ""),
    "a pause's first day": ("pauses", [[pause(1, 2) | {"from_on": day}] for day in (*NOT_A_DAY, None)], "/0/from_on"),
    "a pause's last day": ("pauses", [[pause(1, 2) | {"until_on": day}] for day in NOT_A_DAY], "/0/until_on"),
    "no list of pauses": ("pauses", (None, {}, "wisteria"), ""),
    "too many pauses": (
        "pauses",
        [[{"from_on": f"20{n}-01-01", "until_on": f"20{n}-01-02"} for n in range(10, 61)]],
        "",
    ),
}


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    return RecordWriter(alice, PRACTICES, title="wisteria", schedule=[DAILY])


def test_a_new_practice_begins_on_mondays_and_does_not_end(alice: Person, writer: RecordWriter) -> None:
    practice = writer.create()
    initial = writer.base | {"week_start": "MO", "pauses": [], "visibility": "private"}
    unset = dict.fromkeys(set(PRACTICES.field_names) - set(initial))
    assert {name: practice[name] for name in PRACTICES.field_names} == initial | unset
    assert faults(alice.client.post(writer.path, json={})) == {"/title": "required", "/schedule": "required"}


def test_its_fields_accept_values_up_to_their_bounds(writer: RecordWriter) -> None:
    writer.assert_text_fields(title=200, details=2_000)
    writer.assert_integer_fields(1, 1_440, "minutes")
    writer.assert_choices(
        week_start="MO SA SU",
        visibility="private shared",
        change="internal external",
        domain="mind body spirit lifestyle relationships nature",
    )


def test_its_last_day_is_a_date(writer: RecordWriter) -> None:
    practice = writer.create()
    for day in ("2026-11-02", "2028-02-29", "2200-12-31", None):
        writer.assert_stores(practice, ends_on=day)
    writer.assert_rejects(practice, NOT_A_DAY, "ends_on")


def test_its_time_of_day_is_that_of_a_24_hour_clock(writer: RecordWriter) -> None:
    practice = writer.create()
    for time in ("00:00", "07:30", "19:05", "23:59", None):
        writer.assert_stores(practice, at=time)
    wrong = (
        "24:00",
        "7:30",
        "07:60",
        "07:30:00",
        "07:30\n",
        " 07:30",
        "0730",
        "\u0660\u0667:\u0663\u0660",
        "",
        "wisteria",
        *NOT_TEXT,
    )
    writer.assert_rejects(practice, wrong, "at")


def test_spans_and_pauses_are_stored_as_they_were_sent(writer: RecordWriter) -> None:
    practice = writer.create()
    writer.assert_stores(
        practice, schedule=[DAILY, THRICE, WHENEVER], pauses=[pause(1, 1), pause(2, 3), pause(4, None)]
    )
    writer.assert_stores(practice, schedule=[DAILY | {"from_on": f"2026-11-{n:02}"} for n in range(1, 21)])
    days = [(f"20{n}-01-01", f"20{n}-01-02") for n in range(10, 60)]
    writer.assert_stores(practice, pauses=[{"from_on": first, "until_on": last} for first, last in days])
    writer.assert_stores(practice, schedule=[WHENEVER | {"from_on": "1900-01-01"}], ends_on="1900-01-01")


@pytest.mark.parametrize(("rule", "status"), RULES.values(), ids=RULES)
def test_only_rules_of_the_closed_grammar_are_accepted(writer: RecordWriter, rule: str, status: int) -> None:
    response = writer.post(schedule=[DAILY | {"rule": rule}])
    assert response.status_code == status
    if status == 422:
        assert faults(response) == {"/schedule/0/rule": "unsupported-rule"}


@pytest.mark.parametrize(("fields", "broken"), WRONG.values(), ids=WRONG)
def test_a_draft_or_a_patch_that_breaks_a_rule_is_refused(
    writer: RecordWriter, fields: Json, broken: dict[str, str]
) -> None:
    assert faults(writer.post(**fields)) == broken
    assert faults(writer.patch(writer.create(), **fields)) == broken


@pytest.mark.parametrize(("name", "wrong", "within"), WRONG_LISTS.values(), ids=WRONG_LISTS)
def test_a_list_with_a_wrong_value_is_refused(
    writer: RecordWriter, *, name: str, wrong: Sequence[Any], within: str
) -> None:
    writer.assert_rejects(writer.create(), wrong, name, within=within)


@pytest.mark.parametrize("member", ["from_on", "rule", "times_per_week"])
def test_a_span_has_all_members(writer: RecordWriter, member: str) -> None:
    span = {name: value for name, value in DAILY.items() if name != member}
    assert faults(writer.post(schedule=[span])) == {f"/schedule/0/{member}": "required"}


def test_all_wrong_values_are_reported_at_once(writer: RecordWriter) -> None:
    wrong = writer.post(schedule=[DAILY | {"rule": "FREQ=HOURLY"}, {"from_on": "2026-11-31"}], pauses=[{"until_on": 5}])
    assert faults(wrong) == {
        "/schedule/0/rule": "unsupported-rule",
        "/schedule/1/from_on": "date",
        "/schedule/1/rule": "required",
        "/schedule/1/times_per_week": "required",
        "/pauses/0/from_on": "required",
        "/pauses/0/until_on": "date",
    }


def test_the_rules_hold_for_a_push(alice: Person) -> None:
    sync, practice = SyncClient(alice), create_record(alice.client, PRACTICES, alice)
    schedule = [*practice["schedule"], practice["schedule"][0]]
    error = sync.push_rejected(edit(practice, PRACTICES.collection, set={"schedule": schedule}), 422, "validation")
    assert {fault["pointer"]: fault["code"] for fault in error["errors"]} == {"/schedule/2/from_on": UNORDERED}


def test_schedule_end_and_start_of_the_week_collide_as_one(alice: Person) -> None:
    sync, practice = SyncClient(alice), create_record(alice.client, PRACTICES, alice)
    sync.push_applied(edit(practice, PRACTICES.collection, set={"ends_on": "2027-06-30"}))
    sync.push_applied(edit(practice, PRACTICES.collection, set={"pauses": []}))
    result = sync.push_one(edit(practice, PRACTICES.collection, set={"week_start": "SU"}))
    assert (result["outcome"], result["reason"], result["fields"]) == ("conflict", "changed", ["week_start"])


def test_removing_a_practice_removes_its_entries(alice: Person) -> None:
    entry = create_record(alice.client, PRACTICE_ENTRIES, alice)
    other = create_record(alice.client, PRACTICE_ENTRIES, alice)
    path = f"{PRACTICES.path}/{entry['practice_id']}"
    practice = alice.client.get(path).json()
    assert alice.client.delete(path, headers=etag(practice)).status_code == 204
    assert alice.client.get(f"{PRACTICE_ENTRIES.path}/{entry['id']}").status_code == 404
    assert alice.client.get(f"{PRACTICE_ENTRIES.path}/{other['id']}").json() == other
