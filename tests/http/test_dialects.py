"""Dialects: errors in the form of their part of the API, forms, queries as they are, and bodies as streams."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import httpx2 as httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.types import Message

from app.http import (
    MAX_BODY_BYTES,
    BodyStream,
    Dialect,
    FormBody,
    RawBody,
    RawQuery,
    RequestContextMiddleware,
    Response,
    Route,
    Router,
    json_response,
)
from app.ids import Id, new_id
from app.problems import Forbidden, Invalid, MalformedBody, Problem
from app.server import limits
from tests.serving import address_of, listening

ZIP = "application/zip"
MAX_STREAM = 100_000
SENT = 2**27
"""Bytes of a body that no buffer of the system can hold."""


def outcome(problem: Problem, request_id: str) -> Response:
    """Render a problem as this dialect does."""
    return json_response({"outcome": problem.code, "id": request_id}, problem.status)


class Body(BaseModel):
    """A body of this dialect."""

    word: str


class OddRoute(Route):
    """A route of another part of the API."""

    dialect = Dialect("/odd", outcome, frozenset({"application/odd+json", "application/json"}))


odd, plain = APIRouter(prefix="/odd", route_class=OddRoute), APIRouter(route_class=Route)


@odd.get("/things/{id:id}/$every")
async def get_every(id: Id, query: RawQuery) -> Response:
    """Return what came."""
    return json_response({"id": str(id), "query": query})


@odd.post("/things")
async def create_thing(body: Body) -> Response:
    """Return what came."""
    return json_response({"word": body.word}, 201)


@odd.post("/token")
async def create_token(form: Annotated[Body, Depends(FormBody(Body))]) -> Response:
    """Return what came."""
    return json_response({"word": form.word})


@odd.get("/crash")
async def crash() -> Response:
    """Fail."""
    message = "wisteria"
    raise RuntimeError(message)


@odd.get("/forbidden")
async def forbidden() -> Response:
    """Refuse."""
    raise Forbidden


@odd.post("/archive", openapi_extra={MAX_BODY_BYTES: MAX_STREAM})
async def take_archive(stream: Annotated[BodyStream, Depends(RawBody(ZIP))]) -> Response:
    """Count the bytes, piece by piece."""
    sizes = [len(piece) async for piece in stream]
    return json_response({"bytes": sum(sizes)})


@plain.get("/plain")
async def get_plain() -> Response:
    """Answer."""
    return Response(200)


@plain.post("/words")
async def create_word(body: Body) -> Response:
    """Return what came."""
    return json_response({"word": body.word}, 201)


def served(*routers: APIRouter) -> RequestContextMiddleware:
    """Return an application with the routes of the routers."""
    routes = [route for router in routers for route in router.routes]
    return RequestContextMiddleware(Router(FastAPI(), routes=routes, max_body_bytes=1024), https_only=False)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with listening(served(odd, plain)) as (url, _), httpx.Client(base_url=url) as found:
        yield found


ERRORS: dict[str, tuple[int, str, dict[str, Any]]] = {
    "unknown path": (404, "not-found", {"method": "GET", "url": "/odd/wisteria"}),
    "an escaped path": (404, "not-found", {"method": "GET", "url": "/odd/%24things"}),
    "the prefix itself": (404, "not-found", {"method": "GET", "url": "/odd"}),
    "method": (405, "method-not-allowed", {"method": "DELETE", "url": "/odd/things"}),
    "caller": (403, "forbidden", {"method": "GET", "url": "/odd/forbidden"}),
    "media type": (415, "unsupported-media-type", {"method": "POST", "url": "/odd/things", "content": b"{}"}),
    "syntax": (
        400,
        "malformed-body",
        {"method": "POST", "url": "/odd/things", "content": b"{", "headers": {"Content-Type": "application/odd+json"}},
    ),
    "validation": (422, "validation", {"method": "POST", "url": "/odd/things", "json": {}}),
    "query": (422, "validation", {"method": "POST", "url": "/odd/things?a=1", "json": {"word": "w"}}),
    "size": (413, "body-too-large", {"method": "POST", "url": "/odd/things", "json": {"word": "w" * 2000}}),
    "crash": (500, "crashed", {"method": "GET", "url": "/odd/crash"}),
}


@pytest.mark.parametrize(("status", "code", "request_"), ERRORS.values(), ids=ERRORS)
def test_every_error_below_a_prefix_is_rendered_in_its_dialect(
    client: httpx.Client, status: int, code: str, request_: dict[str, Any]
) -> None:
    response = client.request(**request_)
    assert (response.status_code, response.json()) == (
        status,
        {"outcome": code, "id": response.headers["x-request-id"]},
    )


@pytest.mark.parametrize("path", ["/oddly", "/wisteria", "/plain/odd"])
def test_an_error_elsewhere_is_a_problem_document(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not-found"


@pytest.mark.parametrize("media_type", ["application/odd+json", "application/json"])
def test_a_body_may_have_each_media_type_of_its_dialect(client: httpx.Client, media_type: str) -> None:
    response = client.post("/odd/things", content=b'{"word": "wisteria"}', headers={"Content-Type": media_type})
    assert (response.status_code, response.json()) == (201, {"word": "wisteria"})


def test_a_query_comes_as_it_is(client: httpx.Client) -> None:
    id = str(new_id())
    response = client.get(f"/odd/things/{id}/$every?_since=1&name=a%26b&name=c&empty=")
    assert response.json() == {"id": id, "query": [["_since", "1"], ["name", "a&b"], ["name", "c"], ["empty", ""]]}
    assert client.get(f"/odd/things/{id}/$every?a=%00").json()["outcome"] == "malformed-query"


FORMS: dict[str, tuple[bytes, int, str]] = {
    "known and unknown": (b"word=wis%20teria&other=1", 200, "wis teria"),
    "unknown and repeated": (b"word=a&other=1&other=2", 200, "a"),
    "missing": (b"other=1", 422, "validation"),
    "repeated": (b"word=a&word=b", 422, "validation"),
    "repeated as often as the body can hold": (b"word=&" * 170, 422, "validation"),
    "an incomplete escape": (b"word=a%f", 400, "malformed-body"),
    "NUL": (b"word=a%00", 400, "malformed-body"),
    "not UTF-8": (b"word=%FF", 400, "malformed-body"),
    "not ASCII": ("word=ä".encode(), 400, "malformed-body"),
}


@pytest.mark.parametrize(("content", "status", "found"), FORMS.values(), ids=FORMS)
def test_a_form_has_each_known_field_once(client: httpx.Client, content: bytes, status: int, found: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = client.post("/odd/token", content=content, headers=headers)
    assert (response.status_code, *response.json().values())[:2] == (status, found)
    assert client.post("/odd/token", json={"word": "wisteria"}).status_code == 415


def test_many_repetitions_of_a_field_take_no_time() -> None:
    pairs = b"word=&" * 100_000  # a comparison of each pair with each other would take minutes

    async def receive() -> Message:
        return {"type": "http.request", "body": pairs}

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    request = Request({"type": "http", "headers": headers, "max_body_bytes": len(pairs)}, receive)
    start = time.process_time()
    with pytest.raises(Invalid):
        asyncio.run(FormBody(Body)(request))
    assert time.process_time() - start < 10


def test_a_stream_arrives_in_pieces_up_to_its_own_limit(client: httpx.Client) -> None:
    headers = {"Content-Type": ZIP}
    response = client.post("/odd/archive", content=(b"w" * 9000 for _ in range(11)), headers=headers)
    assert response.json() == {"bytes": 99_000}
    assert client.post("/odd/archive", content=b"", headers=headers).json() == {"bytes": 0}
    assert client.post("/odd/archive", content=b"w", headers={"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize("pieces", [1, 12], ids=["in one piece", "in pieces"])
def test_a_stream_above_its_limit_is_refused(client: httpx.Client, pieces: int) -> None:
    content = b"w" * (MAX_STREAM + 1) if pieces == 1 else (b"w" * 9000 for _ in range(pieces))
    response = client.post("/odd/archive", content=content, headers={"Content-Type": ZIP})
    assert (response.status_code, response.json()["outcome"]) == (413, "body-too-large")


class SlowEndpoint:
    """Reads the first piece of a stream, and the rest when the test says so."""

    def __init__(self) -> None:
        self.started, self.ended, self.go_on = threading.Event(), threading.Event(), asyncio.Event()
        self.problem: Problem | None = None
        router = APIRouter(route_class=Route)
        router.add_api_route("/slow", self.receive, methods=["POST"], openapi_extra={MAX_BODY_BYTES: 2 * SENT})
        self.app = served(router)

    async def receive(self, stream: Annotated[BodyStream, Depends(RawBody(ZIP))]) -> Response:
        """Read the stream."""
        try:
            async for _ in stream:
                self.started.set()
                await self.go_on.wait()
        except Problem as problem:
            self.problem = problem
            raise
        finally:
            self.ended.set()
        return Response(204)

    @contextmanager
    def start_request(self, content: bytes = b"") -> Iterator[tuple[socket.socket, asyncio.AbstractEventLoop]]:
        """Send the head of a request of `SENT` bytes, and the start of its body."""
        head = f"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Type: {ZIP}\r\nContent-Length: {SENT}\r\n\r\n"
        with listening(self.app) as (url, loop), socket.create_connection(address_of(url), timeout=20) as connection:
            connection.sendall(head.encode() + content)
            yield connection, loop


def send_until_blocked(connection: socket.socket) -> int:
    """Send until the connection has taken nothing for half a second; return how many bytes it took."""
    connection.settimeout(0.5)
    sent = 0
    with suppress(TimeoutError):
        while sent < SENT:
            sent += connection.send(b"w" * min(65_536, SENT - sent))
    connection.settimeout(20)
    return sent


def test_a_client_cannot_send_faster_than_the_endpoint_reads() -> None:
    endpoint = SlowEndpoint()
    with endpoint.start_request() as (connection, loop):
        sent = send_until_blocked(connection)
        assert endpoint.started.is_set()
        assert sent < SENT // 4  # what the system's buffers take
        loop.call_soon_threadsafe(endpoint.go_on.set)
        connection.sendall(b"w" * (SENT - sent))
        assert connection.recv(4096).startswith(b"HTTP/1.1 204")


def test_the_time_in_which_the_endpoint_does_not_read_does_not_count_against_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "BODY_GRACE_SECONDS", 1.0)
    monkeypatch.setattr(limits, "MIN_BODY_RATE", SENT)
    endpoint = SlowEndpoint()
    with endpoint.start_request() as (connection, loop):
        sent = send_until_blocked(connection)
        time.sleep(1.5)
        loop.call_soon_threadsafe(endpoint.go_on.set)
        connection.sendall(b"w" * (SENT - sent))
        assert connection.recv(4096).startswith(b"HTTP/1.1 204")


def test_a_stream_ends_with_a_problem_if_its_client_disconnects() -> None:
    endpoint = SlowEndpoint()
    with endpoint.start_request(b"w") as (connection, loop):
        assert endpoint.started.wait(20)
        connection.close()
        loop.call_soon_threadsafe(endpoint.go_on.set)
        assert endpoint.ended.wait(20)
    assert isinstance(endpoint.problem, MalformedBody)


def test_a_refused_media_type_is_answered_with_those_that_are_accepted(client: httpx.Client) -> None:
    with httpx.Client() as plain_client, listening(served(plain)) as (url, _):
        response = plain_client.post(f"{url}/words", content=b"{}", headers={"Content-Type": "text/plain"})
    assert response.status_code == 415
    assert response.json()["detail"].startswith("Send the body as application/json, ")
    assert client.post("/odd/things", content=b"{}").status_code == 415


@pytest.mark.parametrize(("kind", "path"), [(Route, "/odd/stray"), (OddRoute, "/stray")], ids=["below", "beside"])
def test_a_route_outside_the_prefix_of_its_dialect_is_refused_at_the_start(kind: type[Route], path: str) -> None:
    stray = APIRouter(route_class=kind)
    stray.add_api_route(path, get_plain, methods=["GET"])
    with pytest.raises(ValueError, match=path):
        served(odd, stray)
