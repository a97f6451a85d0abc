"""Bodies that arrive slowly: a body that makes progress arrives, one that drips is cut off."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.server import limits
from tests.hostile.raw import request
from tests.serving import Person, Server

BODY = b'{"kind": "session", "statement": "' + b"w" * 1900 + b'"}'


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect 8 000 bytes a second after a quarter of a second."""
    monkeypatch.setattr(limits, "BODY_GRACE_SECONDS", 0.25)
    monkeypatch.setattr(limits, "MIN_BODY_RATE", 8000)


@contextmanager
def sending(server: Server, person: Person, length: int = len(BODY)) -> Iterator[socket.socket]:
    """Open a connection on which the head of a POST was sent."""
    headers = [("Authorization", f"Bearer {person.token}"), ("Content-Type", "application/json")]
    head = request("POST", "/v1/intentions", [*headers, ("Content-Length", str(length))])
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(head)
        yield connection


def answer(connection: socket.socket) -> bytes:
    """Return what the server sends until it closes the connection, or the start of its response."""
    try:
        return connection.recv(65_536)
    except ConnectionResetError:
        return b""


def drip(connection: socket.socket, body: bytes, size: int, seconds: float) -> None:
    """Send a body in pieces, with a pause after each, until the server closes the connection."""
    for start in range(0, len(body), size):
        try:
            connection.sendall(body[start : start + size])
        except OSError:
            return
        time.sleep(seconds)


@pytest.mark.usefixtures("hasty")
def test_a_body_that_takes_longer_than_the_grace_but_keeps_the_rate_arrives(server: Server, alice: Person) -> None:
    with sending(server, alice) as connection:
        began = time.monotonic()
        drip(connection, BODY, size=500, seconds=0.09)
        assert time.monotonic() - began > limits.BODY_GRACE_SECONDS
        assert answer(connection).startswith(b"HTTP/1.1 201")


@pytest.mark.usefixtures("hasty")
def test_a_body_below_the_rate_is_cut_off(server: Server, alice: Person) -> None:
    with sending(server, alice, length=100_000) as connection:
        sender = threading.Thread(target=drip, args=(connection, b" " * 1000, 10, 0.02))
        sender.start()
        began = time.monotonic()
        assert answer(connection) == b""
        assert time.monotonic() - began < 2
        sender.join()


def test_a_body_is_cut_off_after_the_longest_time_whatever_its_rate(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_GRACE_SECONDS", 0.1)
    monkeypatch.setattr(limits, "MAX_BODY_SECONDS", 0.3)
    with sending(server, alice, length=1_000_000) as connection:
        sender = threading.Thread(target=drip, args=(connection, b" " * 900_000, 10_000, 0.02))
        sender.start()
        assert answer(connection) == b""
        sender.join()


@pytest.mark.usefixtures("hasty")
def test_the_next_request_of_the_connection_has_a_deadline_of_its_own(server: Server, alice: Person) -> None:
    with sending(server, alice) as connection:
        drip(connection, BODY, size=500, seconds=0.09)
        assert answer(connection).startswith(b"HTTP/1.1 201")
        time.sleep(0.5)
        connection.sendall(request("GET", "/livez"))
        assert answer(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("received", "seconds"), [(0, 15.0), (4096, 16.0), (1_400_000, 15 + 1_400_000 / 4096), (2**31, 600.0)]
)
def test_each_four_kibibytes_extend_the_deadline_by_a_second(received: int, seconds: float) -> None:
    assert limits.body_seconds(received) == seconds


def test_1_4_megabytes_at_70_kilobytes_a_second_arrive_and_100_bytes_a_second_do_not() -> None:
    assert all(limits.body_seconds(70_000 * second) > second for second in range(1, 21))
    assert any(limits.body_seconds(100 * second) < second for second in range(1, 21))
