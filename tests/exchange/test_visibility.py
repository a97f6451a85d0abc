"""What a clinic sees, field by field: nothing that the consent does not cover, and nothing of other clinics."""

import json
from typing import Any, Final

import pytest

from app.clinics.tables import Purpose
from app.resources import RESOURCES
from app.resources.sessions import SESSIONS
from tests.consents.clinic import Clinic, give, new_client, new_clinic
from tests.drafts import Json, create_record, resource_of
from tests.exchange.replica import CLINICAL, Replica, entry, push
from tests.refusals import faults
from tests.serving import Person, Server

KINDS: Final = [kind for kind in RESOURCES if kind.scope is not None]
ALL: Final = [kind.collection for kind in KINDS]
"""The collections that a consent can share."""
PERSONAL: Final = ("title", "intensity", "notes")


def create(person: Person, path: str, **draft: Any) -> Json:
    response = person.client.post(f"/v1/{path}", json=draft)
    assert response.status_code == 201, response.text
    record: Json = response.json()
    return record


def change(person: Person, path: str, record: Json, **changes: Any) -> Json:
    response = person.client.patch(f"/v1/{path}/{record['id']}", json=changes, headers={"If-Match": "*"})
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def linked(person: Person, *, visibility: str = "shared") -> dict[str, Json]:
    """Create a record of each kind; they refer to each other in every way."""
    shown = {"visibility": visibility}
    session = create(person, "sessions", title="wisteria", **shown)
    element = create(person, "elements", session_id=session["id"], title="wisteria", kind="memory", **shown)
    first = create(person, "intentions", statement="wisteria", kind="integration", session_id=session["id"], **shown)
    ids = {"session_id": session["id"], "element_id": element["id"]}
    second = create(
        person, "intentions", statement="wisteria", kind="integration", derived_from_id=first["id"], **ids, **shown
    )
    ids["intention_id"] = second["id"]
    reflection = create(person, "reflections", body="wisteria", occurred_at="2026-11-22T18:31:00Z", **ids, **shown)
    item = create(
        person,
        "action-items",
        title="wisteria",
        change="external",
        facet="health",
        reflection_id=reflection["id"],
        **ids,
        **shown,
    )
    check_in = create(person, "check-ins", note="wisteria", session_id=session["id"], **shown)
    assessment = create(person, "assessments", instrument="pgi-c", answers=[2], session_id=session["id"], **shown)
    return {
        "session": session,
        "element": element,
        "first": first,
        "second": second,
        "reflection": reflection,
        "item": item,
        "check-in": check_in,
        "assessment": assessment,
    }


def test_a_shared_record_of_each_kind_has_its_public_shape(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic, shares=ALL)
    records = linked(alice)
    changes = replica.pull()
    assert changes[0]["collection"] == "connections"
    for own in records.values():
        (seen,) = [each for each in changes if each["id"] == own["id"]]
        record = dict(seen["record"])
        assert (record.pop("managed_by"), record.pop("identifier"), record.pop("revision")) == ("patient", None, None)
        assert record.pop("version") == seen["version"] < 100
        kept = {name: value for name, value in own.items() if name not in {"version", "visibility", "clinic_id"}}
        assert record == kept


@pytest.mark.parametrize("kind", KINDS, ids=ALL)
def test_a_private_record_is_not_seen(alice: Person, clinic: Clinic, replica: Replica, kind: Any) -> None:
    give(alice, clinic, shares=ALL)
    create_record(alice.client, kind, alice)
    assert [each["collection"] for each in replica.pull()] == ["connections"]


@pytest.mark.parametrize("kind", KINDS, ids=ALL)
def test_a_record_of_a_collection_that_is_not_shared_is_not_seen(
    alice: Person, clinic: Clinic, replica: Replica, kind: Any
) -> None:
    give(alice, clinic, shares=[name for name in ALL if name != kind.collection])
    linked(alice)
    assert kind.collection not in {each["collection"] for each in replica.pull()}


