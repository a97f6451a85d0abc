"""Sessions: initial values, bounds, doses, rules and transitions."""

import httpx2 as httpx
import pytest

from app.resources.sessions import SESSIONS
from tests.drafts import Json
from tests.refusals import faults, pointers
from tests.resources.record_writer import RecordWriter
from tests.serving import Person

START = "2026-11-20T09:30:00.000000Z"
A_DAY_LATER = "2026-11-21T09:30:00.000000Z"
ENDED = {"started_at": START, "ended_at": A_DAY_LATER}
DOSING = {"medicine": "other", "route": "oral", "dose_value": 1, "dose_unit": "mg"}
REASON = "wisteria in bloom"

DOSES = {each: each for each in ("0.001", "99999.999", "12.345", "62.5", "0.1", "33333.333", "4.35", "8192.001")}
DOSES |= {"1": "1.0", "1e2": "100.0", "0.10": "0.1", "1.000000": "1.0", "5E-3": "0.005", "99999": "99999.0"}
"""Doses as sent, and as the response contains them."""
WRONG_DOSES = (
    "0",
    "0.0",
    "-1",
    "0.0009",
    "0.0011",
    "12.3456",
    "99999.9991",
    "100000",
    "1.0000000000000000000000000001",
    "1e-4",
    "1e400",
    "1e99999",
    "NaN",
    "Infinity",
    "-Infinity",
    '"62.5"',
    "true",
    "[]",
    "1" * 5000,
)


def post_dose(person: Person, dose: str) -> httpx.Response:
    """Send a session with a dose that is written like this."""
    content = f'{{"dose_value": {dose}, "dose_unit": "mg"}}'
    return person.client.post(SESSIONS.path, content=content, headers={"Content-Type": "application/json"})


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    return RecordWriter(alice, SESSIONS)


def test_a_new_session_is_planned_for_dosing_in_the_owners_time_zone(alice: Person, writer: RecordWriter) -> None:
    initial = {"kind": "dosing", "status": "planned", "timezone": "Europe/Berlin", "visibility": "private"}
    unset = dict.fromkeys(set(SESSIONS.field_names) - set(initial))
    session = writer.create()
    assert {name: session[name] for name in SESSIONS.field_names} == initial | unset
    alice.client.patch("/v1/me", json={"timezone": "Asia/Kathmandu"})
    assert writer.create()["timezone"] == "Asia/Kathmandu"
    assert writer.create(timezone="America/Argentina/Buenos_Aires")["timezone"] == "America/Argentina/Buenos_Aires"
    wrong = ("Mars/Phobos", "europe/berlin", "+01:00", "../zones", "", 5, None)
    writer.assert_rejects(session, wrong, "timezone")


def test_its_fields_accept_values_up_to_their_bounds(writer: RecordWriter) -> None:
    writer.assert_text_fields(title=200, notes=20_000, status_reason=500)
    writer.assert_integer_fields(0, 10, "intensity")
    writer.assert_time_fields("scheduled_at", "started_at")


def test_its_fields_accept_only_the_listed_choices(alice: Person, writer: RecordWriter) -> None:
    writer.assert_choices(kind="preparation dosing integration", visibility="private shared")
    RecordWriter(alice, SESSIONS, **DOSING).assert_choices(
        setting="clinic home telehealth retreat inpatient other",
        supervision="in-person-clinician in-person-sitter peer-monitor remote-guide self-led",
        medicine="racemic-ketamine esketamine arketamine other none",
        route="intravenous intramuscular subcutaneous intranasal sublingual buccal oral rectal other",
        dose_unit="mg mg/kg ug",
    )


@pytest.mark.parametrize(("dose", "number"), DOSES.items(), ids=DOSES)
def test_a_dose_is_stored_exactly(alice: Person, writer: RecordWriter, dose: str, number: str) -> None:
    created = post_dose(alice, dose)
    assert created.status_code == 201
    url = f"{writer.path}/{created.json()['id']}"
    texts = [created.text, alice.client.get(url).text, alice.client.get(writer.path, params={"limit": 1}).text]
    assert all(f'"dose_value":{number},' in text for text in texts)
    again = writer.patch(created.json(), dose_value=float(dose))
    assert again.json() == created.json()


@pytest.mark.parametrize("dose", WRONG_DOSES, ids=lambda dose: dose[:40])
def test_a_dose_out_of_range_or_of_more_than_three_decimals_is_refused(alice: Person, dose: str) -> None:
    assert pointers(post_dose(alice, dose)) == ["/dose_value"]


