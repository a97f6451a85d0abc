"""A clinic pushes the sessions of its patients, by its own identifiers."""

from collections.abc import Callable
from uuid import UUID, uuid5

import pytest

from app.clinics.tables import Purpose
from app.ids import new_id
from tests.consents.clinic import Clinic, accesses, give, new_client, new_clinic
from tests.drafts import Json
from tests.exchange.replica import CLINICAL, SYSTEM, entry, expire, push
from tests.refusals import refused
from tests.serving import Person, Server


def session_of(person: Person, result: Json) -> Json:
    """Return the session of a result, as its owner reads it."""
    response = person.client.get(f"/v1/sessions/{result['id']}")
    assert response.status_code == 200, response.text
    session: Json = response.json()
    return session


def outcome(result: Json) -> tuple[str, int, str | None]:
    return result["outcome"], result["status"], result["reason"]


def test_a_pushed_session_is_the_patients(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    (connection,) = clinic.connections()
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    assert (*outcome(result), result["errors"]) == ("applied", 201, None, [])
    assert result["identifier"] == {"system": SYSTEM, "value": "S-1"}
    session = session_of(alice, result)
    assert (session["clinic_id"], session["visibility"]) == (str(clinic.id), "private")
    assert {name: session[name] for name in CLINICAL} == CLINICAL
    assert (session["title"], session["intensity"], session["notes"], session["scheduled_at"]) == (None,) * 4
    (again,) = push(clinic, entry(connection["id"]))
    assert again == result | {"outcome": "unchanged", "status": 200}
    assert session_of(alice, result) == session
    logged = [(each["action"], each["collection"], each["ids"]) for each in accesses(alice)]
    assert logged[:2] == [("write", "sessions", [result["id"]])] * 2


def test_the_id_follows_from_the_connection_and_the_identifier(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    (connection,) = clinic.connections()
    (result,) = push(clinic, entry(connection["id"], "Störung 7"))
    assert result["id"] == str(uuid5(UUID(connection["id"]), f"{SYSTEM}|Störung 7"))


def test_absent_fields_become_null_or_their_default_and_the_time_zone_is_kept(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    push(clinic, entry(clinic.identifier("P-1"), timezone="Asia/Tokyo"))
    sparse = entry(clinic.identifier("P-1")) | {"session": {"status": "planned", "kind": "integration"}}
    (result,) = push(clinic, sparse)
    session = session_of(alice, result)
    assert outcome(result) == ("applied", 200, None)
    assert (session["timezone"], session["kind"], session["status"]) == ("Asia/Tokyo", "integration", "planned")
    assert [session[name] for name in ("started_at", "setting", "medicine", "dose_value", "dose_unit")] == [None] * 5


def test_a_new_session_has_the_patients_time_zone_by_default(server: Server, clinic: Clinic) -> None:
    person = server.person("tokyo", timezone="Asia/Tokyo")
    give(person, clinic, "P-1")
    (result,) = push(clinic, entry(clinic.identifier("P-1")) | {"session": {}})
    assert session_of(person, result)["timezone"] == "Asia/Tokyo"


def test_a_clinic_corrects_a_status_and_retracts(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    patient = clinic.identifier("P-1")
    push(clinic, entry(patient, status="completed"))
    (back,) = push(clinic, entry(patient, status="in-progress"))
    (without_reason,) = push(clinic, entry(patient, status="entered-in-error"))
    (retracted,) = push(clinic, entry(patient, status="entered-in-error", status_reason="wisteria: another chart"))
    assert [outcome(each) for each in (back, without_reason, retracted)] == [
        ("applied", 200, None),
        ("rejected", 422, "validation"),
        ("applied", 200, None),
    ]
    assert [each["pointer"] for each in without_reason["errors"]] == ["/status_reason"]
    assert session_of(alice, retracted)["status"] == "entered-in-error"


def test_revisions_that_arrive_late_have_no_effect(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    patient = clinic.identifier("P-1")
    sent = [(3, "home"), (2, "clinic"), (3, "home"), (5, "home"), (4, "clinic"), (None, "retreat"), (4, "clinic")]
    results = [push(clinic, entry(patient, revision=revision, setting=setting))[0] for revision, setting in sent]
    assert [outcome(each) for each in results] == [
        ("applied", 201, None),
        ("unchanged", 200, "stale"),
        ("unchanged", 200, None),
        ("applied", 200, None),  # the same fields, but the revision is stored
        ("unchanged", 200, "stale"),
        ("applied", 200, None),
        ("unchanged", 200, "stale"),
    ]
    assert session_of(alice, results[0])["setting"] == "retreat"


def test_a_removed_session_is_never_revived(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    assert alice.client.delete(f"/v1/sessions/{result['id']}", headers={"If-Match": "*"}).status_code == 204
    (again,) = push(clinic, entry(clinic.identifier("P-1"), revision=9))
    assert outcome(again) == ("conflict", 409, "deleted")
    assert alice.client.get(f"/v1/sessions/{result['id']}").status_code == 404


def test_a_detached_session_is_the_patients_only(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    path = f"/v1/sessions/{result['id']}"
    assert alice.client.patch(path, json={"clinic_id": None}, headers={"If-Match": "*"}).status_code == 200
    (again,) = push(clinic, entry(clinic.identifier("P-1"), setting="home"))
    assert outcome(again) == ("conflict", 409, "detached")
    assert session_of(alice, result)["setting"] == "clinic"


def end_by_patient(alice: Person, _: Clinic, consent: Json) -> None:
    alice.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"})


def end_by_clinic(_: Person, clinic: Clinic, __: Json) -> None:
    (connection,) = clinic.connections()
    clinic.client.patch(f"/v1/clinic/connections/{connection['id']}", json={"status": "inactive"})


def receive_nothing(alice: Person, _: Clinic, consent: Json) -> None:
    alice.client.patch(f"/v1/consents/{consent['id']}", json={"receives": False})


@pytest.mark.parametrize("end", [end_by_patient, end_by_clinic, receive_nothing])
def test_an_unknown_patient_and_one_who_does_not_consent_look_the_same(
    alice: Person, bob: Person, clinic: Clinic, other_clinic: Clinic, end: Callable[[Person, Clinic, Json], None]
) -> None:
    consent = give(alice, clinic, "P-1")
    give(bob, other_clinic, "P-2")
    (hers,), (his,) = clinic.connections(), other_clinic.connections()
    end(alice, clinic, consent)
    patients = [
        hers["id"],
        clinic.identifier("P-1"),
        his["id"],
        clinic.identifier("P-2"),
        str(new_id()),
        clinic.identifier("P-3"),
    ]
    bodies = {clinic.client.post("/v1/clinic/sessions", json={"sessions": [entry(each)]}).content for each in patients}
    assert len(bodies) == 1
    (result,) = push(clinic, entry(patients[0]))
    assert (*outcome(result), result["id"]) == ("rejected", 404, "unknown-patient", None)
    assert alice.client.get("/v1/sessions").json()["items"] == []
    assert "write" not in {each["action"] for each in accesses(alice)}


def test_a_client_for_research_writes_no_session_of_a_patient_in_treatment(
    server: Server, alice: Person, clinic: Clinic
) -> None:
    research = new_client(server, clinic.id, purpose=Purpose.RESEARCH)
    give(alice, clinic, "P-1")
    (result,) = push(research, entry(clinic.identifier("P-1")))
    assert outcome(result) == ("rejected", 404, "unknown-patient")


def test_an_expired_consent_takes_no_session_before_it_is_ended(server: Server, alice: Person, clinic: Clinic) -> None:
    expire(server, give(alice, clinic, "P-1"))
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    assert outcome(result) == ("rejected", 404, "unknown-patient")


def test_entries_are_independent_and_answered_in_order(alice: Person, bob: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    give(bob, clinic, "P-2")
    hers, his = clinic.identifier("P-1"), clinic.identifier("P-2")
    results = push(
        clinic,
        entry(hers, "S-1"),
        entry(clinic.identifier("P-3"), "S-1"),
        entry(his, "S-1"),
        entry(hers, "S-2", dose_unit=None),
        entry(his, "S-1", setting="home"),
        entry(hers, "S-3"),
    )
    assert [outcome(each) for each in results] == [
        ("applied", 201, None),
        ("rejected", 404, "unknown-patient"),
        ("applied", 201, None),
        ("rejected", 422, "validation"),
        ("rejected", 422, "duplicate-target"),
        ("applied", 201, None),
    ]
    assert [each["pointer"] for each in results[3]["errors"]] == ["/dose_unit"]
    assert [each["identifier"]["value"] for each in results] == ["S-1", "S-1", "S-1", "S-2", "S-1", "S-3"]
    assert len(alice.client.get("/v1/sessions").json()["items"]) == 2
    assert session_of(bob, results[2])["setting"] == "clinic"
    (logged,) = [each for each in accesses(bob) if each["action"] == "write"]
    assert logged["ids"] == [results[2]["id"]]
    assert logged["client_id"] == str(clinic.client_id)


def test_a_patient_by_id_and_by_identifier_is_the_same(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    (connection,) = clinic.connections()
    results = push(clinic, entry(connection["id"]), entry(clinic.identifier("P-1")))
    assert [each["reason"] for each in results] == [None, "duplicate-target"]


def test_two_clinics_have_sessions_of_one_patient(alice: Person, clinic: Clinic, other_clinic: Clinic) -> None:
    for each in (clinic, other_clinic):
        give(alice, each, "P-1")
    results = [push(each, entry(each.identifier("P-1")))[0] for each in (clinic, other_clinic)]
    assert len({each["id"] for each in results}) == 2
    assert {session["clinic_id"] for session in alice.client.get("/v1/sessions").json()["items"]} == {
        str(clinic.id),
        str(other_clinic.id),
    }


def test_a_session_moved_to_another_chart_is_another_record(alice: Person, bob: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    give(bob, clinic, "P-2")
    (wrong,) = push(clinic, entry(clinic.identifier("P-1")))
    retracted: Json = {"status": "entered-in-error", "status_reason": "wisteria: wrong chart"}
    results = push(clinic, entry(clinic.identifier("P-1"), **retracted), entry(clinic.identifier("P-2")))
    assert [each["status"] for each in results] == [200, 201]
    assert results[0]["id"] == wrong["id"] != results[1]["id"]
    assert session_of(alice, wrong)["status"] == "entered-in-error"


def test_a_chart_that_is_moved_to_another_patient_takes_its_sessions_there(
    alice: Person, bob: Person, clinic: Clinic
) -> None:
    give(alice, clinic, "P-1")
    give(bob, clinic, "P-2")
    hers, his = (clinic.connections(identifier=f"urn:wisteria-house:chart|{value}")[0] for value in ("P-1", "P-2"))
    clinic.client.patch(f"/v1/clinic/connections/{hers['id']}", json={"identifiers": []})
    both = [clinic.identifier("P-1"), clinic.identifier("P-2")]
    clinic.client.patch(f"/v1/clinic/connections/{his['id']}", json={"identifiers": both})
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    assert session_of(bob, result)["clinic_id"] == str(clinic.id)
    assert alice.client.get("/v1/sessions").json()["items"] == []


def test_500_sessions_are_pushed_and_501_refused(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    sessions = [entry(clinic.identifier("P-1"), f"S-{number}") for number in range(501)]
    problem = refused(clinic.client.post("/v1/clinic/sessions", json={"sessions": sessions}), 413, "too-many-ops")
    assert problem["limits"] == {"max_ops": 500, "max_bytes": 2 * 2**20}
    assert alice.client.get("/v1/sessions").json()["items"] == []
    assert {outcome(each) for each in push(clinic, *sessions[:500])} == {("applied", 201, None)}
    assert {outcome(each) for each in push(clinic, *sessions[:500])} == {("unchanged", 200, None)}


def test_an_empty_push_has_no_results(clinic: Clinic) -> None:
    assert push(clinic) == []


@pytest.mark.parametrize(
    "scopes", ["system/Procedure.c", "system/Procedure.u", "system/Procedure.rs", "system/Patient.crus"]
)
def test_a_push_needs_its_scope(server: Server, scopes: str) -> None:
    clinic = new_clinic(server, scopes=scopes)
    response = clinic.client.post("/v1/clinic/sessions", json={"sessions": []})
    refused(response, 403, "insufficient-scope")
    assert 'scope="system/Procedure.cu"' in response.headers["www-authenticate"]
