"""The patient's side of a session that a clinic manages: locked fields, personal fields, detaching, removal."""

from typing import Any, Final

import pytest

from app.resources.sessions import SESSIONS
from tests.consents.clinic import Clinic, give
from tests.drafts import Json, etag
from tests.exchange.replica import entry, push
from tests.refusals import refused
from tests.serving import Person
from tests.sync.sync_client import SyncClient, delete, upsert

OTHERS: Final[Json] = {
    "kind": "integration",
    "status": "entered-in-error",
    "status_reason": "wisteria",
    "scheduled_at": "2026-11-20T08:00:00.000000Z",
    "started_at": "2026-11-20T09:00:00.000000Z",
    "ended_at": None,
    "timezone": "Asia/Tokyo",
    "setting": "home",
    "supervision": "self-led",
    "medicine": "esketamine",
    "route": "oral",
    "dose_value": 50,
    "dose_unit": None,
}
"""Another value for each clinical field."""
PERSONAL: Final[Json] = {"title": "wisteria", "intensity": 7, "notes": "wisteria", "visibility": "shared"}


@pytest.fixture
def managed(alice: Person, clinic: Clinic) -> Json:
    """A session of Alice that the clinic manages."""
    give(alice, clinic, "P-1")
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    session: Json = alice.client.get(f"/v1/sessions/{result['id']}").json()
    return session


def pointers(problem: Json) -> list[str]:
    return [each["pointer"] for each in problem["errors"]]


def patched(person: Person, session: Json, **changes: Any) -> Any:
    return person.client.patch(f"/v1/sessions/{session['id']}", json=changes, headers={"If-Match": "*"})


def now(person: Person, session: Json) -> Json:
    found: Json = person.client.get(f"/v1/sessions/{session['id']}").json()
    return found


def without(record: Json, *names: str) -> Json:
    return {name: value for name, value in record.items() if name not in {"version", "updated_at", *names}}


def test_the_table_has_every_clinical_field() -> None:
    assert {*OTHERS} == {*SESSIONS.clinical}
    assert {*OTHERS} | {*PERSONAL} | {"clinic_id"} == {*SESSIONS.field_names}


@pytest.mark.parametrize("field", OTHERS)
def test_a_clinical_field_is_locked(alice: Person, managed: Json, field: str) -> None:
    problem = refused(patched(alice, managed, **{field: OTHERS[field]}, notes="wisteria"), 409, "locked")
    assert pointers(problem) == [f"/{field}"]
    assert now(alice, managed) == managed


@pytest.mark.parametrize("field", OTHERS)
@pytest.mark.parametrize("on_conflict", ["reject", "mine"])
def test_a_clinical_field_is_locked_in_a_push(alice: Person, managed: Json, field: str, on_conflict: str) -> None:
    op = upsert("sessions", managed["id"], set={field: OTHERS[field], "notes": "wisteria"}, base=managed["version"])
    (result,) = SyncClient(alice).push(op, on_conflict=on_conflict)
    assert (result["outcome"], result["status"], result["reason"]) == ("conflict", 409, "locked")
    assert result["fields"] == [field]
    assert result["record"] == managed


def test_theirs_applies_the_other_fields(alice: Person, managed: Json) -> None:
    op = upsert("sessions", managed["id"], set=OTHERS | PERSONAL, base=managed["version"], on_conflict="theirs")
    (result,) = SyncClient(alice).push(op)
    assert (result["outcome"], result["status"]) == ("applied", 200)
    assert without(now(alice, managed)) == without(managed | PERSONAL)


def test_all_locked_fields_are_named(alice: Person, managed: Json) -> None:
    problem = refused(patched(alice, managed, **OTHERS), 409, "locked")
    assert pointers(problem) == [f"/{name}" for name in SESSIONS.clinical]
    op = upsert("sessions", managed["id"], set=OTHERS, was=managed_fields(managed))
    assert SyncClient(alice).push(op)[0]["fields"] == [*SESSIONS.clinical]


def managed_fields(session: Json) -> Json:
    return {name: session[name] for name in SESSIONS.field_names}


def test_the_same_values_are_no_change_of_locked_fields(alice: Person, managed: Json) -> None:
    response = patched(alice, managed, **managed_fields(managed) | {"notes": "wisteria"})
    assert response.status_code == 200
    assert without(response.json()) == without(managed | {"notes": "wisteria"})
    (result,) = SyncClient(alice).push(upsert("sessions", managed["id"], set=managed_fields(now(alice, managed))))
    assert result["outcome"] == "unchanged"


@pytest.mark.parametrize("field", PERSONAL)
def test_personal_fields_are_the_patients(alice: Person, clinic: Clinic, managed: Json, field: str) -> None:
    assert patched(alice, managed, **{field: PERSONAL[field]}).status_code == 200
    push(clinic, entry(clinic.identifier("P-1"), setting="home"))
    assert without(now(alice, managed)) == without(managed | {field: PERSONAL[field], "setting": "home"})


def test_an_outdated_version_is_reported_before_locked_fields(alice: Person, managed: Json) -> None:
    patched(alice, managed, notes="wisteria")
    response = alice.client.patch(f"/v1/sessions/{managed['id']}", json=OTHERS, headers=etag(managed))
    refused(response, 412, "outdated")


