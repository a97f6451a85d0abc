"""Framing: bytes that are no request, or too much of one, are refused at the edge; what comes too late is cut off."""

import socket
import threading
import time

import pytest

from app.server import limits
from tests.conftest import Servers
from tests.hostile.malformed import GET, MALFORMED, NEXT, POST, UPGRADE
from tests.hostile.raw import Line, request
from tests.serving import Server


@pytest.fixture(scope="session")
def server(servers: Servers) -> Server:
    """One server is enough: what is refused here reaches no database."""
    return servers.shared("sqlite")


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_bytes_that_are_no_request_are_400(server: Server, content: bytes) -> None:
    with Line(server.address) as line:
        reply = line.send(content, method="GET")
    assert reply.status == 400
    assert reply.problem["code"] == "malformed-request"
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize(
    "headers",
    [
        [(f"X-{n}", "wisteria") for n in range(limits.MAX_HEADERS)],
        [(f"X-{n}", "w" * 4096) for n in range(8)],
        [("X-Long", "w" * limits.MAX_HEADER_BYTES)],
        [("X-Endless", "w" * 10 * limits.MAX_HEADER_BYTES)],
    ],
    ids=["many", "large together", "one large", "one that does not end"],
)
def test_too_many_or_too_large_headers_are_431(server: Server, headers: list[tuple[str, str]]) -> None:
    with Line(server.address) as line:
        reply = line.send(request("GET", "/livez", headers))
    assert reply.status == 431
    assert reply.problem["code"] == "headers-too-large"


def test_as_many_headers_as_there_may_be_are_taken(server: Server) -> None:
    headers = [(f"X-{n}", "wisteria") for n in range(limits.MAX_HEADERS - 1)]
    with Line(server.address) as line:
        assert line.send(request("GET", "/livez", headers)).status == 200


@pytest.mark.parametrize("length", [limits.MAX_URL_BYTES, 200_000], ids=["long", "endless"])
def test_a_long_address_is_414(server: Server, length: int) -> None:
    with Line(server.address) as line:
        reply = line.send(request("GET", "/" + "w" * length))
    assert reply.status == 414
    assert reply.problem["code"] == "url-too-long"


def test_a_body_is_asked_for_once_it_is_read(server: Server) -> None:
    expecting = POST + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(expecting)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(65536).startswith(b"HTTP/1.1 422 ")


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (413, POST + b"Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"),
        (415, POST.replace(b"json", b"xml") + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
        (401, POST.replace(b"auth/login", b"sessions") + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
        (422, POST.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"),
        (417, POST + b"Expect: wonders\r\nContent-Length: 2\r\n\r\n{}"),
        (417, POST + b"Expect: 100-continue, wonders\r\nContent-Length: 2\r\n\r\n{}"),
    ],
    ids=["too large", "of another type", "of nobody", "of another age", "wonders", "wonders besides"],
)
def test_a_body_that_will_not_be_read_is_not_asked_for(server: Server, status: int, content: bytes) -> None:
    with Line(server.address) as line:
        reply = line.send(content)
    assert reply.status == status
    assert reply.problem["status"] == status


def test_a_wish_for_another_protocol_is_not_granted_and_nothing_is_heard_behind_it(server: Server) -> None:
    """The parser would take what follows for another protocol, and a body for the next request."""
    wishing = GET + b"Host: a\r\nContent-Length: 0\r\n" + UPGRADE + b"\r\n"
    for pieces in ([wishing + NEXT], [NEXT + wishing + NEXT], [wishing[:40], wishing[40:]]):
        with socket.create_connection(server.address, timeout=20) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.05)
            answers = _everything(connection)
        assert answers.count(b"HTTP/1.1 200 OK") == (NEXT + wishing in pieces[0]) + 1
        assert answers.count(b"HTTP/1.1 ") == answers.count(b"HTTP/1.1 200 OK")


def test_an_address_may_be_whole_if_it_names_the_same_host(server: Server) -> None:
    with Line(server.address) as line:
        assert line.send(request("GET", "http://afterglow/livez")).status == 200
        assert line.send(request("GET", "https://afterglow/livez")).status == 200


def test_a_refusal_does_not_mix_with_an_answer_that_is_on_its_way(server: Server) -> None:
    with Line(server.address) as line:
        assert line.send(request("GET", "/livez") + MALFORMED["two hosts"]).status == 200


def test_pipelined_requests_are_answered_in_turn(server: Server) -> None:
    with socket.create_connection(server.address, timeout=20) as connection:
        last = request("GET", "/problems/outdated", [("Connection", "close")])
        connection.sendall(request("GET", "/livez") + last)
        answers = _everything(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.index(b'{"status":"ok"}') < answers.index(b'"code":"outdated"')


@pytest.mark.parametrize(
    ("deadline", "content"),
    [
        ("MAX_HEAD_SECONDS", b""),
        ("MAX_HEAD_SECONDS", b"\r\n"),
        ("MAX_HEAD_SECONDS", GET + b"Host: a"),
        ("BODY_GRACE_SECONDS", POST + b"Content-Length: 200\r\n\r\n{"),
    ],
    ids=["silence", "blank lines", "half a header", "half a body"],
)
def test_what_comes_too_late_is_cut_off(
    server: Server, deadline: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, deadline, 0.2)
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(content)
        assert _everything(connection) == b""


def test_a_drip_does_not_put_off_the_deadline(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_HEAD_SECONDS", 0.5)
    with socket.create_connection(server.address, timeout=20) as connection:
        ended = threading.Event()

        def drip() -> None:
            while not ended.wait(0.02):
                try:
                    connection.sendall(b"X")
                except OSError:
                    return

        connection.sendall(GET)
        dripping = threading.Thread(target=drip)
        dripping.start()
        assert _everything(connection) == b""
        ended.set()
        dripping.join()


def test_who_does_not_read_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNREAD_SECONDS", 0.2)
    asked = request("GET", "/openapi.json")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(server.address)
        try:
            while True:
                connection.sendall(asked)
                time.sleep(0.01)
        except OSError:
            pass
        else:
            pytest.fail("the connection was kept")


def _everything(connection: socket.socket) -> bytes:
    """Return what comes until the connection ends, however it ends."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)
