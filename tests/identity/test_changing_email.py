"""Changing the e-mail address: by a code sent to the new one; the other devices end, and the former one gets a notice."""

from unittest.mock import ANY

import pytest

from app.ids import new_id
from tests.identity.operator import close
from tests.parallel import at_once
from tests.serving import PASSWORD, Person, Server
from tests.waiting import later
from tests.witness import Client

WRONG = "WISTERIA00"


@pytest.fixture
def new() -> str:
    return f"Wisteria.{new_id().hex}@example.com"


def request(client: Client, email: str, password: str = PASSWORD) -> int:
    return client.post("/v1/me/email", json={"password": password, "email": email}).status_code


def code_for(server: Server, person: Person, email: str) -> str:
    """Request a change; return the code."""
    assert request(person.client, email) == 202
    assert "was requested" in server.mailbox.text_to(person.email)
    return server.mailbox.code_to(email)


def confirm(client: Client, code: str) -> int:
    return client.post("/v1/me/email/confirm", json={"code": code}).status_code


def email_of(person: Person) -> str:
    return str(person.client.get("/v1/me").json()["email"])


def login(client: Client, email: str) -> int:
    return client.post("/v1/auth/login", json={"email": email, "password": PASSWORD}).status_code


def test_the_code_changes_the_e_mail_address_and_signs_out_the_other_devices(
    server: Server, anyone: Client, alice: Person, new: str
) -> None:
    body = {"email": alice.email, "password": PASSWORD}
    other = server.client(anyone.post("/v1/auth/login", json=body).json()["access_token"])
    code = code_for(server, alice, new)
    assert email_of(alice) == alice.email
    typed = f"{code[:5]}-{code[5:]}".lower().replace("0", "o").replace("1", "l")
    before = alice.client.get("/v1/me").json()
    changed = alice.client.post("/v1/me/email/confirm", json={"code": typed})
    assert changed.status_code == 200
    assert changed.json() | {"usage": ANY} == alice.client.get("/v1/me").json()
    former = {"email": before["email"], "updated_at": before["updated_at"], "usage": ANY}
    assert changed.json() | former == before
    assert changed.json()["email"] == new
    assert "was changed" in server.mailbox.text_to(alice.email)
    assert server.mailbox.is_empty(new)
    assert other.get("/v1/me").status_code == 401
    assert login(anyone, alice.email) == 401
    assert login(anyone, new.lower()) == 200
    assert confirm(alice.client, code) == 401


def test_a_wrong_password_sends_nothing(server: Server, alice: Person, new: str) -> None:
    assert request(alice.client, new, "wisteria?") == 401
    assert server.mailbox.is_empty(alice.email)
    assert request(alice.client, f"other.{new}") == 202
    server.mailbox.code_to(f"other.{new}")
    assert server.mailbox.is_empty(new)


@pytest.mark.parametrize("state", ["open", "closed"])
def test_an_e_mail_address_in_use_is_not_revealed(
    server: Server, alice: Person, bob: Person, new: str, state: str
) -> None:
    if state == "closed":
        close(server, bob)
    taken = alice.client.post("/v1/me/email", json={"password": PASSWORD, "email": bob.email.upper()})
    free = alice.client.post("/v1/me/email", json={"password": PASSWORD, "email": new})
    assert (taken.status_code, taken.json()) == (free.status_code, free.json())
    text = server.mailbox.text_to(bob.email.upper())
    assert "already has an account" in text
    assert "Code:" not in text
    assert confirm(alice.client, server.mailbox.code_to(new)) == 200


def test_the_form_of_the_own_e_mail_address_can_be_changed(server: Server, anyone: Client, alice: Person) -> None:
    name, _, domain = alice.email.partition("@")
    code = code_for(server, alice, f"{name.title()}@{domain}")
    assert confirm(alice.client, code) == 200
    assert email_of(alice) == f"{name.title()}@{domain}"
    assert login(anyone, alice.email) == 200


def test_a_new_e_mail_address_is_compared_in_one_form(server: Server, anyone: Client, alice: Person) -> None:
    mark = new_id().hex
    assert confirm(alice.client, code_for(server, alice, f"{mark}@xn--bcher-kva.example")) == 200
    assert [login(anyone, f"{mark}@{domain}") for domain in ("bu\u0308cher.example", "B\u00dcCHER.example")] == [
        200,
        200,
    ]


