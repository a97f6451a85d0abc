"""What a client of a clinic may do: by its scope, of its own clinic, while it is active."""

from typing import Any

import pytest

from app.clinics.scopes import LETTERS, SUPPORTED
from app.clinics.tables import Purpose
from tests.clinics.clients import end_client, end_clinic
from tests.consents.clinic import SYSTEM, Clinic, accesses, give, new_client, new_clinic, propose
from tests.drafts import Json
from tests.refusals import faults, refused
from tests.serving import Person, Server
from tests.witness import DOCUMENT, Client

NEEDS = {
    "create_invitation": "Patient.c",
    "list_invitations": "Patient.s",
    "withdraw_invitation": "Patient.c",
    "create_connection": "Patient.c",
    "list_connections": "Patient.s",
    "change_connection": "Patient.u",
    "create_webhook": "Subscription.c",
    "list_webhooks": "Subscription.s",
    "get_webhook": "Subscription.r",
    "change_webhook": "Subscription.u",
    "remove_webhook": "Subscription.d",
}
"""The scope that an operation needs. `get_clinic` needs none."""
ELSEWHERE = {"get_clinic", "pull_clinic_changes", "push_sessions"}
"""Needs no scope, or the scopes of records: see the tests of the exchange."""
WEBHOOK_URL = "https://wisteria.invalid/changes"
OPERATIONS = {
    operation["operationId"]: (method, path)
    for path, methods in DOCUMENT.paths.items()
    for method, operation in methods.items()
    if {"ClientToken": []} in operation["security"] and not path.startswith("/fhir")
}
"""The operations below `/fhir` are tested in `tests/fhir`."""
TYPES = ("Patient", "Subscription")
SCOPES = {
    **{
        f"{kind}.{letter}": f"system/{kind}.{letter}"
        for kind in TYPES
        for letter in LETTERS
        if letter in SUPPORTED[kind]
    },
    "all others": " ".join(f"system/{kind}.{letters}" for kind, letters in SUPPORTED.items() if kind not in TYPES),
}


def body_of(name: str, clinic: Clinic, person: Person) -> Json | None:
    """Return a body that an operation accepts."""
    asks = {"shares": [], "receives": False, "purpose": "treatment"}
    bodies: dict[str, Any] = {
        "create_invitation": lambda: {"identifier": clinic.identifier("P-new"), "asks": asks},
        "create_connection": lambda: {"code": propose(person, clinic)["code"], "identifier": clinic.identifier("P-2")},
        "change_connection": lambda: {"identifiers": [clinic.identifier("P-3")]},
        "create_webhook": lambda: {"url": WEBHOOK_URL},
        "change_webhook": lambda: {"status": "disabled"},
    }
    return bodies[name]() if name in bodies else None


def send(client: Client, name: str, id: str, body: Json | None) -> tuple[int, bytes]:
    method, path = OPERATIONS[name]
    response = client.request(method, path.format(id=id), json=body, headers={"X-Request-Id": "the-same"})
    return response.status_code, response.content


def object_of(name: str, clinic: Clinic) -> str:
    """Return the id of what an operation is about."""
    if "invitation" in name:
        return str(clinic.invite("P-9")["id"])
    if "webhook" in name:
        return str(clinic.client.post("/v1/clinic/webhooks", json={"url": WEBHOOK_URL}).json()["id"])
    return str(clinic.connections()[0]["id"])


def test_every_operation_of_a_client_is_tested() -> None:
    assert {*NEEDS} | ELSEWHERE == {*OPERATIONS}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("name", NEEDS)
def test_an_operation_needs_its_scope(server: Server, alice: Person, bob: Person, name: str, scope: str) -> None:
    clinic = new_clinic(server)
    give(alice, clinic)
    token = server.services.tokens.issue_to_client(clinic.client_id, SCOPES[scope])
    with server.client(token) as client:
        method, path = OPERATIONS[name]
        url, body = path.format(id=object_of(name, clinic)), body_of(name, clinic, bob)
        response = client.request(method, url, json=body)
        if scope == NEEDS[name]:
            assert response.status_code < 300, response.text
        else:
            problem = refused(response, 403, "insufficient-scope")
            assert f"system/{NEEDS[name]}" in problem["detail"]
            assert "insufficient_scope" in response.headers["www-authenticate"]


