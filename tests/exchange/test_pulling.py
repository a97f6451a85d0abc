"""A clinic pulls the changes of all its patients by one cursor."""

import time
from collections.abc import Callable
from typing import Any, Final

import pytest
import sqlalchemy as sa

from app.clinics.tables import ClinicRecord
from app.db import Statement, bind
from tests.clinics.clients import end_client
from tests.consents.clinic import Clinic, accesses, give, propose
from tests.drafts import Json
from tests.exchange.replica import Replica, entry, expire, pulled_anew, push
from tests.exchange.test_visibility import ALL, change, create, linked
from tests.parallel import soon
from tests.refusals import refused
from tests.serving import Person, Server

_clinic = ClinicRecord.table()
RAISE_EPOCH: Final = Statement(sa.update(_clinic).where(_clinic.c.id == bind(_clinic.c.id)).values(epoch=9))
RAISE_FLOOR: Final = Statement(
    sa.update(_clinic).where(_clinic.c.id == bind(_clinic.c.id)).values(floor=_clinic.c.head)
)


def shared(person: Person, **changes: Any) -> Json:
    return create(
        person,
        "elements",
        **{"session_id": session_of(person), "title": "wisteria", "kind": "memory", "visibility": "shared"} | changes,
    )


def session_of(person: Person) -> str:
    items = person.client.get("/v1/sessions").json()["items"]
    return str(items[0]["id"] if items else create(person, "sessions")["id"])


def summary(changes: list[Json]) -> list[tuple[str, bool]]:
    return [(each["collection"], each["removed"]) for each in changes]


def end(person: Person, consent: Json) -> None:
    assert person.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"}).status_code == 200


def test_each_change_is_returned_once_in_its_latest_state(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic)
    element = shared(alice)
    assert summary(replica.pull()) == [("connections", False), ("elements", False)]
    change(alice, "elements", element, title="wisteria 1")
    change(alice, "elements", element, title="wisteria 2")
    (seen,) = replica.pull()
    assert (seen["record"]["title"], seen["version"]) == ("wisteria 2", 4)
    assert replica.pull() == []
    assert pulled_anew(clinic) == replica.records


def test_what_was_shared_before_the_consent_is_returned(alice: Person, clinic: Clinic, replica: Replica) -> None:
    linked(alice)
    give(alice, clinic, shares=ALL)
    assert summary(replica.pull()) == [
        ("connections", False),
        ("sessions", False),
        ("elements", False),
        ("intentions", False),
        ("intentions", False),
        ("reflections", False),
        ("action-items", False),
        ("check-ins", False),
        ("assessments", False),
    ]


def hide(person: Person, element: Json) -> None:
    change(person, "elements", element, visibility="private")


def remove(person: Person, element: Json) -> None:
    assert person.client.delete(f"/v1/elements/{element['id']}", headers={"If-Match": "*"}).status_code == 204


def remove_with_its_session(person: Person, element: Json) -> None:
    path = f"/v1/sessions/{element['session_id']}"
    assert person.client.delete(path, headers={"If-Match": "*"}).status_code == 204


@pytest.mark.parametrize("act", [hide, remove, remove_with_its_session])
def test_what_is_not_seen_any_more_is_removed_without_a_reason(
    alice: Person, clinic: Clinic, replica: Replica, act: Callable[[Person, Json], None]
) -> None:
    give(alice, clinic)
    element = shared(alice)
    replica.pull()
    act(alice, element)
    (seen,) = replica.pull()
    (connection,) = clinic.connections()
    assert seen == {
        "collection": "elements",
        "patient": connection["id"],
        "id": element["id"],
        "version": 3,
        "removed": True,
        "record": None,
    }
    assert "elements" not in {key[1] for key in pulled_anew(clinic)}


def test_a_consent_that_ends_is_one_removed_connection(alice: Person, clinic: Clinic, replica: Replica) -> None:
    consent = give(alice, clinic, shares=ALL)
    linked(alice)
    replica.pull()
    (connection,) = clinic.connections()
    end(alice, consent)
    (seen,) = replica.pull()
    assert (seen["collection"], seen["id"], seen["patient"]) == ("connections", connection["id"], connection["id"])
    assert (seen["removed"], seen["record"]) == (True, None)
    assert replica.records == {}
    assert summary(Replica(clinic).pull()) == [("connections", True)]


