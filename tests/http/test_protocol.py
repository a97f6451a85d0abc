"""The edge, under applications that behave as ours seldom do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import MethodType

import httpx2 as httpx
import pytest
from starlette.types import Receive, Scope, Send

from tests.serving import address_of, listening

CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = 20_000_000


async def begins_before_it_reads(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a part of the answer, then wait for the body."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"wisteria", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


async def answers_at_length(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with more than a socket takes at once."""
    assert scope["type"] == "http"
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"w" * LARGE})


@pytest.fixture
def early() -> Iterator[tuple[str, int]]:
    with listening(begins_before_it_reads) as (url, _):
        yield address_of(url)


@pytest.fixture
def lengthy() -> Iterator[tuple[str, int]]:
    with listening(answers_at_length, timeout_keep_alive=1) as (url, _):
        yield address_of(url)


def test_a_problem_is_not_written_into_an_answer_that_has_begun(early: tuple[str, int]) -> None:
    with socket.create_connection(early, timeout=20) as connection:
        connection.sendall(CHUNKED)
        seen = b""
        while b"wisteria" not in seen:
            seen += connection.recv(65536)
        connection.sendall(b"no chunk\r\n")
        while part := connection.recv(65536):
            seen += part
    assert b"400" not in seen
    assert b"problem" not in seen


def test_what_follows_a_refusal_is_not_heard(early: tuple[str, int]) -> None:
    with socket.create_connection(early, timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        while b"wisteria" not in connection.recv(65536):
            pass
        connection.sendall(b"nonsense\r\n\r\n")
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(65536)


def test_an_idle_connection_whose_answer_was_never_read_is_cut_off(lengthy: tuple[str, int]) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(lengthy)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        ended = threading.Event()
        assert not ended.wait(2)
        received = 0
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += len(part)
    assert received < LARGE


async def says_when_the_system_gives_up(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the milliseconds that a client may leave unconfirmed what was sent to it."""
    assert scope["type"] == "http"
    assert isinstance(receive, MethodType)
    connection = vars(receive.__self__)["transport"].get_extra_info("socket")
    milliseconds = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(milliseconds).encode()})


def test_a_client_that_is_gone_without_a_word_is_given_up_as_soon_as_one_that_does_not_read() -> None:
    with listening(says_when_the_system_gives_up) as (url, _):
        assert httpx.get(url).text == "30000"