@pytest.mark.parametrize("ended", ["client", "clinic"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_client_that_has_ended_is_401(server: Server, bob: Person, clinic: Clinic, name: str, ended: str) -> None:
    give(server.person("alice"), clinic)
    id, body = object_of(name, clinic), body_of(name, clinic, bob)
    end = end_client if ended == "client" else end_clinic
    end(server, {"id": clinic.client_id, "clinic_id": clinic.id})
    refusal = server.anyone.get("/v1/me", headers={"X-Request-Id": "the-same"})
    assert send(clinic.client, name, id, body) == (401, refusal.content)


@pytest.mark.parametrize("name", ["withdraw_invitation", "change_connection"])
def test_what_is_not_the_clinics_looks_missing(
    server: Server, alice: Person, clinic: Clinic, other_clinic: Clinic, name: str
) -> None:
    ended, _ = give(alice, clinic), give(server.person("bob"), other_clinic)
    own = object_of(name, clinic)
    research = new_client(server, clinic.id, purpose=Purpose.RESEARCH)
    body = body_of(name, clinic, alice)
    answers = {send(other_clinic.client, name, own, body), send(clinic.client, name, str(alice.id), body)}
    if name == "change_connection":
        answers |= {send(research.client, name, own, body)}
        alice.client.patch(f"/v1/consents/{ended['id']}", json={"status": "inactive"})
        answers |= {send(clinic.client, name, own, body), send(clinic.client, name, ended["id"], body)}
    else:
        clinic.client.delete(f"/v1/clinic/invitations/{own}")
        answers |= {send(clinic.client, name, own, body)}
    assert [status for status, _ in answers] == [404]


def test_a_client_sees_connections_of_its_purpose(server: Server, alice: Person, bob: Person, clinic: Clinic) -> None:
    research = new_client(server, clinic.id, purpose=Purpose.RESEARCH)
    give(alice, clinic)
    asks = {"shares": ["elements"], "receives": False, "purpose": "research"}
    give(bob, clinic, code=clinic.invite("P-7", asks=asks)["code"])
    assert [each["purpose"] for each in clinic.connections()] == ["treatment"]
    assert [each["identifiers"][0]["value"] for each in research.connections()] == ["P-7"]
    assert research.client.get("/v1/clinic").json()["connections"] == 1


def test_lists_are_read_in_pages(server: Server, clinic: Clinic) -> None:
    invitations = [clinic.invite(f"P-{number}")["id"] for number in range(5)]
    for number in range(3):
        give(server.person(f"person {number}"), clinic, f"Q-{number}")
    read: dict[str, list[str]] = {}
    for path in ("/v1/clinic/invitations", "/v1/clinic/connections"):
        query, read[path] = {"limit": "2"}, []
        while query:
            page = clinic.client.get(path, params=query).json()
            read[path] += [each["id"] for each in page["items"]]
            query = {"limit": "2", "cursor": page["next_cursor"]} if page["next_cursor"] else {}
    assert read["/v1/clinic/invitations"] == invitations[::-1]
    assert len({*read["/v1/clinic/connections"]}) == len(read["/v1/clinic/connections"]) == 3
    other = clinic.client.get("/v1/clinic/invitations", params={"limit": "2"}).json()["next_cursor"]
    for cursor in (other, "wisteria"):
        refused(clinic.client.get("/v1/clinic/connections", params={"cursor": cursor}), 400, "invalid-cursor")


def test_the_access_log_is_read_in_pages_and_only_by_its_owner(alice: Person, bob: Person, clinic: Clinic) -> None:
    consent = give(alice, clinic)
    for _ in range(3):
        clinic.connections()
    first = alice.client.get("/v1/access", params={"limit": 3}).json()
    last = alice.client.get("/v1/access", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [each["action"] for each in first["items"] + last["items"]] == ["read", "read", "read", "connect"]
    assert last["next_cursor"] is None
    connected, read = last["items"][0], first["items"][0]
    assert (connected["collection"], connected["ids"]) == ("consents", [consent["id"]])
    (connection,) = clinic.connections()
    assert (read["collection"], read["ids"], read["client_id"]) == (
        "connections",
        [connection["id"]],
        str(clinic.client_id),
    )
    assert accesses(bob) == []
    refused(bob.client.get("/v1/access", params={"cursor": first["next_cursor"]}), 400, "invalid-cursor")


def test_each_access_is_logged_outside_the_database(alice: Person, clinic: Clinic, every_log_line: list[str]) -> None:
    begin = len(every_log_line)
    consent = give(alice, clinic, name="Wisteria")
    clinic.connections()
    alice.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"})
    lines = "\n".join(every_log_line[begin:])
    for event, count in (("access", 3), ("consent-started", 1), ("consent-ended", 1)):
        assert lines.count(f'"event":"{event}"') == count, event


def test_all_identifiers_are_replaced_at_once(alice: Person, bob: Person, clinic: Clinic) -> None:
    give(alice, clinic, "P-1")
    give(bob, clinic, "P-2")
    connection = clinic.connections(identifier=f"{SYSTEM}|P-1")[0]
    path = f"/v1/clinic/connections/{connection['id']}"
    wanted = [clinic.identifier("P-1"), clinic.identifier("P-3")]
    for _ in range(2):
        changed = clinic.client.patch(path, json={"identifiers": wanted})
        assert (changed.status_code, changed.json()) == (200, connection | {"identifiers": wanted})
    taken = {"identifiers": [clinic.identifier("P-2"), clinic.identifier("P-4")]}
    refused(clinic.client.patch(path, json=taken), 409, "identifier-in-use")
    assert clinic.client.patch(path, json={}).json()["identifiers"] == wanted
    assert clinic.client.patch(path, json={"identifiers": []}).json()["identifiers"] == []
    assert [each["action"] for each in accesses(alice) if each["action"] == "write"] == ["write", "write"]


BAD_PATCHES: dict[str, tuple[Json, str, str]] = {
    "both members": ({"identifiers": [], "status": "inactive"}, "/identifiers", "one-of"),
    "an identifier twice": ({"identifiers": [{"system": SYSTEM, "value": "P"}] * 2}, "/identifiers", "repeated"),
    "another status": ({"status": "active"}, "/status", "literal-error"),
    "eleven identifiers": (
        {"identifiers": [{"system": SYSTEM, "value": f"P-{number}"} for number in range(11)]},
        "/identifiers",
        "too-long",
    ),
    "terms": ({"shares": []}, "/shares", "unknown-field"),
}


@pytest.mark.parametrize("case", BAD_PATCHES)
def test_a_bad_change_of_a_connection_changes_nothing(alice: Person, clinic: Clinic, case: str) -> None:
    give(alice, clinic)
    body, pointer, code = BAD_PATCHES[case]
    (before,) = clinic.connections()
    found = faults(clinic.client.patch(f"/v1/clinic/connections/{before['id']}", json=body))
    assert found == {pointer: code}
    assert clinic.connections() == [before]


VALUES = {
    "a NUL": "P\0",
    "a control character": "P\x07",
    "a line break": "P\nQ",
    "a leading blank": " P",
    "a trailing blank": "P ",
    "nothing": "",
    "201 characters": "P" * 201,
    "a number": 5,
    "null": None,
}
SYSTEMS = {
    "no scheme": "charts",
    "a relative URL": "/charts",
    "a scheme alone": "urn:",
    "a blank": "urn:wisteria house",
    "a letter beyond ASCII": "urn:wîsteria",
    "a bar": "urn:a|b",
    "a broken escape": "urn:%zz",
    "201 characters": "urn:" + "w" * 197,
    "a list": ["urn:w"],
}


@pytest.mark.parametrize("case", VALUES)
def test_a_bad_value_of_an_identifier_is_422(clinic: Clinic, case: str) -> None:
    assert _faults(clinic, {"system": SYSTEM, "value": VALUES[case]}) == {"/identifier/value": "identifier"}


@pytest.mark.parametrize("case", SYSTEMS)
def test_a_bad_system_of_an_identifier_is_422(clinic: Clinic, case: str) -> None:
    assert _faults(clinic, {"system": SYSTEMS[case], "value": "P-1"}) == {"/identifier/system": "identifier"}


def _faults(clinic: Clinic, identifier: Json) -> dict[str, str]:
    asks = {"shares": [], "receives": False, "purpose": "treatment"}
    response = clinic.client.post("/v1/clinic/invitations", json={"identifier": identifier, "asks": asks})
    return faults(response)


@pytest.mark.parametrize("query", ["P-1", "|P-1", "charts|P-1", f"{SYSTEM}|", f"{SYSTEM}| P", "|"])
def test_a_bad_identifier_in_a_query_is_422(clinic: Clinic, query: str) -> None:
    response = clinic.client.get("/v1/clinic/connections", params={"identifier": query})
    assert faults(response) == {"/identifier": "identifier"}


def test_a_token_of_a_closed_account_is_401_on_a_clinics_route(server: Server, alice: Person) -> None:
    alice.client.post("/v1/auth/logout")
    response = server.client(alice.token).get("/v1/clinic")
    refused(response, 401, "not-signed-in")
