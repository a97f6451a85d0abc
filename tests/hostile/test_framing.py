"""Framing: malformed or oversized requests are refused by the protocol, and late ones are cut off."""

import socket
import threading
import time

import pytest

from app.server import limits
from tests.conftest import Servers
from tests.hostile.malformed import CHUNKED, GET, MALFORMED, NEXT, POST
from tests.hostile.raw import RawConnection, request_bytes
from tests.serving import Server

LAST = GET + b"Host: a\r\nConnection: close\r\n\r\n"
UPGRADES = {
    "h2c, as Java's HttpClient sends it": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n",
    "a WebSocket": b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQID\r\n",
    "several protocols": b"Upgrade: TLS/1.3\r\nConnection: upgrade\r\nUpgrade: foo/2, IRC/6.9\r\n",
}
UPGRADING_BODIES = {
    "no body": (GET + b"Host: a\r\n", b"", 200),
    "an empty body": (GET + b"Host: a\r\nContent-Length: 0\r\n", b"", 200),
    "a body": (POST + b"Content-Length: 2\r\n", b"{}", 422),
    "chunks": (CHUNKED, b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 422),
    "a body that looks like a request": (POST + b"Content-Length: %d\r\n" % len(NEXT), NEXT, 400),
    "an expectation": (POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n", b"{}", 422),
}


@pytest.fixture(scope="session")
def server(lasting_servers: Servers) -> Server:
    """Start a server on one database: the requests refused here do not reach a database."""
    return lasting_servers.shared("sqlite")


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_malformed_bytes_are_400(server: Server, content: bytes) -> None:
    with RawConnection(server.address) as connection:
        reply = connection.send(content, method="GET")
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
    ids=["too many", "too large together", "one too large", "one that does not end"],
)
def test_too_many_or_too_large_headers_are_431(server: Server, headers: list[tuple[str, str]]) -> None:
    with RawConnection(server.address) as connection:
        reply = connection.send(request_bytes("GET", "/livez", headers))
    assert reply.status == 431
    assert reply.problem["code"] == "headers-too-large"


def test_the_maximum_number_of_headers_is_accepted(server: Server) -> None:
    headers = [(f"X-{n}", "wisteria") for n in range(limits.MAX_HEADERS - 1)]
    with RawConnection(server.address) as connection:
        assert connection.send(request_bytes("GET", "/livez", headers)).status == 200


@pytest.mark.parametrize("length", [limits.MAX_URL_BYTES, 200_000], ids=["one byte too long", "200 kB"])
def test_a_long_url_is_414(server: Server, length: int) -> None:
    with RawConnection(server.address) as connection:
        reply = connection.send(request_bytes("GET", "/" + "w" * length))
    assert reply.status == 414
    assert reply.problem["code"] == "url-too-long"


def test_100_continue_is_sent_when_the_body_is_read(server: Server) -> None:
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(POST + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
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
    ids=["too large", "media type", "not signed in", "HTTP/1.0", "unknown expectation", "one known, one unknown"],
)
def test_100_continue_is_not_sent_if_the_body_is_not_read(server: Server, status: int, content: bytes) -> None:
    with RawConnection(server.address) as connection:
        reply = connection.send(content)
    assert reply.status == status
    assert reply.problem["status"] == status


