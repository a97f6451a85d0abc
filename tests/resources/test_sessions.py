"""Sessions: what only they promise."""

from typing import Any

import pytest

from app.resources.sessions import SESSIONS
from tests.drafts import Json
from tests.refusals import faults, pointers
from tests.resources.pen import Pen
from tests.serving import Person

START = "2026-11-20T09:30:00.000000Z"
A_DAY_LATER = "2026-11-21T09:30:00.000000Z"
DOSING = {"medicine": "other", "route": "oral", "dose_value": 1, "dose_unit": "mg"}
REASON = "wisteria in bloom"


@pytest.fixture
def pen(alice: Person) -> Pen:
    return Pen(alice, SESSIONS)


def test_a_session_begins_planned_for_dosing_where_its_owner_lives(alice: Person, pen: Pen) -> None:
    given = {"kind": "dosing", "status": "planned", "timezone": "Europe/Berlin", "visibility": "private"}
    empty = dict.fromkeys(set(SESSIONS.field_names) - set(given))
    session = pen.create()
    assert {name: session[name] for name in SESSIONS.field_names} == given | empty
    alice.client.patch("/v1/me", json={"timezone": "Asia/Kathmandu"})
    assert pen.create()["timezone"] == "Asia/Kathmandu"
    assert pen.create(timezone="America/Argentina/Buenos_Aires")["timezone"] == "America/Argentina/Buenos_Aires"
    wrong = ("Mars/Phobos", "europe/berlin", "+01:00", "../zones", "", 5, None)
    pen.refuses(session, wrong, "timezone")


def test_its_fields_keep_their_bounds(pen: Pen) -> None:
    pen.texts(title=200, notes=20_000, status_reason=500)
    pen.integers(0, 10, "intensity")
    pen.times("scheduled_at", "started_at")


def test_its_choices_are_the_listed_ones(alice: Person, pen: Pen) -> None:
    pen.choices(kind="preparation dosing integration", visibility="private shared")
    Pen(alice, SESSIONS, **DOSING).choices(
        setting="clinic home telehealth retreat inpatient other",
        supervision="in-person-clinician in-person-sitter peer-monitor remote-guide self-led",
        medicine="racemic-ketamine esketamine arketamine other none",
        route="intravenous intramuscular subcutaneous intranasal sublingual buccal oral rectal other",
        dose_unit="mg mg/kg ug",
    )


def test_a_dose_is_exact(alice: Person, pen: Pen) -> None:
    def sent(dose: str, **changes: str) -> Any:
        content = f'{{"dose_value": {dose}, "dose_unit": "mg"}}'
        headers = {"Content-Type": "application/json"} | changes
        return alice.client.post(pen.path, content=content, headers=headers)

    told = {
        **{each: each for each in ("0.001", "99999.999", "12.345", "62.5", "0.1", "33333.333", "4.35", "8192.001")},
    }
    told |= {"1": "1.0", "1e2": "100.0", "0.10": "0.1", "1.000000": "1.0", "5E-3": "0.005", "99999": "99999.0"}
    for dose, answer in told.items():
        made = sent(dose)
        assert made.status_code == 201
        address = f"{pen.path}/{made.json()['id']}"
        texts = [made.text, alice.client.get(address).text, alice.client.get(pen.path, params={"limit": 1}).text]
        assert all(f'"dose_value":{answer},' in text for text in texts)
        again = pen.patch(made.json(), dose_value=float(dose))
        assert again.json() == made.json()
    wrong = ["0", "0.0", "-1", "0.0009", "0.0011", "12.3456", "99999.9991", "100000", "1.0000000000000000000000000001"]
    wrong += ["1e-4", "1e400", "1e99999", "NaN", "Infinity", "-Infinity", '"62.5"', "true", "[]", "1" * 5000]
    for dose in wrong:
        assert pointers(sent(dose)) == ["/dose_value"], dose


RULES: tuple[tuple[Json, dict[str, str]], ...] = (
    ({"status": "completed"}, {"/started_at": "start-required"}),
    ({"status": "stopped"}, {"/status_reason": "reason-required"}),
    ({"status": "not-done"}, {"/status_reason": "reason-required"}),
    ({"status": "entered-in-error", "status_reason": ""}, {"/status_reason": "reason-required"}),
    ({"ended_at": START}, {"/started_at": "start-required"}),
    ({"started_at": START, "ended_at": "2026-11-20T09:29:59.999999Z"}, {"/ended_at": "end-out-of-range"}),
    ({"started_at": START, "ended_at": "2026-11-21T09:30:00.000001Z"}, {"/ended_at": "end-out-of-range"}),
    ({"dose_value": 1}, {"/dose_unit": "both-or-neither"}),
    ({"dose_unit": "mg"}, {"/dose_unit": "both-or-neither"}),
    (DOSING | {"kind": "preparation"}, dict.fromkeys((f"/{name}" for name in DOSING), "dosing-only")),
    (
        {"kind": "integration", "medicine": "none", "status": "stopped", "started_at": A_DAY_LATER, "ended_at": START},
        {"/medicine": "dosing-only", "/status_reason": "reason-required", "/ended_at": "end-out-of-range"},
    ),
)


def test_its_rules_hold_for_drafts_and_for_what_a_patch_makes_of_a_record(pen: Pen) -> None:
    for draft, broken in RULES:
        assert faults(pen.draft(**draft)) == broken
    ended = {"started_at": START, "ended_at": A_DAY_LATER}
    pen.create(started_at=START, ended_at=START, status="stopped", status_reason=REASON)
    session = pen.create(**DOSING, **ended, status="completed")
    for patch, broken in (
        ({"started_at": None}, {"/started_at": "start-required"}),
        ({"started_at": None, "ended_at": None}, {"/started_at": "start-required"}),
        ({"started_at": "2026-11-20T09:29:59Z"}, {"/ended_at": "end-out-of-range"}),
        ({"dose_value": None}, {"/dose_unit": "both-or-neither"}),
        ({"kind": "integration"}, dict.fromkeys((f"/{name}" for name in DOSING), "dosing-only")),
        ({"status": "entered-in-error"}, {"/status_reason": "reason-required"}),
        # Rules come before transitions: what is wrong with the record is told first.
        ({"status": "stopped"}, {"/status_reason": "reason-required"}),
    ):
        assert faults(pen.patch(session, **patch)) == broken
    changed = pen.change(session, kind="integration", **dict.fromkeys(DOSING))
    assert changed["kind"] == "integration"
    wrong = pen.change(changed, status="entered-in-error", status_reason=REASON)
    assert faults(pen.patch(wrong, status_reason=None)) == {"/status_reason": "reason-required"}


def test_its_status_moves_along_its_transitions(alice: Person) -> None:
    pen = Pen(alice, SESSIONS, started_at=START, status_reason=REASON)
    pen.refuses(pen.create(), ("wisteria", "", "Planned", None, 5), "status")
    pen.moves(
        {
            "planned": "in-progress completed not-done entered-in-error",
            "in-progress": "completed stopped entered-in-error",
            "completed": "entered-in-error",
            "stopped": "entered-in-error",
            "not-done": "entered-in-error",
            "entered-in-error": "",
        }
    )