def test_an_address_that_was_registered_since_is_refused(
    server: Server, anyone: Client, alice: Person, new: str
) -> None:
    code = code_for(server, alice, new)
    assert anyone.post("/v1/auth/register", json={"email": new, "password": PASSWORD}).status_code == 202
    verification = {"email": new, "code": server.mailbox.code_to(new)}
    assert anyone.post("/v1/auth/verify", json=verification).status_code == 200
    assert confirm(alice.client, code) == 401
    assert email_of(alice) == alice.email


def test_a_code_is_for_its_account_only(server: Server, alice: Person, bob: Person, new: str) -> None:
    code = code_for(server, alice, new)
    assert confirm(bob.client, code) == 401
    assert confirm(alice.client, code) == 200


def test_a_code_ends_after_its_lifetime_and_not_after_wrong_attempts(server: Server, alice: Person, new: str) -> None:
    code = code_for(server, alice, new)
    tokens = {"refresh_token": alice.tokens["refresh_token"]}
    with later(minutes=30, seconds=1):
        token = server.anyone.post("/v1/auth/refresh", json=tokens).json()["access_token"]
        assert confirm(server.client(token), code) == 401
    code = code_for(server, alice, new)
    assert [confirm(alice.client, WRONG) for _ in range(5)] == [401] * 5
    assert confirm(alice.client, code) == 200


def test_at_most_ten_codes_a_day_are_sent_for_an_account(server: Server, alice: Person, new: str) -> None:
    for number in range(10):
        last = code_for(server, alice, f"{number}.{new}")
    assert request(alice.client, new) == 202
    assert server.mailbox.is_empty(new)
    assert code_for(server, alice, f"9.{new}") == last
    with later(days=1, seconds=1):
        token = server.anyone.post("/v1/auth/refresh", json={"refresh_token": alice.tokens["refresh_token"]})
        assert request(server.client(token.json()["access_token"]), new) == 202
        server.mailbox.code_to(new)


def test_changes_that_others_request_do_not_use_up_the_codes_of_an_e_mail_address(server: Server, new: str) -> None:
    people = [server.person(f"n{number}") for number in range(11)]
    codes = [code_for(server, person, new) for person in people]
    assert len({*codes}) == 11
    assert code_for(server, people[10], new) == codes[10]
    assert confirm(people[10].client, codes[10]) == 200


@pytest.mark.parametrize("way", ["change", "reset"])
def test_a_new_password_cancels_a_requested_change(
    server: Server, anyone: Client, alice: Person, new: str, way: str
) -> None:
    code, client = code_for(server, alice, new), alice.client
    if way == "change":
        change = {"current": PASSWORD, "new": "wisteria over the door"}
        assert client.post("/v1/auth/password", json=change).status_code == 204
    else:
        anyone.post("/v1/auth/password/forgot", json={"email": alice.email})
        reset = {"email": alice.email, "code": server.mailbox.code_to(alice.email), "new": PASSWORD}
        assert anyone.post("/v1/auth/password/reset", json=reset).status_code == 204
        tokens = anyone.post("/v1/auth/login", json={"email": alice.email, "password": PASSWORD}).json()
        client = server.client(tokens["access_token"])
    assert confirm(client, code) == 401
    assert client.get("/v1/me").json()["email"] == alice.email


def test_two_accounts_that_confirm_one_e_mail_address_at_once_get_it_once(server: Server, new: str) -> None:
    for _ in range(3):
        email = f"{new_id().hex}.{new}"
        people = [server.person("one"), server.person("other")]
        codes = [code_for(server, person, email) for person in people]
        statuses = at_once(lambda n: confirm(server.client(people[n].token), codes[n]), 2)  # noqa: B023
        assert sorted(statuses) == [200, 401]
        assert email_of(people[statuses.index(200)]) == email
        assert email_of(people[statuses.index(401)]) == people[statuses.index(401)].email


def test_one_of_two_changes_that_are_confirmed_at_once_takes_effect(server: Server, alice: Person, new: str) -> None:
    codes = [code_for(server, alice, f"{n}.{new}") for n in range(2)]
    statuses = at_once(lambda n: confirm(server.client(alice.token), codes[n]), 2)
    assert sorted(statuses) == [200, 401]
    assert email_of(alice) == f"{statuses.index(200)}.{new}"


def test_a_confirmation_beside_a_registration_leaves_one_account(server: Server, alice: Person, new: str) -> None:
    code = code_for(server, alice, new)
    server.anyone.post("/v1/auth/register", json={"email": new, "password": PASSWORD})
    verification = {"email": new, "code": server.mailbox.code_to(new)}

    def act(device: int) -> int:
        if device:
            return server.client().post("/v1/auth/verify", json=verification).status_code
        return confirm(server.client(alice.token), code)

    assert sorted(at_once(act, 2)) == [200, 401]
