"""Notices: an account's owner gets an e-mail about each change of its security, unless the operator turned it off."""

from collections.abc import Callable, Iterator

import pytest

from app.settings import Notice, Settings
from tests.conftest import Servers
from tests.serving import PASSWORD, Person, Server

NEW = "wisteria over the door"


def sign_in(server: Server, person: Person, **held: str) -> None:
    body = {"email": person.email, "password": PASSWORD, **held}
    assert server.anyone.post("/v1/auth/login", json=body).status_code == 200


def change_password(_server: Server, person: Person) -> None:
    assert person.client.post("/v1/auth/password", json={"current": PASSWORD, "new": NEW}).status_code == 204


def reset_password(server: Server, person: Person) -> None:
    assert server.anyone.post("/v1/auth/password/forgot", json={"email": person.email}).status_code == 202
    body = {"email": person.email, "code": server.mailbox.code_to(person.email), "new": NEW}
    assert server.anyone.post("/v1/auth/password/reset", json=body).status_code == 204


def change_email(server: Server, person: Person) -> None:
    new = f"new.{person.email}"
    assert person.client.post("/v1/me/email", json={"password": PASSWORD, "email": new}).status_code == 202
    assert "was requested" in server.mailbox.text_to(person.email)
    code = server.mailbox.code_to(new)
    assert person.client.post("/v1/me/email/confirm", json={"code": code}).status_code == 200
    assert server.mailbox.is_empty(new)


CHANGES: dict[str, tuple[Callable[[Server, Person], None], str]] = {
    "sign-in": (sign_in, "new device signed in"),
    "password change": (change_password, "password of your Afterglow account was changed"),
    "password reset": (reset_password, "password of your Afterglow account was changed"),
    "e-mail address": (change_email, "can no longer be used to sign in"),
}


@pytest.fixture(params=["on", "off"])
def notices(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(servers: Servers, database: str, notices: str) -> Iterator[Server]:
    server = servers.shared(database, notices=[*Notice] if notices == "on" else [])
    yield server
    server.end_test()


@pytest.mark.parametrize(("change", "text"), CHANGES.values(), ids=CHANGES)
def test_the_owner_gets_an_e_mail_about_a_change_of_security(
    server: Server, alice: Person, notices: str, change: Callable[[Server, Person], None], text: str
) -> None:
    change(server, alice)
    if notices == "on":
        assert text in server.mailbox.text_to(alice.email)
    witness = f"witness.{alice.email}"
    assert server.anyone.post("/v1/auth/password/forgot", json={"email": witness}).status_code == 202
    assert "no account" in server.mailbox.text_to(witness)  # jobs are run in order, so an earlier e-mail was sent
    assert server.mailbox.is_empty(alice.email)


def test_a_device_that_was_signed_in_before_causes_no_e_mail(server: Server, alice: Person) -> None:
    sign_in(server, alice, refresh_token=alice.tokens["refresh_token"])
    assert server.anyone.post("/v1/auth/password/forgot", json={"email": alice.email}).status_code == 202
    server.mailbox.code_to(alice.email)
    assert server.mailbox.is_empty(alice.email)


@pytest.mark.parametrize(
    ("value", "notices"),
    [("none", []), ("new-device, password", [Notice.NEW_DEVICE, Notice.PASSWORD]), ("", [*Notice])],
    ids=["none", "some", "unset"],
)
def test_the_operator_chooses_the_notices(monkeypatch: pytest.MonkeyPatch, value: str, notices: list[Notice]) -> None:
    monkeypatch.setenv("AFTERGLOW_NOTICES", value)
    assert Settings().notices == notices
