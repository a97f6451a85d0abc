"""Whole answers: what is written at once is what would have been written part by part."""

import socket
from urllib.parse import urlsplit

import httpx2 as httpx
from fastapi import APIRouter, FastAPI

from app.http import CurrentConnection, RequestContextMiddleware, Response, Route, Router
from tests.serving import listening
from tests.waiting import awaited

router = APIRouter(route_class=Route)


@router.get("/two")
async def say_two_things() -> Response:
    """Have a header that would be two."""
    return Response(200, b"wisteria", [(b"x-words", b"one\r\nx-other: two")])


@router.get("/late")
async def wait_until_they_hang_up(reader: CurrentConnection) -> Response:
    """Answer nobody."""
    await reader.closed()
    return Response(200, b"wisteria")


TINY = RequestContextMiddleware(Router(FastAPI(), routes=list(router.routes), max_body_bytes=1024), https_only=False)


def test_a_header_that_would_be_two_goes_out_as_none() -> None:
    with listening(TINY) as (url, _), httpx.Client(base_url=url) as client:
        response = client.get("/two")
    assert (response.status_code, "x-other" in response.headers) == (500, False)
    assert b"wisteria" not in response.content


def test_an_answer_to_nobody_is_let_go(every_log_line: list[str]) -> None:
    with listening(TINY) as (url, _):
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as line:
            line.sendall(b"GET /late HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: nobody-there\r\n\r\n")
        awaited(lambda: any("nobody-there" in each for each in every_log_line))
    (told,) = [each for each in every_log_line if "nobody-there" in each]
    assert '"status":200' in told