def test_a_new_consent_delivers_again_with_higher_versions(alice: Person, clinic: Clinic, replica: Replica) -> None:
    consent = give(alice, clinic, shares=ALL)
    linked(alice)
    before = replica.pull()
    end(alice, consent)
    replica.pull()
    give(alice, clinic, shares=ALL)
    after = replica.pull()
    assert summary(after) == summary(before)
    assert min(each["version"] for each in after) > max(each["version"] for each in before)
    pairs = [(each["patient"], each["collection"], each["id"], each["version"]) for each in replica.received]
    assert len({*pairs}) == len(pairs)


@pytest.mark.parametrize(
    "terms",
    [{"name": "Alice"}, {"receives": False}, {"until": "2199-01-01T00:00:00Z"}, {"shares": ["elements", "sessions"]}],
    ids=["name", "receives", "until", "shares"],
)
def test_changed_terms_deliver_what_they_cover_again(
    alice: Person, clinic: Clinic, replica: Replica, terms: Json
) -> None:
    consent = give(alice, clinic, shares=ALL)
    linked(alice)
    replica.pull()
    assert alice.client.patch(f"/v1/consents/{consent['id']}", json=terms).status_code == 200
    changes = replica.pull()
    covered = {*terms.get("shares", ALL)}
    assert {each["collection"] for each in changes if not each["removed"]} == covered | {"connections"}
    assert {each["collection"] for each in changes if each["removed"]} == {*ALL} - covered
    (connection,) = [each["record"] for each in changes if each["collection"] == "connections"]
    assert connection == clinic.connections()[0]
    assert pulled_anew(clinic) == replica.records


def test_terms_that_stay_the_same_deliver_nothing(alice: Person, clinic: Clinic, replica: Replica) -> None:
    consent = give(alice, clinic)
    replica.pull()
    alice.client.patch(f"/v1/consents/{consent['id']}", json={"receives": True})
    assert replica.pull() == []


def test_a_collection_that_is_shared_again_is_delivered(alice: Person, clinic: Clinic, replica: Replica) -> None:
    consent = give(alice, clinic, shares=ALL)
    linked(alice)
    for shares in (["sessions"], ALL, [], ALL):
        alice.client.patch(f"/v1/consents/{consent['id']}", json={"shares": shares})
        replica.pull()
        assert pulled_anew(clinic) == replica.records
    assert {key[1] for key in replica.records} == {*ALL, "connections"}


def test_a_proposal_delivers_nothing_until_it_is_redeemed(alice: Person, clinic: Clinic, replica: Replica) -> None:
    shared(alice)
    proposed = propose(alice, clinic)
    alice.client.patch(f"/v1/consents/{proposed['id']}", json={"name": "Alice"})
    assert replica.pull() == []
    clinic.redeem(proposed["code"])
    assert summary(replica.pull()) == [("connections", False), ("elements", False)]


def test_identifiers_are_a_change_of_the_connection(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic, "P-1")
    replica.pull()
    alice.client.post("/v1/consents", json={"code": clinic.invite("P-2")["code"], "shares": [], "receives": False})
    (added,) = replica.pull()
    assert [each["value"] for each in added["record"]["identifiers"]] == ["P-1", "P-2"]
    path = f"/v1/clinic/connections/{added['id']}"
    clinic.client.patch(path, json={"identifiers": [clinic.identifier("P-3")]})
    (replaced,) = replica.pull()
    assert (replaced["record"]["identifiers"], replaced["version"]) == ([clinic.identifier("P-3")], 3)
    clinic.client.patch(path, json={"identifiers": [clinic.identifier("P-3")]})
    assert replica.pull() == []


def test_a_clinic_gets_only_its_own_patients(
    alice: Person, bob: Person, clinic: Clinic, other_clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic)
    give(bob, other_clinic)
    shared(alice)
    shared(bob)
    replica.pull()
    assert len({key[0] for key in replica.records}) == 1
    assert {key[0] for key in replica.records} == {clinic.connections()[0]["id"]}


def test_pages_are_limited(alice: Person, bob: Person, clinic: Clinic, replica: Replica) -> None:
    for person in (alice, bob):
        give(person, clinic)
        for _ in range(3):
            shared(person)
    sizes = []
    while True:
        page = replica.page(limit=3)
        sizes.append(len(page["changes"]))
        if not page["has_more"]:
            break
    assert sizes == [3, 3, 2]
    assert pulled_anew(clinic) == replica.records


