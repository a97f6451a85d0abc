"""The ends of a consent: by the patient, the clinic, time, the operator, and a restore."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app import clock
from app.consents import ending
from tests.conftest import Servers
from tests.consents.clinic import TERMS, Clinic, accesses, give, new_clinic, propose
from tests.custody.accounts import close, command, rows_left
from tests.drafts import Json
from tests.house.commands import assert_fails
from tests.refusals import refused
from tests.rows import feed_of
from tests.serving import Person, Server
from tests.waiting import later, wait_until

End = Callable[[Server, Person, Clinic, Json], None]


def by_patient(_server: Server, person: Person, _clinic: Clinic, consent: Json) -> None:
    response = person.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive", "name": "ignored"})
    assert (response.status_code, response.json()["status"]) == (200, "inactive")


def by_clinic(_server: Server, _person: Person, clinic: Clinic, _consent: Json) -> None:
    (connection,) = clinic.connections()
    path = f"/v1/clinic/connections/{connection['id']}"
    ended = clinic.client.patch(path, json={"status": "inactive"})
    assert (ended.status_code, ended.json()["status"], ended.json()["identifiers"]) == (200, "inactive", [])
    refused(clinic.client.patch(path, json={"status": "inactive"}), 404, "not-found")


def by_expiry(_server: Server, person: Person, _clinic: Clinic, consent: Json) -> None:
    until = clock.format_instant(clock.now() + timedelta(seconds=1))
    assert person.client.patch(f"/v1/consents/{consent['id']}", json={"until": until}).status_code == 200
    wait_until(lambda: accesses(person)[0]["action"] == "end")


def by_operator(server: Server, person: Person, clinic: Clinic, _consent: Json) -> None:
    kept = give(person, new_clinic(server))
    for text in ("Ended Wisteria House.", "Wisteria House has ended already."):
        result = command(server, "clinic", "end", str(clinic.id), "--yes")
        assert result.status == 0, result.err
        assert text in result.out
    assert person.client.patch(f"/v1/consents/{kept['id']}", json={"status": "inactive"}).status_code == 200


ENDS: dict[str, End] = {"patient": by_patient, "clinic": by_clinic, "expiry": by_expiry, "operator": by_operator}


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("by", ENDS)
def test_an_ended_consent_lets_nothing_through_and_is_final(
    server: Server, alice: Person, bob: Person, clinic: Clinic, by: str
) -> None:
    consent = give(alice, clinic, "P-1")
    path = f"/v1/consents/{consent['id']}"
    ENDS[by](server, alice, clinic, consent)
    ended = alice.client.get(path).json()
    assert (ended["status"], ended["ended_by"]) == ("inactive", by)
    assert consent["created_at"] < ended["ended_at"] <= clock.format_instant(clock.now())
    assert feed_of(server, alice)["consents"] == 0
    entry = next(each for each in accesses(alice) if each["ids"] == [consent["id"]])
    assert (entry["action"], entry["collection"], entry["ids"]) == ("end", "consents", [consent["id"]])
    assert (entry["client_id"] is not None) == (by == "clinic")
    assert (entry["request_id"] is None) == (by in {"expiry", "operator"})
    wait_until(lambda: "Your consent for Wisteria House has ended." in server.mailbox.text_to(alice.email))
    refused(alice.client.patch(path, json={"receives": False}), 409, "consent-ended")
    for harmless in ({"status": "inactive"}, {"receives": True}, {}):
        assert alice.client.patch(path, json=harmless).json() == ended
    if by != "operator":
        assert clinic.connections() == []
        give(bob, clinic, "P-1")  # the chart is free again


def operator_ends_the_clinic(server: Server, _person: Person, clinic: Clinic, _consent: Json) -> None:
    assert command(server, "clinic", "end", str(clinic.id), "--yes").status == 0


ENDS_OF_PROPOSAL: dict[str, End] = {
    "patient": by_patient,
    "expiry": by_expiry,
    "operator": operator_ends_the_clinic,
}


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("by", ENDS_OF_PROPOSAL)
def test_no_email_is_sent_about_a_consent_that_was_only_proposed(
    server: Server, alice: Person, clinic: Clinic, other_clinic: Clinic, by: str
) -> None:
    proposed = propose(alice, clinic)
    path = f"/v1/consents/{proposed['id']}"
    assert alice.client.patch(path, json={"receives": False}).status_code == 200
    ENDS_OF_PROPOSAL[by](server, alice, clinic, proposed)
    assert alice.client.get(path).json()["ended_by"] == by
    assert [each["action"] for each in accesses(alice)] in (["end", "change"], ["end", "change", "change"])
    give(alice, other_clinic)
    assert "Your consent for Fern House is now active" in server.mailbox.text_to(alice.email)


def test_a_consent_is_over_at_once_when_its_time_has_come(server: Server, alice: Person, clinic: Clinic) -> None:
    until = clock.format_instant(clock.now() + timedelta(minutes=5))
    consent = give(alice, clinic, until=until)
    with later(minutes=6, tick=False):
        clinic = new_clinic_token(server, clinic)
        assert clinic.connections() == []
        assert clinic.client.get("/v1/clinic").json()["connections"] == 0
        alice = server.on_another_device(alice)
        (listed,) = alice.client.get("/v1/consents").json()["items"]
        assert (listed["status"], listed["ended_by"], listed["ended_at"]) == ("inactive", "expiry", until)
        assert alice.client.get(f"/v1/consents/{consent['id']}").json() == listed


def new_clinic_token(server: Server, clinic: Clinic) -> Clinic:
    """Return the clinic with a token of the present time."""
    token = server.services.tokens.issue_to_client(clinic.client_id, "system/Patient.crus")
    return Clinic(clinic.id, clinic.client_id, clinic.share_code, token, server.client(token))


def test_a_proposal_ends_with_its_code(server: Server, alice: Person, clinic: Clinic) -> None:
    proposed = propose(alice, clinic)
    with later(days=7, minutes=1):
        server.run(ending.expire(server.services))
        alice = server.on_another_device(alice)
        ended = alice.client.get(f"/v1/consents/{proposed['id']}").json()
        assert (ended["status"], ended["ended_by"]) == ("inactive", "expiry")
        assert propose(alice, clinic)["id"] != proposed["id"]


def test_a_change_of_terms_is_mailed_and_logged(server: Server, alice: Person, clinic: Clinic) -> None:
    consent = give(alice, clinic)
    path, terms = f"/v1/consents/{consent['id']}", {"shares": ["reflections"], "receives": False, "name": "A."}
    changed = alice.client.patch(path, json=terms).json()
    assert changed == consent | terms | {"updated_at": changed["updated_at"]}
    (connection,) = clinic.connections()
    assert (connection["shares"], connection["receives"], connection["name"]) == (["reflections"], False, "A.")
    assert alice.client.patch(path, json=terms).json() == changed
    assert [each["action"] for each in accesses(alice)] == ["read", "change", "connect"]
    wait_until(
        lambda: "The terms of your consent for Wisteria House were changed" in server.mailbox.text_to(alice.email)
    )
    past = alice.client.patch(path, json={"until": "2026-01-01T00:00:00Z"})
    assert [each["code"] for each in refused(past, 422, "validation")["errors"]] == ["past"]


def test_a_proposal_can_be_changed_before_the_clinic_redeems_it(alice: Person, clinic: Clinic) -> None:
    proposed = propose(alice, clinic)
    until = clock.format_instant(clock.now() + timedelta(days=30))
    alice.client.patch(f"/v1/consents/{proposed['id']}", json={"until": until, "shares": []})
    connection = clinic.redeem(proposed["code"])
    assert (connection["until"], connection["shares"]) == (until, [])


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("closed_by", ["owner", "operator"])
def test_closing_an_account_ends_its_consents(servers: Servers, database: str, closed_by: str) -> None:
    server = servers.start(servers.settings(database))
    alice, bob, clinic = server.person("alice"), server.person("bob"), new_clinic(server)
    consent, code = give(alice, clinic), propose(alice, new_clinic(server))["code"]
    give(bob, clinic)
    if closed_by == "owner":
        close(alice)
    else:
        assert command(server, "account", "close", alice.email, "--yes").status == 0
    (left,) = clinic.connections()
    assert len(accesses(bob)) == 2
    assert left["status"] == "active"
    draft = {"code": code, "identifier": clinic.identifier()}
    refused(clinic.client.post("/v1/clinic/connections", json=draft), 422, "unknown-code")
    assert command(server, "account", "reopen", alice.email).status == 0
    alice = server.on_another_device(alice)
    ended = alice.client.get(f"/v1/consents/{consent['id']}").json()
    assert ended["ended_by"] == ("patient" if closed_by == "owner" else "operator")
    server.end_test()


def test_erasing_an_account_deletes_all_that_clinics_know_of_it(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database))
    alice, bob, clinic = server.person("alice"), server.person("bob"), new_clinic(server)
    for person in (alice, bob):
        give(person, clinic)
        propose(person, new_clinic(server))
    clinic.connections()
    tables = {"consent", "access", "patient", "patient_identifier", "invitation"}
    before = rows_left(server, bob)
    assert tables <= set(rows_left(server, alice)) & set(before)
    close(alice, immediately=True)
    wait_until(lambda: rows_left(server, alice) == {})
    assert {name: count for name, count in rows_left(server, bob).items() if name in tables} == {
        name: count for name, count in before.items() if name in tables
    }
    server.end_test()


@pytest.mark.usefixtures("empty_folder")
def test_a_restore_ends_every_consent(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database))
    people = [server.person("alice"), server.person("bob")]
    consents = [give(person, new_clinic(server)) for person in people]
    for person in people:
        assert "is now active" in server.mailbox.text_to(person.email)
    propose(people[0], new_clinic(server))
    kept = [int(person.client.get("/v1/sync").json()["cursor"]) for person in people]
    for count in (3, 0):
        result = command(server, "restored", "--yes")
        assert (result.status, f"Consents ended: {count}.\n" in result.out) == (0, True)
        assert result.err.count('"event":"consent-ended"') == count
    for person, consent, version in zip(people, consents, kept, strict=True):
        again = server.on_another_device(person)
        assert again.client.get(f"/v1/consents/{consent['id']}").json()["ended_by"] == "restore"
        lost = again.client.get("/v1/sync/changes", params={"since": version + 1}).json()
        assert lost["resync"]["kept_through"] == version
        assert "restored from a backup" in server.mailbox.text_to(person.email)
    assert server.mailbox.is_empty(people[0].email)  # no e-mail about the proposal
    server.end_test()


@pytest.mark.usefixtures("empty_folder")
def test_a_restore_with_the_log_ends_what_has_ended_or_changed_since(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database))
    person = server.person("alice")
    ended, changed, kept = (give(person, new_clinic(server)) for _ in range(3))
    lines = [
        json.dumps({"event": "consent-ended", "consent_id": ended["id"], "ended_by": "clinic"}),
        json.dumps({"event": "consent-changed", "consent_id": ended["id"]}),
        json.dumps({"event": "consent-changed", "consent_id": changed["id"]}),
        json.dumps({"event": "consent-started", "consent_id": kept["id"]}),
        json.dumps({"event": "consent-ended", "consent_id": "wisteria"}),
        json.dumps({"event": "consent-ended", "consent_id": kept["id"], "ended_by": "wisteria"}),
        json.dumps(["consent-ended"]),
        "no JSON",
        "",
    ]
    Path("log").write_text("\n".join(lines))
    result = command(server, "restored", "--yes", "--ended", "log")
    assert "Consents ended: 2.\n" in result.out
    person = server.on_another_device(person)
    by = {each["id"]: each["ended_by"] for each in person.client.get("/v1/consents").json()["items"]}
    assert by == {ended["id"]: "clinic", changed["id"]: "restore", kept["id"]: None}
    missing = command(server, "restored", "--yes", "--ended", "missing")
    assert_fails(missing, "missing cannot be read; nothing was changed")
    server.end_test()


def test_terms_must_be_known(alice: Person, clinic: Clinic) -> None:
    consent = give(alice, clinic)
    for bad in ({"shares": ["wisteria"]}, {"receives": "yes"}, {"status": "active"}, {"purpose": "research"}):
        refused(alice.client.patch(f"/v1/consents/{consent['id']}", json=bad), 422, "validation")
    refused(alice.client.post("/v1/consents", json={**TERMS, "code": "\0"}), 422, "validation")