RULES: dict[str, tuple[Json, dict[str, str]]] = {
    "completed without a start": ({"status": "completed"}, {"/started_at": "start-required"}),
    "stopped without a reason": ({"status": "stopped"}, {"/status_reason": "reason-required"}),
    "not done without a reason": ({"status": "not-done"}, {"/status_reason": "reason-required"}),
    "in error with an empty reason": (
        {"status": "entered-in-error", "status_reason": ""},
        {"/status_reason": "reason-required"},
    ),
    "an end without a start": ({"ended_at": START}, {"/started_at": "start-required"}),
    "an end before the start": (
        {"started_at": START, "ended_at": "2026-11-20T09:29:59.999999Z"},
        {"/ended_at": "end-out-of-range"},
    ),
    "an end more than a day after the start": (
        {"started_at": START, "ended_at": "2026-11-21T09:30:00.000001Z"},
        {"/ended_at": "end-out-of-range"},
    ),
    "a dose without a unit": ({"dose_value": 1}, {"/dose_unit": "both-or-neither"}),
    "a unit without a dose": ({"dose_unit": "mg"}, {"/dose_unit": "both-or-neither"}),
    "dosing in preparation": (
        DOSING | {"kind": "preparation"},
        dict.fromkeys((f"/{name}" for name in DOSING), "dosing-only"),
    ),
    "several": (
        {"kind": "integration", "medicine": "none", "status": "stopped", "started_at": A_DAY_LATER, "ended_at": START},
        {"/medicine": "dosing-only", "/status_reason": "reason-required", "/ended_at": "end-out-of-range"},
    ),
}


@pytest.mark.parametrize(("draft", "expected"), RULES.values(), ids=RULES)
def test_a_draft_that_breaks_a_rule_is_refused(writer: RecordWriter, draft: Json, expected: dict[str, str]) -> None:
    assert faults(writer.post(**draft)) == expected


WRONG_PATCHES: dict[str, tuple[Json, dict[str, str]]] = {
    "no start": ({"started_at": None}, {"/started_at": "start-required"}),
    "no times": ({"started_at": None, "ended_at": None}, {"/started_at": "start-required"}),
    "an earlier start": ({"started_at": "2026-11-20T09:29:59Z"}, {"/ended_at": "end-out-of-range"}),
    "no dose": ({"dose_value": None}, {"/dose_unit": "both-or-neither"}),
    "another kind": ({"kind": "integration"}, dict.fromkeys((f"/{name}" for name in DOSING), "dosing-only")),
    "in error without a reason": ({"status": "entered-in-error"}, {"/status_reason": "reason-required"}),
    # Rules are checked before transitions.
    "stopped without a reason": ({"status": "stopped"}, {"/status_reason": "reason-required"}),
}


@pytest.mark.parametrize(("patch", "expected"), WRONG_PATCHES.values(), ids=WRONG_PATCHES)
def test_a_patch_whose_result_breaks_a_rule_is_refused(
    writer: RecordWriter, patch: Json, expected: dict[str, str]
) -> None:
    session = writer.create(**DOSING, **ENDED, status="completed")
    assert faults(writer.patch(session, **patch)) == expected


def test_a_session_may_end_when_it_starts(writer: RecordWriter) -> None:
    writer.create(started_at=START, ended_at=START, status="stopped", status_reason=REASON)


def test_another_kind_needs_no_dosing_and_a_session_in_error_keeps_its_reason(writer: RecordWriter) -> None:
    session = writer.create(**DOSING, **ENDED, status="completed")
    changed = writer.update(session, kind="integration", **dict.fromkeys(DOSING))
    assert changed["kind"] == "integration"
    wrong = writer.update(changed, status="entered-in-error", status_reason=REASON)
    assert faults(writer.patch(wrong, status_reason=None)) == {"/status_reason": "reason-required"}


TRANSITIONS = {
    "planned": "in-progress completed not-done entered-in-error",
    "in-progress": "completed stopped entered-in-error",
    "completed": "entered-in-error",
    "stopped": "entered-in-error",
    "not-done": "entered-in-error",
    "entered-in-error": "",
}


@pytest.mark.parametrize("status", TRANSITIONS)
def test_its_status_changes_along_the_transitions(alice: Person, status: str) -> None:
    RecordWriter(alice, SESSIONS, started_at=START, status_reason=REASON).assert_transitions(status, TRANSITIONS)


def test_its_status_accepts_only_the_listed_choices(alice: Person) -> None:
    writer = RecordWriter(alice, SESSIONS, started_at=START, status_reason=REASON)
    writer.assert_rejects(writer.create(), ("wisteria", "", "Planned", None, 5), "status")