def test_a_page_ends_at_4_mib(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic, shares=["reflections"])
    ops = [
        {
            "op": "upsert",
            "collection": "reflections",
            "id": f"019aa2c4-7b00-7000-8000-0000000000{number:02x}",
            "set": {"body": "w" * 100_000, "occurred_at": "2026-11-22T18:31:00Z", "visibility": "shared"},
        }
        for number in range(60)
    ]
    for some in (ops[:20], ops[20:40], ops[40:]):
        assert alice.client.post("/v1/sync/push", json={"ops": some}).status_code == 200
    first = replica.page(limit=1000)
    assert (len(first["changes"]), first["has_more"]) == (43, True)
    second = replica.page(limit=1000)
    assert (len(second["changes"]), second["has_more"]) == (18, False)
    assert len(replica.ids("reflections")) == 60


def test_a_pull_of_one_patient_or_some_collections(
    alice: Person, bob: Person, clinic: Clinic, other_clinic: Clinic
) -> None:
    give(alice, clinic, "P-1", shares=ALL)
    give(bob, clinic, "P-2", shares=ALL)
    give(bob, other_clinic)
    linked(alice)
    linked(bob)
    (hers,) = clinic.connections(identifier="urn:wisteria-house:chart|P-1")
    (his,) = other_clinic.connections()
    changes = Replica(clinic).pull(patient=hers["id"], collections="elements,connections")
    assert [(each["collection"], each["patient"]) for each in changes] == [
        ("connections", hers["id"]),
        ("elements", hers["id"]),
    ]
    assert Replica(clinic).pull(patient=his["id"]) == []
    assert Replica(clinic).pull(patient=str(alice.id)) == []


def test_a_read_is_logged_for_each_patient_and_collection(
    alice: Person, bob: Person, clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic, shares=ALL)
    give(bob, clinic)
    records = linked(alice)
    replica.pull()
    read = [each for each in accesses(alice) if each["action"] == "read" and each["collection"] != "connections"]
    assert {each["collection"]: {*each["ids"]} for each in read} == {
        "sessions": {records["session"]["id"]},
        "elements": {records["element"]["id"]},
        "intentions": {records["first"]["id"], records["second"]["id"]},
        "reflections": {records["reflection"]["id"]},
        "action-items": {records["item"]["id"]},
        "check-ins": {records["check-in"]["id"]},
        "assessments": {records["assessment"]["id"]},
    }
    assert {each["client_id"] for each in read} == {str(clinic.client_id)}
    assert len({each["request_id"] for each in read}) == 1
    assert [each["collection"] for each in accesses(bob) if each["action"] == "read"] == ["connections"]
    before = accesses(alice)
    replica.pull()
    assert accesses(alice) == before


def test_removals_are_not_logged_as_reads(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic)
    element = shared(alice)
    replica.pull()
    before = accesses(alice)
    hide(alice, element)
    replica.pull()
    assert accesses(alice) == before


def test_a_cursor_of_another_clinic_purpose_epoch_or_future_is_410(
    server: Server, alice: Person, clinic: Clinic, other_clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic)
    give(alice, other_clinic)
    shared(alice)
    replica.pull()
    theirs = Replica(other_clinic)
    theirs.cursor = replica.cursor
    response = other_clinic.client.get("/v1/clinic/changes", params={"since": replica.cursor})
    problem = refused(response, 410, "cursor-expired")
    assert problem["resync"] == {"since": "0", "mode": "replace"}
    server.run(server.db.run(RAISE_EPOCH, id=clinic.id))
    refused(clinic.client.get("/v1/clinic/changes", params={"since": replica.cursor}), 410, "cursor-expired")
    assert clinic.client.get("/v1/clinic/changes", params={"since": "0"}).status_code == 200


def test_a_cursor_below_the_floor_is_410_but_not_one_of_a_pull_from_the_beginning(
    server: Server, alice: Person, clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic)
    for _ in range(3):
        shared(alice)
    first = replica.page(limit=2)
    replica.pull()
    kept = replica.cursor
    shared(alice)
    replica.pull()
    server.run(server.db.run(RAISE_FLOOR, id=clinic.id))
    for cursor in (first["cursor"], kept):
        refused(clinic.client.get("/v1/clinic/changes", params={"since": cursor}), 410, "cursor-expired")
    again = Replica(clinic)
    assert again.page(limit=2)["has_more"]
    again.pull(limit=2)
    assert again.records == replica.records