@pytest.mark.parametrize("collection", ["practices", "practice-entries", "outcomes"])
def test_a_kind_that_has_no_scope_cannot_be_shared(
    alice: Person, clinic: Clinic, replica: Replica, collection: str
) -> None:
    code = clinic.invite()["code"]
    refusal = alice.client.post("/v1/consents", json={"code": code, "shares": [collection], "receives": False})
    assert faults(refusal) == {"/shares/0": "collection"}
    give(alice, clinic, shares=ALL)
    create_record(alice.client, resource_of(collection), alice, visibility="shared")
    assert [each["collection"] for each in replica.pull()] == ["connections"]


def test_a_reference_to_a_record_that_is_not_seen_is_null(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic, shares=["intentions", "reflections", "action-items"])
    records = linked(alice)
    replica.pull()
    seen = {id: record for (_, _, id), record in replica.records.items()}
    assert "element" not in {key[1] for key in replica.records}
    for name in ("first", "second", "reflection", "item"):
        record = seen[records[name]["id"]]
        assert record["session_id"] is None
        assert record.get("element_id") is None
    assert seen[records["second"]["id"]]["derived_from_id"] == records["first"]["id"]
    assert seen[records["item"]["id"]]["reflection_id"] == records["reflection"]["id"]
    assert seen[records["item"]["id"]]["intention_id"] == records["second"]["id"]


@pytest.mark.parametrize("name", ["session", "element", "second", "reflection"])
def test_a_reference_follows_what_is_seen(alice: Person, clinic: Clinic, replica: Replica, name: str) -> None:
    paths = {"session": "sessions", "element": "elements", "second": "intentions", "reflection": "reflections"}
    give(alice, clinic, shares=ALL)
    records = linked(alice)
    replica.pull()
    target = records[name]
    change(alice, paths[name], target, visibility="private")
    replica.pull()
    assert target["id"] not in json.dumps([*replica.records.values()])
    change(alice, paths[name], target, visibility="shared")
    replica.pull()
    referring = [
        record
        for record in replica.records.values()
        if target["id"] in record.values() and record["id"] != target["id"]
    ]
    own = [each for each in records.values() if each is not target and target["id"] in each.values()]
    assert {each["id"] for each in referring} == {each["id"] for each in own}


def test_of_a_managed_session_the_clinic_sees_the_clinical_fields(
    alice: Person, clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic, "P-1", shares=ALL)
    sent = entry(clinic.identifier("P-1"), revision=4)
    (result,) = push(clinic, sent)
    session = alice.client.get(f"/v1/sessions/{result['id']}").json()
    replica.pull()
    change(alice, "sessions", session, title="wisteria", notes="wisteria", intensity=3)
    assert replica.pull() == []  # not even that something has changed
    ((_, record),) = [each for each in replica.records.items() if each[0][1] == "sessions"]
    assert {name: record[name] for name in CLINICAL} == CLINICAL
    assert [record[name] for name in PERSONAL] == [None] * 3
    assert (record["managed_by"], record["identifier"], record["revision"]) == ("this-clinic", sent["identifier"], 4)
    assert record["updated_at"] == session["updated_at"]
    change(alice, "sessions", session, visibility="shared")
    (shown,) = replica.pull()
    assert [shown["record"][name] for name in PERSONAL] == ["wisteria", 3, "wisteria"]
    change(alice, "sessions", session, visibility="private")
    (hidden,) = replica.pull()
    assert [hidden["record"][name] for name in PERSONAL] == [None] * 3
    assert not hidden["removed"]


def test_a_managed_session_is_seen_without_sharing_sessions(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic, "P-1", shares=["elements"])
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    create(alice, "elements", session_id=result["id"], title="wisteria", kind="memory", visibility="shared")
    replica.pull()
    (element,) = [record for key, record in replica.records.items() if key[1] == "elements"]
    assert element["session_id"] == result["id"]
    session = alice.client.get(f"/v1/sessions/{result['id']}").json()
    change(alice, "sessions", session, visibility="shared", notes="wisteria")
    replica.pull()
    (record,) = [record for key, record in replica.records.items() if key[1] == "sessions"]
    assert record["notes"] is None
    change(alice, "sessions", session, clinic_id=None)
    changes = {each["collection"]: each for each in replica.pull()}
    assert changes["sessions"]["removed"]
    assert changes["elements"]["record"]["session_id"] is None


