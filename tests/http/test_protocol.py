"""The protocol under applications that behave as ours seldom do: they answer early, at length, or not at all."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from types import MethodType

import httpx2 as httpx
import pytest
from starlette.types import Receive, Scope, Send

from tests.serving import Address, address_of, listening

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = 20_000_000


async def start_response_before_reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a part of the response, then wait until the client disconnects."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"wisteria", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_large_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with more than a socket takes at once."""
    assert scope["type"] == "http"
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"w" * LARGE})


async def send_tcp_user_timeout(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the milliseconds after which Linux gives up on a client that acknowledges nothing."""
    assert scope["type"] == "http"
    assert isinstance(receive, MethodType)
    connection = vars(receive.__self__)["transport"].get_extra_info("socket")
    milliseconds = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(milliseconds).encode()})


@pytest.fixture
def early() -> Iterator[Address]:
    with listening(start_response_before_reading) as (url, _):
        yield address_of(url)


def test_no_problem_is_written_into_a_response_that_has_started(early: Address) -> None:
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


def test_nothing_is_parsed_after_a_malformed_request(early: Address) -> None:
    with socket.create_connection(early, timeout=20) as connection:
        connection.sendall(GET)
        while b"wisteria" not in connection.recv(65536):
            pass
        connection.sendall(b"nonsense\r\n\r\n")
        connection.sendall(GET)
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(65536)


def test_an_idle_connection_with_an_unread_response_is_aborted() -> None:
    with (
        listening(send_large_response, timeout_keep_alive=1) as (url, _),
        socket.socket() as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(address_of(url))
        connection.sendall(GET)
        time.sleep(2)
        received = 0
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += len(part)
    assert received < LARGE


def test_a_client_that_acknowledges_nothing_is_given_up_as_soon_as_one_that_does_not_read() -> None:
    with listening(send_tcp_user_timeout) as (url, _):
        assert httpx.get(url).text == "30000"
