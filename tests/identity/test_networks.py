"""Requests that cost an e-mail or a password hash are limited by network, also those that succeed."""

from collections.abc import Callable, Iterator

import httpx2 as httpx
import pytest

from app.ids import new_id
from tests.conftest import Servers
from tests.serving import PASSWORD, Person, Server
from tests.waiting import later
from tests.witness import Client

Send = Callable[[Client, Person], httpx.Response]


def register(client: Client, _person: Person) -> httpx.Response:
    body = {"email": f"wisteria.{new_id().hex}@example.com", "password": PASSWORD}
    return client.post("/v1/auth/register", json=body)


def forgot(client: Client, person: Person) -> httpx.Response:
    return client.post("/v1/auth/password/forgot", json={"email": person.email})


def login(client: Client, person: Person) -> httpx.Response:
    return client.post("/v1/auth/login", json={"email": person.email, "password": PASSWORD})


def verify(client: Client, person: Person) -> httpx.Response:
    return client.post("/v1/auth/verify", json={"email": person.email, "code": "000000"})


@pytest.fixture
def server(servers: Servers, database: str) -> Iterator[Server]:
    server = servers.shared(database, throttle_sign_in=3, throttle_mail=3)
    yield server
    server.end_test()


@pytest.mark.parametrize(
    ("send", "expected", "seconds"),
    [(register, 202, 3600), (forgot, 202, 3600), (login, 200, 60), (verify, 401, 60)],
    ids=["register", "forgot", "login", "verify"],
)
def test_a_network_is_limited_before_anything_else_is_done(
    server: Server, alice: Person, send: Send, expected: int, seconds: int
) -> None:
    mark = new_id().bytes
    client, other = (server.client(address=f"127.{mark[-1]}.{mark[-2]}.{host}") for host in (1, 2))
    assert [send(client, alice).status_code for _ in range(3)] == [expected] * 3
    refused = send(client, alice)
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-attempts")
    assert seconds - 30 < int(refused.headers["retry-after"]) <= seconds
    assert send(other, alice).status_code == expected
    with later(seconds=seconds + 1):
        assert send(client, alice).status_code == expected


def test_requests_for_e_mails_are_counted_together(server: Server, alice: Person) -> None:
    mark = new_id().bytes
    client = server.client(address=f"127.{mark[-1]}.{mark[-2]}.3")
    assert [send(client, alice).status_code for send in (register, forgot, register, forgot)] == [202] * 3 + [429]
