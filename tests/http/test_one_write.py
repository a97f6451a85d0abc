"""A response that is written at once is the same as one that is written in parts."""

import socket
from typing import cast
from urllib.parse import urlsplit

import httpx2 as httpx
from fastapi import APIRouter, FastAPI
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.http import CurrentConnection, RequestContextMiddleware, Response, Route, Router
from app.server.one_write import write_prebuilt
from tests.serving import listening
from tests.waiting import wait_until

router = APIRouter(route_class=Route)


@router.get("/injection")
async def respond_with_a_line_break_in_a_header() -> Response:
    """Return a header whose value would add a second header."""
    return Response(200, b"wisteria", [(b"x-words", b"one\r\nx-other: two")])


@router.get("/late")
async def respond_after_disconnect(connection: CurrentConnection) -> Response:
    """Return a response that no client reads."""
    await connection.closed()
    return Response(200, b"wisteria")


APP = RequestContextMiddleware(Router(FastAPI(), routes=list(router.routes), max_body_bytes=1024), https_only=False)


def test_a_header_with_a_line_break_is_not_sent() -> None:
    with listening(APP) as (url, _), httpx.Client(base_url=url) as client:
        response = client.get("/injection")
    assert (response.status_code, "x-other" in response.headers) == (500, False)
    assert b"wisteria" not in response.content


def test_a_response_after_a_disconnect_is_discarded_and_logged(every_log_line: list[str]) -> None:
    with listening(APP) as (url, _):
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(b"GET /late HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: disconnected\r\n\r\n")
        wait_until(lambda: any("disconnected" in line for line in every_log_line))
    (logged,) = [line for line in every_log_line if "disconnected" in line]
    assert '"status":200' in logged


class Disconnected:
    """A cycle whose client has disconnected. Nothing else of it may be used."""

    disconnected = True


def test_a_refusal_after_a_disconnect_is_not_written() -> None:
    write_prebuilt(cast("RequestResponseCycle", Disconnected()), b"HTTP/1.1 503 \r\n\r\n")
