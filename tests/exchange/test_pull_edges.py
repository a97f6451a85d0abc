"""Pulls of a clinic at the edges: cursors and queries that are refused, waiting pulls, clients that end, and the log of accesses."""

import time
from typing import Final

import pytest
import sqlalchemy as sa

from app.clinics.tables import ClinicRecord
from app.db import Statement, bind
from tests.clinics.clients import end_client
from tests.consents.clinic import Clinic, accesses, give
from tests.exchange.replica import Replica, entry, expire, push
from tests.exchange.sharing import end, hide, shared, summary
from tests.exchange.test_visibility import ALL, linked
from tests.parallel import soon
from tests.refusals import refused
from tests.serving import Person, Server

_clinic = ClinicRecord.table()
RAISE_EPOCH: Final = Statement(sa.update(_clinic).where(_clinic.c.id == bind(_clinic.c.id)).values(epoch=9))
RAISE_FLOOR: Final = Statement(
    sa.update(_clinic).where(_clinic.c.id == bind(_clinic.c.id)).values(floor=_clinic.c.head)
)


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


def test_a_pull_from_the_cursor_of_the_state_returns_the_changes_since_the_last_pull(
    alice: Person, clinic: Clinic
) -> None:
    give(alice, clinic)
    assert clinic.client.get("/v1/clinic").json()["cursor"] == "0"
    clinic.client.get("/v1/clinic/changes")
    cursor = clinic.client.get("/v1/clinic").json()["cursor"]
    element = shared(alice)
    assert clinic.client.get("/v1/clinic").json()["cursor"] == cursor
    page = clinic.client.get("/v1/clinic/changes", params={"since": cursor}).json()
    assert [each["id"] for each in page["changes"]] == [element["id"]]
    assert clinic.client.get("/v1/clinic").json()["cursor"] == page["cursor"]
