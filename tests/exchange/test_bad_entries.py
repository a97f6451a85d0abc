"""Entries that are not valid: each is rejected by itself, with what to send instead, and changes nothing."""

from typing import Any, Final

import pytest

from tests.consents.clinic import Clinic, accesses, give
from tests.drafts import Json
from tests.exchange.replica import CLINICAL, SYSTEM, entry, push
from tests.refusals import refused
from tests.serving import Person

PATIENT: Final = {"system": "urn:wisteria-house:chart", "value": "P-1"}
VALUES: Final[dict[str, Any]] = {
    "empty": "",
    "NUL": "S\x00",
    "newline": "S\n1",
    "blank at the start": " S-1",
    "blank at the end": "S-1 ",
    "only a blank": " ",
    "no-break space at the end": "S-1\xa0",
    "control character": "S\x9f",
    "line separator": "S\u20281",
    "right-to-left mark": "S\u202e1",
    "201 characters": "S" * 201,
    "number": 7,
    "null": None,
    "list": ["S-1"],
}
SYSTEMS: Final[dict[str, Any]] = {
    "empty": "",
    "no scheme": "wisteria",
    "relative": "/charts",
    "blank": "urn:a b",
    "NUL": "urn:a\x00",
    "only a scheme": "urn:",
    "not ASCII": "urn:störung",
    "broken escape": "urn:%zz",
    "201 characters": "urn:" + "a" * 197,
    "number": 7,
    "null": None,
}
REVISIONS: Final[dict[str, Any]] = {
    "negative": -1,
    "2^53": 2**53,
    "text": "5",
    "fraction": 1.5,
    "one point zero": 1.0,
    "true": True,
    "list": [1],
}
PATIENTS: Final[dict[str, Any]] = {
    "neither form": "P-1",
    "number": 7,
    "null": None,
    "list": [PATIENT],
    "braces": "{019aa2c4-7b00-7000-8000-00000000beef}",
    "urn": "urn:uuid:019aa2c4-7b00-7000-8000-00000000beef",
    "without a value": {"system": PATIENT["system"]},
    "with more": PATIENT | {"use": "official"},
    "empty": {},
}
SESSIONS: Final[dict[str, Json]] = {
    "title": {"title": "wisteria"},
    "notes": {"notes": "wisteria"},
    "intensity": {"intensity": 3},
    "visibility": {"visibility": "shared"},
    "clinic_id": {"clinic_id": None},
    "id": {"id": "019aa2c4-7b00-7000-8000-00000000beef"},
    "revision": {"revision": 3},
    "unknown": {"chart": "wisteria"},
    "kind": {"kind": "wisteria"},
    "status": {"status": "preparation"},
    "started_at": {"started_at": "2026-11-20"},
    "timezone": {"timezone": "Mars/Olympus"},
    "dose_value": {"dose_value": "62.5"},
    "status_reason": {"status_reason": "w" * 501},
}
POINTERS: Final = {"id": "/id", "revision": "/revision", "unknown": "/chart"}


def rejected(alice: Person, clinic: Clinic, sent: Json) -> Json:
    """Push an entry that is not valid, after a valid one; return its result."""
    give(alice, clinic, "P-1")
    good, result = push(clinic, entry(clinic.identifier("P-1"), "S-0"), sent)
    assert good["outcome"] == "applied"
    assert (result["outcome"], result["status"], result["reason"]) == ("rejected", 422, "validation")
    assert (result["id"], result["version"]) == (None, None)
    assert len(alice.client.get("/v1/sessions").json()["items"]) == 1
    (logged,) = [each for each in accesses(alice) if each["action"] == "write"]
    assert logged["ids"] == [good["id"]]
    return result


def pointers_of(result: Json) -> list[str]:
    return [each["pointer"] for each in result["errors"]]


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_that_is_not_valid(alice: Person, clinic: Clinic, value: Any) -> None:
    result = rejected(alice, clinic, entry(PATIENT) | {"identifier": {"system": SYSTEM, "value": value}})
    assert (pointers_of(result), result["identifier"]) == (["/identifier/value"], None)


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_a_system_that_is_not_valid(alice: Person, clinic: Clinic, system: Any) -> None:
    result = rejected(alice, clinic, entry(PATIENT) | {"identifier": {"system": system, "value": "S-1"}})
    assert (pointers_of(result), result["identifier"]) == (["/identifier/system"], None)


@pytest.mark.parametrize("revision", REVISIONS.values(), ids=REVISIONS.keys())
def test_a_revision_that_is_not_valid(alice: Person, clinic: Clinic, revision: Any) -> None:
    assert pointers_of(rejected(alice, clinic, entry(PATIENT) | {"revision": revision})) == ["/revision"]


@pytest.mark.parametrize("patient", PATIENTS.values(), ids=PATIENTS.keys())
def test_a_patient_that_is_not_valid(alice: Person, clinic: Clinic, patient: Any) -> None:
    found = pointers_of(rejected(alice, clinic, entry(patient)))
    assert found
    assert all(each.startswith("/patient") for each in found)


@pytest.mark.parametrize(("name", "session"), SESSIONS.items(), ids=SESSIONS.keys())
def test_a_session_that_is_not_valid(alice: Person, clinic: Clinic, name: str, session: Json) -> None:
    sent = entry(PATIENT)
    sent["session"] = CLINICAL | session
    assert pointers_of(rejected(alice, clinic, sent)) == [POINTERS.get(name, f"/{name}")]


@pytest.mark.parametrize("sent", [None, 7, "S-1", [], True], ids=["null", "number", "text", "list", "true"])
def test_an_entry_that_is_no_object(alice: Person, clinic: Clinic, sent: Any) -> None:
    assert rejected(alice, clinic, sent)["identifier"] is None


@pytest.mark.parametrize("name", ["patient", "identifier", "session"])
def test_an_entry_without_a_member(alice: Person, clinic: Clinic, name: str) -> None:
    sent = {key: value for key, value in entry(PATIENT).items() if key != name}
    assert pointers_of(rejected(alice, clinic, sent)) == [f"/{name}"]


def test_all_faults_of_an_entry_are_reported(alice: Person, clinic: Clinic) -> None:
    sent = entry("wisteria", revision=-1) | {"more": 1}
    sent["session"] = CLINICAL | {"kind": "wisteria", "notes": "wisteria"}
    result = rejected(alice, clinic, sent)
    assert {*pointers_of(result)} == {"/patient", "/revision", "/more", "/kind", "/notes"}
    assert result["identifier"] == sent["identifier"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/sessions"),
        ({"sessions": None}, "/sessions"),
        ({"sessions": {}}, "/sessions"),
        ({"sessions": [], "atomic": True}, "/atomic"),
    ],
    ids=["empty", "null", "object", "unknown member"],
)
def test_a_push_that_is_not_valid(clinic: Clinic, body: Json, pointer: str) -> None:
    problem = refused(clinic.client.post("/v1/clinic/sessions", json=body), 422, "validation")
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
