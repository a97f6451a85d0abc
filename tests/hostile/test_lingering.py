"""Lingering: who is refused while a body is still on its way, and ends the connection with it, hears why."""

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
from tests.hostile.raw import Header, Line, in_chunks, request
from tests.http.single_slot import serve_single_slot
from tests.serving import Person, Server, address_of, listening
from tests.waiting import awaited

BODY = b"w" * 8 * 1024 * 1024
"""More than every limit, and than sockets take unread."""
CLOSE = ("Connection", "close")
JSON = ("Content-Type", "application/json")
LOGIN, SESSIONS = "/v1/auth/login", "/v1/sessions"


@pytest.fixture(scope="session")
def server(servers: Servers) -> Server:
    """One server is enough: what is refused here reaches no database."""
    return servers.shared("sqlite")


@pytest.mark.parametrize("spelled", [request, in_chunks])
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
)
def test_who_sends_all_of_a_body_before_reading_hears_why_it_was_refused(
    server: Server, spelled: Callable[..., bytes], status: int, target: str, headers: list[Header]
) -> None:
    with Line(server.address) as line:
        reply = line.send(spelled("POST", target, [*headers, CLOSE], BODY), method="POST")
    assert reply.problem["status"] == status
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize(("status", "headers"), [(401, [JSON]), (415, [("Content-Type", "text/plain")])])
def test_who_sends_all_of_a_body_that_nobody_reads_hears_why(
    server: Server, alice: Person, status: int, headers: list[Header]
) -> None:
    bearer = [] if status == 401 else [("Authorization", f"Bearer {alice.token}")]
    with Line(server.address) as line:
        reply = line.send(in_chunks("POST", SESSIONS, [*headers, *bearer, CLOSE], BODY))
    assert reply.problem["status"] == status


def test_a_body_that_is_no_body_after_all_is_refused_so_that_its_sender_hears_it(server: Server) -> None:
    content = in_chunks("POST", LOGIN, [JSON], b"{").replace(b"\r\n0\r\n", b"\r\nno chunk\r\n")
    with Line(server.address) as line:
        assert line.send(content + BODY).status == 400


@pytest.mark.parametrize("size", [2 * 1024 * 1024 + 1, len(BODY)])
def test_a_client_that_always_ends_its_connections_hears_that_its_body_is_too_large(server: Server, size: int) -> None:
    asked = urllib.request.Request(server.url + LOGIN, data=b"w" * size, headers=dict([JSON]))  # noqa: S310 - our own
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=20)  # noqa: S310 - our own
    with refused.value as answer:
        assert answer.status == 413
        assert isinstance(answer.headers, HTTPMessage)
        assert b"body-too-large" in answer.read()


def _answered_early(address: tuple[str, int], target: str = LOGIN) -> socket.socket:
    """Return a connection that was answered, and ended from the other side, while the body is on its way."""
    connection = socket.create_connection(address, timeout=20)
    connection.sendall(request("POST", target, [JSON, CLOSE, ("Content-Length", "999999999999")]) + b"{")
    while connection.recv(65536):
        pass
    return connection


def _is_cut_off(connection: socket.socket) -> bool:
    """Say whether what is sent now, a little, comes back."""
    try:
        connection.sendall(b"w")
    except OSError:
        return True
    return False


def test_who_goes_on_for_too_long_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINGER_SECONDS", 0.3)
    with closing(_answered_early(server.address)) as connection:
        awaited(lambda: _is_cut_off(connection))


def test_who_goes_on_for_too_much_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINGER_BYTES", len(BODY))
    with closing(_answered_early(server.address)) as connection:
        connection.sendall(BODY)
        with pytest.raises(OSError, match=r"[Rr]eset|[Bb]roken"):
            connection.sendall(BODY * 4)


def _connections(kind: type[asyncio.BaseProtocol]) -> int:
    return sum(isinstance(each, kind) for each in gc.get_objects())


@pytest.mark.parametrize("target", ["/early", "/early#refused"])
def test_lingering_takes_no_place_keeps_nothing_of_the_request_and_no_server_from_stopping(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_LINGER_SECONDS", 3600)
    before = _connections(LimitedProtocol)
    with serve_single_slot() as single_slot:
        lingering = [_answered_early(single_slot.address, target) for _ in range(8)]
        awaited(lambda: _connections(LingeringClose) == len(lingering) and _connections(LimitedProtocol) <= before)
        with closing(single_slot.hold()), Line(single_slot.address) as line:
            assert line.ask("GET", "/").status == 503
            single_slot.release()
            single_slot.wait_until_free()
        assert not any(_is_cut_off(connection) for connection in lingering)
    awaited(lambda: all(_is_cut_off(connection) for connection in lingering))
    for connection in lingering:
        connection.close()


async def stops_before_it_answers(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell the connection what every one is told when the server stops, then answer."""
    assert scope["type"] == "http"
    assert isinstance(receive, MethodType)
    vars(receive.__self__)["transport"].get_protocol().shutdown()
    await Response(204).send(send)


def test_who_is_answered_early_while_the_server_stops_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINGER_SECONDS", 3600)
    with (
        listening(RequestContextMiddleware(stops_before_it_answers, https_only=False), lifespan="off") as (url, _),
        closing(_answered_early(address_of(url))) as connection,
    ):
        awaited(lambda: _is_cut_off(connection))
