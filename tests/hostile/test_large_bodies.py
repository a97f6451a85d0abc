"""Large bodies: those on their way have a budget, of which one account has a share."""

import json
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse

import pytest

from tests.conftest import Servers
from tests.hostile.raw import Header, RawConnection, request_bytes
from tests.serving import Person, Server
from tests.sync.sync_client import PUSH, upsert

BUDGET = 8 * 2**20
"""One account may use two of the eight MiB."""
PART = b" " * 1_500_000
JSON = ("Content-Type", "application/json")


@pytest.fixture
def server(servers: Servers) -> Server:
    """A server of this test only. One database is enough: nothing here depends on it."""
    return servers.start(servers.settings("sqlite", max_arriving_bytes=BUDGET))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Holds the connections of a test."""
    with ExitStack() as connections:
        yield connections


def bearer(person: Person) -> Header:
    """Return the header with a person's access token."""
    return "Authorization", f"Bearer {person.token}"


def begin(stack: ExitStack, server: Server, path: str, *headers: Header, part: bytes = PART) -> socket.socket:
    """Send a part of a body of 2 MB on a new connection."""
    connection = stack.enter_context(socket.create_connection(server.address, timeout=20))
    size = ("Content-Length", str(2_000_000 if path == PUSH else 1_000_000))
    connection.sendall(request_bytes("POST", path, [JSON, size, *headers]) + part)
    return connection


def refused(connections: list[socket.socket]) -> socket.socket:
    """Return the one of the connections that is answered with 503, although its body has not ended."""
    (answered, *_), _, _ = select.select(connections, [], [], 20)
    with HTTPResponse(answered) as response:
        response.begin()
        assert (response.status, response.headers["retry-after"]) == (503, "1")
        assert json.loads(response.read())["code"] == "unavailable"
    return answered


def is_served(server: Server, person: Person) -> bool:
    """Return whether a push of 1.5 MB is answered."""
    body = json.dumps({"ops": [upsert()]}).encode() + PART
    with RawConnection(server.address) as connection:
        return connection.request("POST", PUSH, [JSON, bearer(person)], body).status == 200


def test_an_account_uses_up_its_own_share_first(server: Server, stack: ExitStack) -> None:
    alice, bob = server.person("alice"), server.person("bob")
    held = [begin(stack, server, PUSH, bearer(alice)) for _ in range(2)]
    held.remove(refused(held))
    assert not is_served(server, alice)
    assert is_served(server, bob)
    held[0].sendall(b"x" * 500_000)  # the rest, which is no JSON
    with HTTPResponse(held[0]) as response:
        response.begin()
        assert response.status == 400
    assert is_served(server, alice)


def test_all_bodies_together_have_a_budget(server: Server, stack: ExitStack) -> None:
    people = [server.person() for _ in range(6)]
    held = [begin(stack, server, PUSH, bearer(person)) for person in people]
    refused(held)
    assert server.anyone.get("/livez").status_code == 200


def test_an_address_without_an_account_has_a_share_too(server: Server, stack: ExitStack) -> None:
    refused([begin(stack, server, "/v1/auth/login", part=PART[:900_000]) for _ in range(3)])
    assert is_served(server, server.person())
