"""Pipelining: what a client sends before it has read the last response waits, and does not use up the server."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from types import MethodType

import pytest
from starlette.types import Receive, Scope, Send

from app.fhir.dialect import FHIR
from app.http import AllowedOrigins, RequestContextMiddleware, Response
from app.server import limits
from app.server.in_flight import InFlightLimiter
from app.server.pipelining import MAX_PIPELINED
from app.server.protocol import LimitedProtocol
from tests.hostile.raw import request_bytes
from tests.http.single_slot import run_lifespan
from tests.serving import address_of, listening
from tests.waiting import wait_until

ANSWERED = b"HTTP/1.1 200 "
GET = request_bytes("GET", "/")
LARGE = 100_000


class Echo:
    """An application that answers with the number of bytes of the body; GET /large with many bytes; none before `release`."""

    def __init__(self, limit: int) -> None:
        self.limiter = InFlightLimiter(limit, origins=AllowedOrigins([]), dialects=[FHIR])
        self.released = asyncio.Event()
        self.started = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self.address = ("", 0)
        self.protocol: LimitedProtocol | None = None
        """The connection of the last request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await run_lifespan(scope, receive, send, self.limiter)
            return
        assert isinstance(receive, MethodType)
        self.protocol = vars(receive.__self__)["on_response"].__self__
        self.started += 1
        await self.released.wait()
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        body = b"w" * LARGE if scope["path"] == "/large" else b"%d bytes" % size
        await Response(200, body).send(send)

    def release(self) -> None:
        """Answer the requests."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.released.set)

    def connect(self, content: bytes = b"", *, receive_buffer: int = 0) -> socket.socket:
        """Return a new connection on which `content` was sent."""
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(20)
        connection.connect(self.address)
        connection.sendall(content)
        return connection


@contextmanager
def serving_echo(limit: int = 256) -> Iterator[Echo]:
    echo = Echo(limit)
    with listening(RequestContextMiddleware(echo, https_only=False)) as (url, echo.loop):
        echo.address = address_of(url)
        yield echo
        echo.release()


@pytest.fixture
def echo() -> Iterator[Echo]:
    with serving_echo() as running:
        yield running


def read_responses(connection: socket.socket, count: int) -> bytes:
    """Read until `count` responses have begun, and the last one has ended, or the server closes the connection."""
    seen = b""
    while seen.count(b"HTTP/1.1 ") < count or not seen.endswith(b"bytes"):
        part = connection.recv(1 << 20)
        if not part:
            break
        seen += part
    return seen


def test_at_most_eight_requests_of_a_connection_wait_and_all_are_answered(echo: Echo) -> None:
    with closing(echo.connect(GET * 500)) as connection:
        wait_until(lambda: echo.limiter.pipelined == MAX_PIPELINED)
        assert (echo.started, echo.limiter.in_flight) == (1, 1 + MAX_PIPELINED)
        echo.release()
        assert read_responses(connection, 500).count(ANSWERED) == 500
        assert (echo.started, echo.limiter.pipelined) == (500, 0)


def test_bodies_with_blank_lines_are_read_as_they_were_sent(echo: Echo) -> None:
    bodies = [b"\r\n\r\n" * number for number in range(60)]
    echo.release()
    with closing(echo.connect(b"".join(request_bytes("POST", "/", [], body) for body in bodies))) as connection:
        seen = read_responses(connection, len(bodies))
    assert [part.rpartition(b"\r\n\r\n")[2] for part in seen.split(b"HTTP/1.1 ")[1:]] == [
        b"%d bytes" % len(body) for body in bodies
    ]


def test_nothing_is_read_from_a_client_that_does_not_read_its_responses(echo: Echo) -> None:
    content, sent = request_bytes("GET", "/large", [("X-Padding", "w" * 16_000)]), 0
    echo.release()
    with closing(echo.connect(receive_buffer=4096)) as connection:
        connection.settimeout(0.5)
        with suppress(TimeoutError):
            while sent < 50_000_000:
                sent += connection.send(content[sent % len(content) :])
        assert sent < 50_000_000
        started = echo.started
        assert started < sent // len(content)
        connection.settimeout(20)
        answered, rest = 0, b""
        while answered < sent // len(content) and (part := connection.recv(1 << 20)):
            rest = rest[-len(ANSWERED) + 1 :] + part
            answered += rest.count(ANSWERED)
        assert answered == sent // len(content) == echo.started


def test_reading_continues_only_when_no_reason_to_stop_is_left(echo: Echo) -> None:
    """Requests wait, and the client does not read: either alone must keep the server from reading."""
    echo.release()
    with closing(echo.connect(request_bytes("GET", "/large") * 40, receive_buffer=4096)) as connection:
        wait_until(lambda: echo.limiter.pipelined > 0)
        seen = 0
        for _ in range(40):
            connection.sendall(request_bytes("GET", "/large"))
            while seen < LARGE:
                seen += len(connection.recv(1 << 16))
            seen -= LARGE
        connection.sendall(request_bytes("GET", "/", [("Connection", "close")]))
        rest = b""
        while part := connection.recv(1 << 20):
            rest = rest[-200:] + part
    assert rest.endswith(b"\r\n\r\n0 bytes")
    assert echo.started == 81


def test_a_pipelined_request_beyond_the_limit_is_refused_in_its_turn() -> None:
    with serving_echo(limit=2) as echo, closing(echo.connect(GET)) as connection:
        wait_until(lambda: echo.started == 1)
        connection.sendall(GET + request_bytes("HEAD", "/") + GET)
        wait_until(lambda: echo.limiter.pipelined == 3)
        echo.release()
        seen = b""
        while seen.count(b"HTTP/1.1 ") < 4 or not seen.endswith(b"}"):
            seen += connection.recv(65536)
        assert [part[:3] for part in seen.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"503", b"503"]
        assert (echo.started, echo.limiter.pipelined) == (2, 0)
        connection.sendall(GET)
        assert connection.recv(65536).startswith(ANSWERED)


def test_a_pipelined_request_is_refused_in_the_dialect_of_its_path() -> None:
    with serving_echo(limit=1) as echo, closing(echo.connect(GET)) as connection:
        wait_until(lambda: echo.started == 1)
        connection.sendall(request_bytes("GET", "/fhir/Patient") + GET)
        wait_until(lambda: echo.limiter.pipelined == 2)
        echo.release()
        seen = b""
        while seen.count(b"HTTP/1.1 ") < 3 or not seen.endswith(b"}"):
            seen += connection.recv(65536)
        of_fhir, of_json = seen.split(b"HTTP/1.1 503 ")[1:]
        assert b"application/fhir+json" in of_fhir
        assert b'"resourceType":"OperationOutcome"' in of_fhir
        assert b"application/problem+json" in of_json


def test_requests_that_wait_count_for_other_connections() -> None:
    with serving_echo(limit=3) as echo, closing(echo.connect(GET * 3)), closing(echo.connect()) as other:
        wait_until(lambda: echo.limiter.in_flight == 3)
        other.sendall(GET)
        assert other.recv(65536).startswith(b"HTTP/1.1 503 ")


def test_requests_of_a_lost_connection_do_not_count(echo: Echo) -> None:
    with closing(echo.connect(GET * 100)):
        wait_until(lambda: echo.limiter.pipelined == MAX_PIPELINED)
        connection_count = echo.limiter.pipelined
    assert connection_count == MAX_PIPELINED
    echo.release()
    wait_until(lambda: echo.limiter.pipelined == 0)
    started = echo.started
    assert started <= 1 + MAX_PIPELINED


def test_a_client_is_not_cut_off_because_the_server_does_not_read(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_HEAD_SECONDS", 0.2)
    half = len(GET) // 2
    with closing(echo.connect(GET * 2 + GET[:half])) as connection:
        wait_until(lambda: echo.limiter.pipelined == 1)
        time.sleep(0.6)
        echo.release()
        connection.sendall(GET[half:])
        assert read_responses(connection, 3).count(ANSWERED) == 3


def test_when_the_server_stops_only_the_requests_that_wait_are_answered() -> None:
    with serving_echo() as echo, closing(echo.connect(GET * 500)) as connection:
        wait_until(lambda: echo.limiter.pipelined == MAX_PIPELINED)
        assert echo.loop is not None
        assert echo.protocol is not None
        echo.loop.call_soon_threadsafe(echo.protocol.shutdown)
        echo.release()
        assert read_responses(connection, 500).count(ANSWERED) == 1 + MAX_PIPELINED
