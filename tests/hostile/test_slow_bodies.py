"""Slow bodies: one that keeps the minimum rate arrives, one that does not is cut off."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.server import limits
from tests.conftest import Servers
from tests.hostile.raw import chunked_request_bytes, request_bytes
from tests.serving import Server

LOGIN = "/v1/auth/login"
JSON = ("Content-Type", "application/json")
BODY = b'{"email": "' + b"w" * 2000 + b'"}'
"""A body that is answered with 422 once all of it has arrived."""
ANSWERED = b"HTTP/1.1 422 "


@pytest.fixture(scope="session")
def server(lasting_servers: Servers) -> Server:
    """One database is enough: no request here reaches it."""
    return lasting_servers.shared("sqlite")


@pytest.fixture
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Require 1 000 bytes a second after a quarter of a second."""
    monkeypatch.setattr(limits, "BODY_GRACE_SECONDS", 0.25)
    monkeypatch.setattr(limits, "MIN_BODY_RATE", 1000)


def send_slowly(connection: socket.socket, content: bytes, size: int, seconds: float) -> None:
    """Send `content` in pieces of `size`, with a pause after each, until the server closes the connection."""
    for start in range(0, len(content), size):
        try:
            connection.sendall(content[start : start + size])
        except OSError:
            return
        time.sleep(seconds)


@contextmanager
def slow_sender(server: Server, content: bytes, size: int, seconds: float) -> Iterator[socket.socket]:
    """Send `content` slowly from another thread; yield the connection, on which the test reads meanwhile."""
    with socket.create_connection(server.address, timeout=20) as connection:
        sender = threading.Thread(target=send_slowly, args=(connection, content, size, seconds))
        sender.start()
        yield connection
        sender.join()


def read(connection: socket.socket) -> bytes:
    """Return what arrives next; nothing if the server has closed the connection."""
    try:
        return connection.recv(65_536)
    except ConnectionResetError:
        return b""


@pytest.mark.usefixtures("_short_limits")
@pytest.mark.parametrize(
    "content",
    [request_bytes("POST", LOGIN, [JSON], BODY), chunked_request_bytes("POST", LOGIN, [JSON], BODY, size=100)],
    ids=["with a length", "in chunks"],
)
def test_a_slow_body_that_keeps_the_rate_arrives(server: Server, content: bytes) -> None:
    start = time.monotonic()
    with slow_sender(server, content, size=500, seconds=0.1) as connection:
        assert read(connection).startswith(ANSWERED)
    assert time.monotonic() - start > limits.BODY_GRACE_SECONDS


@pytest.mark.usefixtures("_short_limits")
@pytest.mark.parametrize(
    ("content", "size"),
    [
        (request_bytes("POST", LOGIN, [JSON, ("Content-Length", "100000")]) + b" " * 2000, 10),
        (chunked_request_bytes("POST", LOGIN, [JSON], b" " * 2000, size=1), 60),
    ],
    ids=["with a length", "in chunks of one byte, whose framing does not count"],
)
def test_a_body_of_500_bytes_a_second_is_cut_off(server: Server, content: bytes, size: int) -> None:
    head, _, body = content.partition(b"\r\n\r\n")
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(head + b"\r\n\r\n")
        sender = threading.Thread(target=send_slowly, args=(connection, body, size, 0.02))
        sender.start()
        assert read(connection) == b""
        sender.join()


@pytest.mark.usefixtures("_short_limits")
def test_a_body_that_stops_is_cut_off_although_it_kept_the_rate_before(server: Server) -> None:
    with slow_sender(server, request_bytes("POST", LOGIN, [JSON], BODY)[:-1], size=500, seconds=0.1) as connection:
        assert read(connection) == b""


def test_a_body_is_cut_off_after_the_maximum_time_whatever_its_rate(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_GRACE_SECONDS", 0.1)
    monkeypatch.setattr(limits, "MAX_BODY_SECONDS", 0.3)
    with slow_sender(
        server, request_bytes("POST", LOGIN, [JSON], b" " * 900_000), size=10_000, seconds=0.02
    ) as connection:
        assert read(connection) == b""


@pytest.mark.usefixtures("_short_limits")
def test_each_body_of_a_connection_has_its_own_deadline(server: Server) -> None:
    content = request_bytes("POST", LOGIN, [JSON], BODY)
    with socket.create_connection(server.address, timeout=20) as connection:
        for _ in range(2):
            send_slowly(connection, content, size=500, seconds=0.1)
            assert read(connection).startswith(ANSWERED)
        connection.sendall(request_bytes("GET", "/livez"))
        assert read(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("_short_limits")
def test_what_a_body_has_received_does_not_extend_the_deadline_of_a_pipelined_body(server: Server) -> None:
    """The first body would extend it to two seconds."""
    second = request_bytes("POST", LOGIN, [JSON, ("Content-Length", "100000")]) + b" "
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(request_bytes("POST", LOGIN, [JSON], BODY) + second)
        start, seen = time.monotonic(), b""
        while part := read(connection):
            seen += part
    assert seen.count(b"HTTP/1.1 ") == 1
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("received", "seconds"),
    [(0, 15.0), (4096, 16.0), (1_400_000, 15 + 1_400_000 / 4096), (2**31, 600.0)],
    ids=["nothing", "4 KiB", "1.4 MB", "the maximum"],
)
def test_each_4_kib_extend_the_deadline_by_a_second(received: int, seconds: float) -> None:
    assert limits.body_seconds(received) == seconds


def test_1_4_mb_at_70_kb_a_second_arrive_and_100_bytes_a_second_do_not() -> None:
    assert all(limits.body_seconds(70_000 * second) > second for second in range(1, 21))
    assert any(limits.body_seconds(100 * second) < second for second in range(1, 21))