def test_detaching_makes_the_fields_the_patients(alice: Person, managed: Json) -> None:
    response = patched(alice, managed, clinic_id=None)
    assert response.status_code == 200
    assert without(response.json()) == without(managed | {"clinic_id": None})
    assert patched(alice, managed, setting="home").status_code == 200
    assert patched(alice, managed, clinic_id=None).json() == now(alice, managed)


def test_detaching_and_changing_in_one_request(alice: Person, managed: Json) -> None:
    assert patched(alice, managed, clinic_id=None, setting="home").status_code == 200
    assert without(now(alice, managed)) == without(managed | {"clinic_id": None, "setting": "home"})


def test_detaching_in_a_push(alice: Person, managed: Json) -> None:
    op = upsert("sessions", managed["id"], set={"clinic_id": None, "setting": "home"}, was=managed_fields(managed))
    (result,) = SyncClient(alice).push(op)
    assert (result["outcome"], result["record"]["clinic_id"], result["record"]["setting"]) == ("applied", None, "home")


def test_nobody_but_the_clinic_makes_a_session_managed(alice: Person, clinic: Clinic, managed: Json) -> None:
    detached = patched(alice, managed, clinic_id=None).json()
    problem = refused(patched(alice, detached, clinic_id=str(clinic.id)), 422, "validation")
    assert pointers(problem) == ["/clinic_id"]
    problem = refused(alice.client.post("/v1/sessions", json={"clinic_id": str(clinic.id)}), 422, "validation")
    assert pointers(problem) == ["/clinic_id"]
    op = upsert("sessions", detached["id"], set={"clinic_id": str(clinic.id)}, base=detached["version"])
    (result,) = SyncClient(alice).push(op)
    assert (result["outcome"], result["status"]) == ("rejected", 422)


def test_a_copy_of_a_managed_session_is_the_patients_own(alice: Person, managed: Json) -> None:
    (result,) = SyncClient(alice).push(upsert("sessions", set=managed_fields(managed)))
    assert (result["outcome"], result["record"]["clinic_id"]) == ("applied", None)


def test_a_session_of_ones_own_has_no_clinic(alice: Person) -> None:
    session = alice.client.post("/v1/sessions", json={"clinic_id": None}).json()
    assert session["clinic_id"] is None
    assert patched(alice, session, setting="home").status_code == 200


def test_another_clinic_cannot_be_named(alice: Person, managed: Json, other_clinic: Clinic) -> None:
    assert pointers(refused(patched(alice, managed, clinic_id=str(other_clinic.id)), 422, "validation")) == [
        "/clinic_id"
    ]


def test_a_patient_removes_a_managed_session(alice: Person, managed: Json) -> None:
    (result,) = SyncClient(alice).push(delete(managed, "sessions", base=managed["version"]))
    assert (result["outcome"], result["status"]) == ("applied", 204)


def test_a_removed_session_that_is_restored_is_the_patients(alice: Person, clinic: Clinic, managed: Json) -> None:
    sync = SyncClient(alice)
    sync.push(delete(managed, "sessions"))
    (result,) = sync.push(upsert("sessions", managed["id"], set=managed_fields(managed), undelete=True))
    assert (result["outcome"], result["record"]["clinic_id"]) == ("applied", None)
    (again,) = push(clinic, entry(clinic.identifier("P-1")))
    assert (again["outcome"], again["reason"]) == ("conflict", "detached")


def test_sessions_stay_locked_after_the_consent_until_they_are_detached(
    alice: Person, clinic: Clinic, managed: Json
) -> None:
    (consent,) = alice.client.get("/v1/consents").json()["items"]
    alice.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"})
    assert now(alice, managed) == managed
    refused(patched(alice, managed, setting="home"), 409, "locked")
    give(alice, clinic, "P-1")
    (result,) = push(clinic, entry(clinic.identifier("P-1"), setting="home"))
    assert (result["id"], result["status"]) == (managed["id"], 200)
    assert patched(alice, managed, clinic_id=None, setting="clinic").status_code == 200


def test_repeating_the_creation_of_a_managed_session_is_refused(alice: Person, managed: Json) -> None:
    draft = {"id": managed["id"], "setting": "home"}
    refused(alice.client.post("/v1/sessions", json=draft), 409, "already-exists")


def test_a_push_with_other_fields_rolls_back_an_atomic_batch(alice: Person, managed: Json) -> None:
    ops = [upsert("sessions", managed["id"], set={"setting": "home"}), upsert("sessions", set={"title": "wisteria"})]
    body = {"atomic": True, "ops": ops}
    problem = refused(alice.client.post("/v1/sync/push", json=body), 409, "batch-refused")
    assert [each["outcome"] for each in problem["results"]] == ["conflict", "rolled-back"]


def test_the_history_names_the_clinics_version(alice: Person, clinic: Clinic, managed: Json) -> None:
    patched(alice, managed, notes="wisteria")
    (former,) = alice.client.get(f"/v1/sessions/{managed['id']}/history").json()["items"]
    assert former["record"] == managed
    assert former["device_id"] == str(clinic.client_id)
