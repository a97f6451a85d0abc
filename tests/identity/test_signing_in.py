"""Sign-in: every refusal has the same response, for any reason."""

from types import SimpleNamespace
from unittest.mock import ANY

import jwt
import pytest
from starlette.requests import Request

from app.identity.caller import SignedIn
from app.identity.tables import Role
from app.ids import new_id
from tests.identity.operator import appoint, close
from tests.serving import PASSWORD, Person, Server
from tests.witness import Client


def test_an_e_mail_address_in_any_case_and_the_password_sign_in(server: Server, anyone: Client, alice: Person) -> None:
    body = {"email": alice.email.upper(), "password": PASSWORD, "device_name": "wisteria phone"}
    tokens = anyone.post("/v1/auth/login", json=body).json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    client = server.client(tokens["access_token"])
    assert client.get("/v1/me").json() == tokens["account"] | {"usage": ANY}
    devices = client.get("/v1/auth/devices").json()["items"]
    assert [(each["name"], each["current"]) for each in devices] == [("wisteria phone", True), ("phone", False)]


def test_wrong_password_unknown_unverified_and_closed_account_get_the_same_response(
    server: Server, anyone: Client, alice: Person, bob: Person
) -> None:
    unverified = f"wisteria.{new_id().hex}@example.com"
    anyone.post("/v1/auth/register", json={"email": unverified, "password": PASSWORD})
    close(server, bob)
    answers = []
    for email, password in (
        (alice.email, f"{PASSWORD} "),
        (alice.email, PASSWORD.upper()),
        (f"nobody.{alice.email}", PASSWORD),
        (unverified, PASSWORD),
        (bob.email, PASSWORD),
    ):
        response = anyone.post("/v1/auth/login", json={"email": email, "password": password})
        headers = {**response.headers, "date": "", "x-request-id": ""}
        answers.append((response.status_code, {**response.json(), "request_id": ""}, headers))
    assert answers == [answers[0]] * 5
    assert (answers[0][0], answers[0][2]["www-authenticate"]) == (401, "Bearer")
    assert bob.client.get("/v1/me").status_code == 401
    refreshed = anyone.post("/v1/auth/refresh", json={"refresh_token": bob.tokens["refresh_token"]})
    assert refreshed.status_code == 401


def test_a_new_role_is_used_by_the_next_request(server: Server, anyone: Client, alice: Person) -> None:
    app = SimpleNamespace(state=SimpleNamespace(services=server.services))

    async def role_of(token: str) -> str:
        headers = [(b"authorization", f"Bearer {token}".encode())]
        return (await SignedIn()(Request({"type": "http", "app": app, "headers": headers}))).role

    assert server.run(role_of(alice.token)) == "person"
    for role in (Role.CLINICIAN, Role.ADMIN, Role.PERSON):
        appoint(server, alice, role)
        assert server.run(role_of(alice.token)) == role
        assert alice.client.get("/v1/me").json()["role"] == role
        refresh = {"refresh_token": alice.tokens["refresh_token"]}
        alice.tokens = anyone.post("/v1/auth/refresh", json=refresh).json()
        claims = jwt.decode(alice.token, options={"verify_signature": False})
        assert (alice.tokens["account"]["role"], claims["scope"]) == (role, role)


BODIES: dict[str, dict[str, str]] = {
    "register": {"password": "wisteria by the gate"},
    "password/forgot": {},
    "login": {"password": "wisteria?"},
    "verify": {"code": "000000"},
    "password/reset": {"code": "WISTERIA00", "new": "wisteria by the gate"},
}


@pytest.mark.parametrize("path", BODIES)
def test_responses_do_not_reveal_who_has_an_account(
    server: Server, anyone: Client, alice: Person, bob: Person, path: str
) -> None:
    close(server, bob)
    waiting = f"wisteria.{new_id().hex}@example.com"
    anyone.post("/v1/auth/register", json={"email": waiting, "password": PASSWORD})
    answers = set()
    for email in (alice.email, bob.email, waiting, f"nobody.{alice.email}"):
        body = {"email": email, **BODIES[path]}
        response = anyone.post(f"/v1/auth/{path}", json=body, headers={"X-Request-Id": "the-same"})
        answers.add((response.status_code, response.content, str({**response.headers, "date": ""})))
    assert len(answers) == 1
