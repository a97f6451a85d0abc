"""Dialects: errors in the form of their part of the API, forms, queries as they are, and bodies as streams."""

from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx2 as httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel

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
from app.problems import Forbidden, Problem
from tests.serving import listening

ZIP = "application/zip"
MAX_STREAM = 100_000


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


@asynccontextmanager
async def nothing(_app: FastAPI) -> Any:
    yield


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    app = FastAPI(lifespan=nothing)
    router = Router(app, routes=[*odd.routes, *plain.routes], max_body_bytes=1024)
    with listening(RequestContextMiddleware(router, https_only=False)) as (url, _), httpx.Client(base_url=url) as found:
        yield found


ERRORS: dict[str, tuple[int, str, dict[str, Any]]] = {
    "unknown path": (404, "not-found", {"method": "GET", "url": "/odd/wisteria"}),
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
    "missing": (b"other=1", 422, "validation"),
    "repeated": (b"word=a&word=b", 422, "validation"),
    "not UTF-8": (b"word=%FF", 400, "malformed-body"),
    "not ASCII": ("word=ä".encode(), 400, "malformed-body"),
}


@pytest.mark.parametrize(("content", "status", "found"), FORMS.values(), ids=FORMS)
def test_a_form_has_each_known_field_once(client: httpx.Client, content: bytes, status: int, found: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = client.post("/odd/token", content=content, headers=headers)
    assert (response.status_code, *response.json().values())[:2] == (status, found)
    assert client.post("/odd/token", json={"word": "wisteria"}).status_code == 415


def test_a_stream_arrives_in_pieces_up_to_its_own_limit(client: httpx.Client) -> None:
    headers = {"Content-Type": ZIP}
    response = client.post("/odd/archive", content=(b"w" * 9000 for _ in range(11)), headers=headers)
    assert response.json() == {"bytes": 99_000}
    for content in (b"w" * (MAX_STREAM + 1), (b"w" * 9000 for _ in range(12))):
        response = client.post("/odd/archive", content=content, headers=headers)
        assert (response.status_code, response.json()["outcome"]) == (413, "body-too-large")
    assert client.post("/odd/archive", content=b"w", headers={"Content-Type": "text/plain"}).status_code == 415