def test_a_session_of_another_clinic_is_seen_if_shared_and_does_not_name_it(
    alice: Person, clinic: Clinic, other_clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic, "P-1", shares=ALL)
    give(alice, other_clinic, "Q-1", shares=ALL)
    (result,) = push(other_clinic, entry(other_clinic.identifier("Q-1"), "wisteria-7", revision=3))
    assert [each["collection"] for each in replica.pull()] == ["connections"]
    session = alice.client.get(f"/v1/sessions/{result['id']}").json()
    change(alice, "sessions", session, visibility="shared")
    (seen,) = replica.pull()
    record = seen["record"]
    assert (record["managed_by"], record["identifier"], record["revision"]) == ("another-clinic", None, None)
    text = json.dumps([*replica.records.values()])
    for secret in (other_clinic.id, "Fern", "wisteria-7", "Q-1", alice.id, alice.email):
        assert str(secret) not in text


def test_nothing_names_the_account_or_the_feed(alice: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1", shares=ALL)
    records = linked(alice)
    result = clinic.client.post("/v1/clinic/sessions", json={"sessions": [entry(clinic.identifier("P-1"))]})
    texts = [
        result.text,
        clinic.client.get("/v1/clinic/changes").text,
        clinic.client.get("/v1/clinic/connections").text,
        clinic.client.get("/v1/clinic").text,
    ]
    device = alice.client.get("/v1/auth/devices").json()["items"][0]["id"]
    consent = alice.client.get("/v1/consents").json()["items"][0]["id"]
    secrets = [alice.id, alice.email, device, consent, *(each["version"] for each in records.values())]
    assert not [(secret, text) for secret in secrets for text in texts if str(secret) in text]


def test_a_client_of_another_purpose_sees_nothing(server: Server, alice: Person, clinic: Clinic) -> None:
    research = new_client(server, clinic.id, purpose=Purpose.RESEARCH)
    consent = give(alice, clinic, "P-1", shares=ALL)
    linked(alice)
    push(clinic, entry(clinic.identifier("P-1")))
    assert Replica(research).pull() == []
    alice.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"})
    assert Replica(research).pull() == []
    assert [each["removed"] for each in Replica(clinic).pull()] == [True]


SCOPES: Final = {
    "connections": "Patient",
    "sessions": "Procedure",
    "elements": "Observation",
    "intentions": "Goal",
    "reflections": "DocumentReference",
    "action-items": "Task",
    "check-ins": "Observation",
}


@pytest.mark.parametrize("collection", SCOPES)
def test_each_collection_needs_its_scope(server: Server, alice: Person, collection: str) -> None:
    same = {name for name, scope in SCOPES.items() if scope == SCOPES[collection]}
    scopes = " ".join(f"system/{each}.s" for name, each in SCOPES.items() if name not in same)
    without = new_clinic(server, scopes=scopes)
    only = new_clinic(server, "Fern House", scopes=f"system/Patient.c system/{SCOPES[collection]}.s")
    inviting = new_client(server, without.id, without.share_code)
    give(alice, inviting, shares=ALL)
    give(alice, new_client(server, only.id), shares=ALL)
    linked(alice)
    assert {each["collection"] for each in Replica(without).pull()} == {*SCOPES} - same
    assert {each["collection"] for each in Replica(only).pull()} == same
    response = without.client.get("/v1/clinic/changes", params={"collections": collection})
    assert (response.status_code, response.json()["code"]) == (403, "insufficient-scope")


@pytest.mark.parametrize("scopes", ["system/Patient.cru", "system/Consent.rs", "system/Procedure.cru"])
def test_a_pull_needs_a_scope(server: Server, scopes: str) -> None:
    clinic = new_clinic(server, scopes=scopes)
    response = clinic.client.get("/v1/clinic/changes")
    assert (response.status_code, response.json()["code"]) == (403, "insufficient-scope")


def test_the_clinical_fields_are_those_of_the_contract() -> None:
    names = "kind status status_reason scheduled_at started_at ended_at timezone setting supervision medicine route"
    assert SESSIONS.clinical == (*names.split(), "dose_value", "dose_unit")