@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
@pytest.mark.parametrize("sent", UPGRADING_BODIES.values(), ids=UPGRADING_BODIES)
@pytest.mark.parametrize("size", [1_000_000, 50, 1], ids=["at once", "in pieces", "byte by byte"])
def test_an_upgrade_is_ignored(server: Server, sent: tuple[bytes, bytes, int], upgrade: bytes, size: int) -> None:
    """RFC 9110, 7.8: the request is answered as without the header, and so are those after it on the connection."""
    head, body, status = sent
    content = 3 * (head + upgrade + b"\r\n" + body) + NEXT + LAST
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(content), size):
            connection.sendall(content[start : start + size])
        responses = read_to_end(connection).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    statuses = [int(each[:3]) for each in responses.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [status] * 3 + [200, 200]


def test_an_upgrade_in_http_1_0_is_ignored(server: Server) -> None:
    content = POST.replace(b"1.1", b"1.0") + UPGRADES["a WebSocket"] + b"Content-Length: 2\r\n\r\n{}"
    with RawConnection(server.address) as connection:
        reply = connection.send(content)
    assert (reply.status, reply.headers["connection"]) == (422, "close")


def test_a_thousand_pipelined_upgrades_are_answered(server: Server) -> None:
    content = 1000 * (GET + b"Host: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n") + LAST
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(content)
        assert read_to_end(connection).count(b"HTTP/1.1 200 OK") == 1001


def test_an_idle_connection_is_kept_after_an_upgrade_was_ignored(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_HEAD_SECONDS", 0.2)
    with RawConnection(server.address) as connection:
        for _ in range(2):
            assert connection.send(GET + b"Host: a\r\n" + UPGRADES["a WebSocket"] + b"\r\n").status == 200
            time.sleep(0.3)
        assert connection.send(NEXT).status == 200


def test_a_client_that_stops_within_the_body_of_an_ignored_upgrade_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_GRACE_SECONDS", 0.2)
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(POST + UPGRADES["a WebSocket"] + b"Content-Length: 200\r\n\r\n{")
        assert read_to_end(connection) == b""


def test_nothing_is_parsed_after_connect(server: Server) -> None:
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(b"CONNECT /livez HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT)
        responses = read_to_end(connection)
    assert responses.startswith(b"HTTP/1.1 405 ")
    assert responses.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_absolute_url_with_the_same_host_is_accepted(server: Server, scheme: str) -> None:
    with RawConnection(server.address) as connection:
        assert connection.send(request_bytes("GET", f"{scheme}://afterglow/livez")).status == 200


def test_a_malformed_request_does_not_disturb_the_response_before_it(server: Server) -> None:
    with RawConnection(server.address) as connection:
        assert connection.send(request_bytes("GET", "/livez") + MALFORMED["two hosts"]).status == 200


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    with socket.create_connection(server.address, timeout=20) as connection:
        last = request_bytes("GET", "/problems/outdated", [("Connection", "close")])
        connection.sendall(request_bytes("GET", "/livez") + last)
        responses = read_to_end(connection)
    assert responses.count(b"HTTP/1.1 200 OK") == 2
    assert responses.index(b'{"status":"ok"}') < responses.index(b'"code":"outdated"')


@pytest.mark.parametrize(
    ("limit", "content"),
    [
        ("MAX_HEAD_SECONDS", b""),
        ("MAX_HEAD_SECONDS", b"\r\n"),
        ("MAX_HEAD_SECONDS", GET + b"Host: a"),
        ("BODY_GRACE_SECONDS", POST + b"Content-Length: 200\r\n\r\n{"),
    ],
    ids=["silence", "a blank line", "half a header", "half a body"],
)
def test_a_client_that_stops_sending_is_cut_off(
    server: Server, limit: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, limit, 0.2)
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(content)
        assert read_to_end(connection) == b""


def test_headers_that_arrive_byte_by_byte_do_not_extend_their_deadline(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_HEAD_SECONDS", 0.5)
    with socket.create_connection(server.address, timeout=20) as connection:
        ended = threading.Event()

        def send_slowly() -> None:
            while not ended.wait(0.02):
                try:
                    connection.sendall(b"X")
                except OSError:
                    return

        connection.sendall(GET)
        sender = threading.Thread(target=send_slowly)
        sender.start()
        assert read_to_end(connection) == b""
        ended.set()
        sender.join()


def test_a_client_that_does_not_read_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNREAD_SECONDS", 0.2)
    content = request_bytes("GET", "/openapi.json")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(server.address)
        try:
            while True:
                connection.sendall(content)
                time.sleep(0.01)
        except OSError:
            pass
        else:
            pytest.fail("the connection was kept")


def read_to_end(connection: socket.socket) -> bytes:
    """Return what arrives until the connection is closed or reset."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)
