"""E-mailed codes: a right one is accepted, whatever others tried before, and others cannot use up a person's e-mails."""

from collections.abc import Callable, Iterator
from itertools import islice

import httpx2 as httpx
import pytest

from app.ids import new_id
from tests.conftest import Servers
from tests.serving import PASSWORD, Person, Server
from tests.witness import Client

WRONG = "WISTERIA00"
NEW = "wisteria over the door"
Try = Callable[[str], httpx.Response]
"""Sends a code."""


@pytest.fixture
def server(servers: Servers, database: str) -> Iterator[Server]:
    server = servers.shared(database, throttle_account=5, throttle_account_day=20, throttle_client=20)
    yield server
    server.end_test()


@pytest.fixture
def address() -> str:
    """The loopback address of a test, because the limit of a network is shared by the tests of this server."""
    return "127." + ".".join(str(1 + byte % 250) for byte in new_id().bytes[-3:])


def reset_code(server: Server, person: Person, client: Client) -> tuple[str, Try]:
    assert client.post("/v1/auth/password/forgot", json={"email": person.email}).status_code == 202
    body = {"email": person.email, "new": NEW}
    code = server.mailbox.code_to(person.email)
    return code, lambda code: client.post("/v1/auth/password/reset", json=body | {"code": code})


def reopening_code(server: Server, person: Person, client: Client) -> tuple[str, Try]:
    assert person.client.post("/v1/me/close", json={"password": PASSWORD}).status_code == 202
    code = server.mailbox.code_to(person.email)
    return code, lambda code: client.post("/v1/auth/reopen", json={"email": person.email, "code": code})


def email_code(server: Server, person: Person, client: Client) -> tuple[str, Try]:
    email = f"wisteria.{new_id().hex}@example.com"
    bearer = {"Authorization": f"Bearer {person.token}"}
    body = {"password": PASSWORD, "email": email}
    assert client.post("/v1/me/email", json=body, headers=bearer).status_code == 202
    code = server.mailbox.code_to(email)
    return code, lambda code: client.post("/v1/me/email/confirm", json={"code": code}, headers=bearer)


@pytest.mark.parametrize("request_code", [reset_code, reopening_code, email_code])
def test_a_right_code_is_accepted_after_any_number_of_wrong_ones(
    server: Server, alice: Person, address: str, request_code: Callable[[Server, Person, Client], tuple[str, Try]]
) -> None:
    code, send = request_code(server, alice, server.client(address=address))
    assert [send(WRONG).status_code for _ in range(30)] == [401] * 5 + [429] * 25
    assert send(code).status_code in {200, 204}
    assert send(code).status_code == 429  # it was used


def test_strangers_wrong_passwords_and_codes_do_not_refuse_the_owners_code(
    server: Server, alice: Person, address: str
) -> None:
    stranger = server.client(address=address)
    login, wrong = {"email": alice.email, "password": "wisteria?"}, {"email": alice.email, "code": WRONG, "new": NEW}
    assert [stranger.post("/v1/auth/login", json=login).status_code for _ in range(6)] == [401] * 5 + [429]
    assert [stranger.post("/v1/auth/password/reset", json=wrong).status_code for _ in range(6)] == [401] * 5 + [429]
    code, send = reset_code(server, alice, stranger)
    assert send(WRONG).status_code == 429
    assert send(code).status_code == 204


def test_requests_of_a_stranger_do_not_use_up_the_owners_e_mails(server: Server, alice: Person, address: str) -> None:
    stranger = server.client(address=address)
    codes = [reset_code(server, alice, stranger)[0] for _ in range(20)]
    code, send = reset_code(server, alice, server.anyone)
    assert code == codes[-1]
    assert send(code).status_code == 204


def register(client: Client, email: str, password: str = PASSWORD) -> None:
    assert client.post("/v1/auth/register", json={"email": email, "password": password}).status_code == 202


def verify(client: Client, email: str, code: str) -> int:
    return client.post("/v1/auth/verify", json={"email": email, "code": code}).status_code


def wrong_codes(*right: str) -> Iterator[str]:
    return (code for code in map("{:06}".format, range(10**6)) if code not in right)


def test_a_strangers_wrong_codes_do_not_refuse_a_newcomer(server: Server, address: str) -> None:
    email = f"wisteria.{new_id().hex}@example.com"
    stranger = server.client(address=address)
    register(server.anyone, email)
    code = server.mailbox.code_to(email)
    statuses = [verify(stranger, email, wrong) for wrong in islice(wrong_codes(code), 6)]
    assert statuses == [401] * 5 + [429]
    assert verify(stranger, email, code) == 429  # others have five attempts, too
    assert verify(server.anyone, email, code) == 200


def test_the_attempts_at_a_code_from_all_other_networks_are_counted_together(server: Server, address: str) -> None:
    email = f"wisteria.{new_id().hex}@example.com"
    register(server.anyone, email)
    code = server.mailbox.code_to(email)
    strangers = [server.client(address=f"{address.rpartition('.')[0]}.{number}") for number in range(1, 7)]
    wrong = wrong_codes(code)
    assert [verify(stranger, email, next(wrong)) for stranger in strangers[:5]] == [401] * 5
    assert verify(strangers[5], email, code) == 401
    assert [verify(server.anyone, email, next(wrong)) for _ in range(4)] == [401] * 4
    assert verify(server.anyone, email, code) == 200


def test_registrations_of_a_stranger_do_not_use_up_a_newcomers_e_mails(server: Server, address: str) -> None:
    email = f"wisteria.{new_id().hex}@example.com"
    stranger = server.client(address=address)
    for _ in range(25):
        register(stranger, email, "the stranger's wisteria")
    assert len({server.mailbox.code_to(email) for _ in range(20)}) > 15
    assert server.mailbox.is_empty(email)
    register(server.anyone, email, NEW)
    assert verify(server.anyone, email, server.mailbox.code_to(email)) == 200
    assert server.anyone.post("/v1/auth/login", json={"email": email, "password": NEW}).status_code == 200