@pytest.mark.parametrize(
    "since",
    [
        "",
        "1",
        "00",
        "-1",
        "wisteria",
        "AAAA",
        "_" * 51,
        "A" * 52,
        "٣",
        "AZqixHsAcACAAAAAAADBwAAAAAABAAAAAAAAAAcAAAAAAAAAAAB",
    ],
)
def test_a_cursor_that_is_none_is_422(clinic: Clinic, since: str) -> None:
    response = clinic.client.get("/v1/clinic/changes", params={"since": since})
    assert [each["pointer"] for each in refused(response, 422, "validation")["errors"]] == ["/since"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": "0"}, "/limit"),
        ({"limit": "1001"}, "/limit"),
        ({"wait": "31"}, "/wait"),
        ({"collections": "wisteria"}, "/collections"),
        ({"collections": "elements,wisteria"}, "/collections"),
        ({"patient": "wisteria"}, "/patient"),
        ({"session_id": "1"}, "/session_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "=".join(*value.items()),
)
def test_a_query_that_is_not_valid_is_422(clinic: Clinic, query: dict[str, str], pointer: str) -> None:
    response = clinic.client.get("/v1/clinic/changes", params=query)
    assert [each["pointer"] for each in refused(response, 422, "validation")["errors"]] == [pointer]


def test_a_waiting_pull_is_answered_by_a_change(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic)
    replica.pull()
    began = time.monotonic()
    with soon(shared, alice):
        page = replica.page(wait=20)
    assert summary(page["changes"]) == [("elements", False)]
    assert 0.3 < time.monotonic() - began < 10


def test_a_waiting_pull_is_answered_by_the_end_of_a_consent(alice: Person, clinic: Clinic, replica: Replica) -> None:
    consent = give(alice, clinic)
    replica.pull()
    with soon(end, alice, consent):
        assert summary(replica.page(wait=20)["changes"]) == [("connections", True)]


def test_a_waiting_pull_ends_empty(alice: Person, clinic: Clinic, replica: Replica) -> None:
    give(alice, clinic)
    replica.pull()
    kept = replica.cursor
    assert replica.page(wait=1) == {"changes": [], "cursor": kept, "has_more": False}


def test_a_consent_whose_time_is_over_shows_nothing_before_it_is_ended(
    server: Server, alice: Person, clinic: Clinic, replica: Replica
) -> None:
    consent = give(alice, clinic)
    shared(alice)
    assert len(replica.pull()) == 2
    expire(server, consent)
    shared(alice)
    assert [each for each in Replica(clinic).pull() if not each["removed"]] == []


def test_a_client_that_has_ended_neither_pulls_nor_pushes(
    server: Server, alice: Person, clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic, "P-1")
    replica.pull()
    end_client(server, {"id": clinic.client_id})
    for query in ({}, {"since": replica.cursor, "wait": "5"}):
        refused(clinic.client.get("/v1/clinic/changes", params=query), 401, "not-signed-in")
    sent = {"sessions": [entry(clinic.identifier("P-1"))]}
    refused(clinic.client.post("/v1/clinic/sessions", json=sent), 401, "not-signed-in")
    assert alice.client.get("/v1/sessions").json()["items"] == []


def test_the_end_of_a_client_ends_a_waiting_pull(
    server: Server, alice: Person, clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic, "P-1")
    replica.pull()

    def act() -> None:
        end_client(server, {"id": clinic.client_id})
        shared(alice)

    with soon(act):
        response = clinic.client.get("/v1/clinic/changes", params={"since": replica.cursor, "wait": 20})
    refused(response, 401, "not-signed-in")


def test_a_person_neither_pulls_nor_pushes_for_a_clinic(alice: Person) -> None:
    refused(alice.client.get("/v1/clinic/changes"), 403, "forbidden")
    refused(alice.client.post("/v1/clinic/sessions", json={"sessions": []}), 403, "forbidden")


def test_the_state_of_a_clinic_counts_its_connections_and_sessions(
    alice: Person, bob: Person, clinic: Clinic, other_clinic: Clinic, replica: Replica
) -> None:
    state = clinic.client.get("/v1/clinic").json()
    assert (state["connections"], state["sessions"]) == (0, 0)
    hers = give(alice, clinic, "P-1")
    give(bob, clinic, "P-2")
    give(bob, other_clinic, "P-2")
    for value in ("S-1", "S-2"):
        push(clinic, entry(clinic.identifier("P-1"), value))
    push(clinic, entry(clinic.identifier("P-2")))
    push(other_clinic, entry(other_clinic.identifier("P-2")))
    replica.pull()
    state = clinic.client.get("/v1/clinic").json()
    assert (state["connections"], state["sessions"], state["cursor"]) == (2, 3, replica.cursor)
    end(alice, hers)
    state = clinic.client.get("/v1/clinic").json()
    assert (state["connections"], state["sessions"]) == (1, 1)
