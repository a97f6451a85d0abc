"""Lingering close: a client that is refused while it still sends its body, and reads only afterwards, gets the problem."""

import asyncio
import gc
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPMessage
from types import MethodType

import pytest
from starlette.types import Receive, Scope, Send

from app.http import RequestContextMiddleware, Response
from app.server import limits
from app.server.lingering import LingeringClose
from app.server.protocol import LimitedProtocol
from tests.conftest import Servers
from tests.hostile.raw import Header, RawConnection, chunked_request_bytes, request_bytes
from tests.http.single_slot import serve_single_slot
from tests.serving import Address, Person, Server, address_of, listening
from tests.waiting import wait_until

BODY = b"w" * 8 * 1024 * 1024
"""Larger than every limit, and than what sockets buffer."""
CLOSE = ("Connection", "close")
JSON = ("Content-Type", "application/json")
LOGIN, SESSIONS = "/v1/auth/login", "/v1/sessions"


@pytest.fixture(scope="session")
def server(lasting_servers: Servers) -> Server:
    """One database is enough: what is refused here reaches none."""
    return lasting_servers.shared("sqlite")


@pytest.mark.parametrize("encode", [request_bytes, chunked_request_bytes], ids=["with a length", "in chunks"])
@pytest.mark.parametrize(
    ("status", "target", "headers"),
    [
        (404, "/wisteria", [JSON]),
        (405, "/livez", [JSON]),
        (413, LOGIN, [JSON]),
        (400, LOGIN, [JSON, ("Host", "elsewhere")]),
        (414, "/" + "w" * limits.MAX_URL_BYTES, [JSON]),
        (417, LOGIN, [JSON, ("Expect", "wonders")]),
        (431, LOGIN, [JSON, ("X-Long", "w" * limits.MAX_HEADER_BYTES)]),
    ],
    ids=["404", "405", "413", "400", "414", "417", "431"],
)
def test_a_client_that_sends_its_whole_body_before_it_reads_gets_the_problem(
    server: Server, encode: Callable[..., bytes], status: int, target: str, headers: list[Header]
) -> None:
    with RawConnection(server.address) as connection:
        reply = connection.send(encode("POST", target, [*headers, CLOSE], BODY), method="POST")
    assert reply.problem["status"] == status
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("status", "media_type"),
    [(401, "application/json"), (415, "text/plain")],
    ids=["not signed in", "media type"],
)
def test_a_client_whose_body_is_not_read_gets_the_problem(
    server: Server, alice: Person, status: int, media_type: str
) -> None:
    bearer = [] if status == 401 else [("Authorization", f"Bearer {alice.token}")]
    with RawConnection(server.address) as connection:
        reply = connection.send(
            chunked_request_bytes("POST", SESSIONS, [("Content-Type", media_type), *bearer, CLOSE], BODY)
        )
    assert reply.problem["status"] == status


def test_a_client_whose_body_is_malformed_gets_the_problem(server: Server) -> None:
    content = chunked_request_bytes("POST", LOGIN, [JSON], b"{").replace(b"\r\n0\r\n", b"\r\nno chunk\r\n")
    with RawConnection(server.address) as connection:
        assert connection.send(content + BODY).status == 400


@pytest.mark.parametrize("size", [2 * 1024 * 1024 + 1, len(BODY)], ids=["a byte too large", "8 MiB"])
def test_urllib_which_closes_every_connection_gets_the_problem(server: Server, size: int) -> None:
    upload = urllib.request.Request(server.url + LOGIN, data=b"w" * size, headers=dict([JSON]))  # noqa: S310 - http
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(upload, timeout=20)  # noqa: S310 - http
    with error.value as response:
        assert response.status == 413
        assert isinstance(response.headers, HTTPMessage)
        assert b"body-too-large" in response.read()


def connect_and_read_early_response(address: Address, target: str = LOGIN) -> socket.socket:
    """Return a connection that the server has answered, and closed its side of, while the body is arriving."""
    connection = socket.create_connection(address, timeout=20)
    connection.sendall(request_bytes("POST", target, [JSON, CLOSE, ("Content-Length", "999999999999")]) + b"{")
    while connection.recv(65536):
        pass
    return connection


def is_cut_off(connection: socket.socket) -> bool:
    """Send a byte, and return whether the server has closed the connection."""
    try:
        connection.sendall(b"w")
    except OSError:
        return True
    return False


def test_a_client_that_sends_for_too_long_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINGER_SECONDS", 0.3)
    with closing(connect_and_read_early_response(server.address)) as connection:
        wait_until(lambda: is_cut_off(connection))


def test_a_client_that_sends_too_much_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINGER_BYTES", len(BODY))
    with closing(connect_and_read_early_response(server.address)) as connection:
        connection.sendall(BODY)
        with pytest.raises(OSError, match=r"[Rr]eset|[Bb]roken"):
            connection.sendall(BODY * 4)


def count_protocols(kind: type[asyncio.BaseProtocol]) -> int:
    return sum(isinstance(each, kind) for each in gc.get_objects())


@pytest.mark.parametrize("target", ["/early", "/early#refused"], ids=["by the application", "by the protocol"])
def test_a_lingering_connection_does_not_count_keeps_no_request_and_does_not_delay_a_stop(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_LINGER_SECONDS", 3600)
    before = count_protocols(LimitedProtocol)
    with serve_single_slot() as single_slot:
        lingering = [connect_and_read_early_response(single_slot.address, target) for _ in range(8)]
        wait_until(
            lambda: count_protocols(LingeringClose) == len(lingering) and count_protocols(LimitedProtocol) <= before
        )
        with closing(single_slot.hold()), RawConnection(single_slot.address) as connection:
            assert connection.request("GET", "/").status == 503
            single_slot.release()
            single_slot.wait_until_free()
        assert not any(is_cut_off(each) for each in lingering)
    wait_until(lambda: all(is_cut_off(each) for each in lingering))
    for each in lingering:
        each.close()


async def stop_before_the_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Call the connection's `shutdown`, as a server that stops does, then answer."""
    assert scope["type"] == "http"
    assert isinstance(receive, MethodType)
    vars(receive.__self__)["transport"].get_protocol().shutdown()
    await Response(204).send(send)


def test_a_server_that_stops_does_not_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINGER_SECONDS", 3600)
    with (
        listening(RequestContextMiddleware(stop_before_the_response, https_only=False), lifespan="off") as (url, _),
        closing(connect_and_read_early_response(address_of(url))) as connection,
    ):
        wait_until(lambda: is_cut_off(connection))
