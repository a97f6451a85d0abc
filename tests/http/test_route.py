"""A route gives the same response behind the `Router` as behind FastAPI's own router, to valid and invalid requests."""

import re
import typing
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI, params
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http import CorsMiddleware, QueryModel, RequestContextMiddleware, Route
from app.ids import new_id
from app.main import create_app
from app.records import Resource
from app.resources import RESOURCES
from tests.drafts import create_record, draft_of
from tests.serving import Person, Server, listening
from tests.witness import Client

VARYING_HEADERS = {"date", "x-request-id"}
PUSH = "/v1/sync/push"
_varying = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{13,16}|\d{4}-\d\d-\d\dT[\d:.]{15}Z").sub


class BodyLimit:
    """Sets the limit of a body, as the `Router` does."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app, self._max_body_bytes = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set it, and pass the request on."""
        scope["max_body_bytes"] = self._max_body_bytes
        await self._app(scope, receive, send)


def assert_same(ours: httpx.Response, fastapis: httpx.Response) -> None:
    """Compare two responses, except for ids, versions and times, on which the length of a compressed one depends."""
    assert fastapis.status_code == ours.status_code
    assert _varying(b"~", fastapis.content) == _varying(b"~", ours.content)
    headers = [
        [
            (name, _varying(b"~", value))
            for name, value in response.headers.raw
            if name.decode().lower() not in VARYING_HEADERS
            and not (name == b"content-length" and "content-encoding" in response.headers)
        ]
        for response in (ours, fastapis)
    ]
    assert headers[0] == headers[1]


class BothRouters:
    """Sends each request twice: to the server as it is, and to the same application behind FastAPI's own router."""

    def __init__(self, ours: Client, fastapis: Client) -> None:
        self._clients = ours, fastapis

    def __call__(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Send one request to both, compare the responses, and return the server's."""
        ours, fastapis = (client.request(method, path, **parts) for client in self._clients)
        assert_same(ours, fastapis)
        return ours

    def send_one_each(self, method: str, *requests: tuple[str, dict[str, Any]]) -> None:
        """Send a different request to each, and compare the responses."""
        ours, fastapis = (
            client.request(method, path, **parts) for client, (path, parts) in zip(self._clients, requests, strict=True)
        )
        assert_same(ours, fastapis)


@pytest.fixture
def both(server: Server, alice: Person) -> Iterator[BothRouters]:
    app = create_app(server.settings)
    used: list[tuple[object, Middleware]] = [(each.cls, each) for each in app.user_middleware]
    app.user_middleware = [
        Middleware(RequestContextMiddleware, https_only=False),
        *(each for kind, each in used if kind is CorsMiddleware),
        Middleware(BodyLimit, max_body_bytes=server.settings.max_body_bytes),
    ]
    app.middleware_stack = FastAPI.build_middleware_stack(app)
    with listening(app) as (url, _), Client(url, alice.token) as client:
        yield BothRouters(alice.client, client)


@pytest.mark.parametrize(
    "path",
    [
        "/livez",
        "/v1/me",
        "/problems/outdated",
        "/problems/nothing",
        "/.well-known/jwks.json",
        "/v1/auth/devices",
        "/v1/sync",
    ],
)
def test_a_get_is_answered_alike_by_both_routers(both: BothRouters, path: str) -> None:
    both("GET", path)
    both("HEAD", path)
    both("GET", path, params={"wisteria": "1"})
    both("GET", path, headers={"Authorization": "Bearer wisteria"})


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)
def test_every_operation_on_records_is_answered_alike_by_both_routers(
    both: BothRouters, alice: Person, resource: Resource
) -> None:
    record = create_record(alice.client, resource, alice)
    path = f"{resource.path}/{record['id']}"
    draft = draft_of(resource, alice) | {"id": record["id"]}
    tag = {"If-Match": f'"{record["version"]}"'}
    for method in ("GET", "HEAD"):
        assert both(method, path).status_code == 200
        assert both(method, path, headers={"If-None-Match": f'"{record["version"]}"'}).status_code == 304
        assert both(method, resource.path).status_code == 200
    create_record(alice.client, resource, alice)
    cursor = both("GET", resource.path, params={"limit": 1}).json()["next_cursor"]
    assert both("GET", resource.path, params={"limit": 1, "cursor": cursor}).status_code == 200
    created = [draft | {"id": str(new_id())} for _ in range(2)]
    both.send_one_each("POST", *((resource.path, {"json": each}) for each in created))
    assert both("POST", resource.path, json=created[0]).status_code in {200, 201}
    for status, headers in ((428, {}), (400, {"If-Match": "wisteria"}), (412, {"If-Match": '"1"'}), (200, tag)):
        assert both("PATCH", path, json={"visibility": record["visibility"]}, headers=headers).status_code == status
        assert status == 200 or both("DELETE", path, headers=headers).status_code == status
    gone = [f"{resource.path}/{each['id']}" for each in created]
    both.send_one_each("DELETE", *((each, {"headers": {"If-Match": "*"}}) for each in gone))
    for each in gone:
        for method in ("GET", "DELETE"):
            both(method, each)


BODIES: dict[str, tuple[int, bytes, str]] = {
    "unfinished JSON": (400, b'{"a": 1', "application/json"),
    "a member twice": (400, b'{"a": 1, "a": 2}', "application/json"),
    "not UTF-8": (400, b"\xff", "application/json"),
    "nested too deep": (400, b"[" * 100, "application/json"),
    "too large": (413, b" " * (2**21 + 1), "application/json"),
    "another media type": (415, b"{}", "text/plain"),
    "not an object": (422, b"[]", "application/json"),
    "a lone surrogate": (422, b'{"wisteria": "\\ud800"}', "application/json"),
    "an infinite number": (422, b'{"visibility": 1e999}', "application/json"),
}


@pytest.mark.parametrize(("status", "body", "media_type"), BODIES.values(), ids=BODIES)
def test_an_invalid_body_is_refused_alike_by_both_routers(
    both: BothRouters, status: int, body: bytes, media_type: str
) -> None:
    headers = {"Content-Type": media_type}
    requests = [("POST", PUSH), *(("POST", resource.path) for resource in RESOURCES)]
    requests += [("PATCH", f"{resource.path}/{new_id()}") for resource in RESOURCES]
    statuses = {each: both(*each, content=body, headers=headers).status_code for each in requests}
    assert statuses == dict.fromkeys(requests, status)


REQUESTS: dict[str, tuple[int, dict[str, Any]]] = {
    "no token": (401, {"headers": {"Authorization": ""}}),
    "an invalid token": (401, {"headers": {"Authorization": "Bearer a.b.c"}}),
    "two tokens": (401, {"headers": [("Authorization", "Bearer a.b.c"), ("Authorization", "Bearer a.b.c")]}),
    "an unknown parameter": (422, {"params": {"wisteria": "1"}}),
    "a repeated parameter": (422, {"params": [("limit", "1"), ("limit", "1")]}),
    "a digit of another script": (422, {"params": {"limit": "\u0661"}}),
    "an invalid cursor": (400, {"params": {"cursor": "wisteria"}}),
}


@pytest.mark.parametrize(("status", "parts"), REQUESTS.values(), ids=REQUESTS)
def test_an_invalid_query_or_token_is_refused_alike_by_both_routers(
    both: BothRouters, status: int, parts: dict[str, Any]
) -> None:
    statuses = {resource.path: both("GET", resource.path, **parts).status_code for resource in RESOURCES}
    assert statuses == dict.fromkeys(statuses, status)
    pulled = both("GET", "/v1/sync/changes", **parts).status_code
    assert pulled == status or "params" in parts


def test_a_pull_and_a_push_are_answered_alike_by_both_routers(both: BothRouters, alice: Person) -> None:
    op = {"op": "upsert", "collection": "sessions", "op_id": str(new_id()), "set": {"kind": "dosing"}}
    pushed = [{"ops": [op | {"id": str(new_id()), "op_id": str(new_id())}]} for _ in range(2)]
    both.send_one_each("POST", *((PUSH, {"json": each}) for each in pushed))
    assert both("POST", PUSH, json=pushed[0]).json()["results"][0]["replayed"]
    both("POST", PUSH, json={"ops": [op, op]})
    for since in ("0", "1", "wisteria", str(2**60)):
        both("GET", "/v1/sync/changes", params={"since": since})
    assert alice.client.get("/v1/sync/changes").json()["changes"]


def test_requests_with_the_same_query_can_share_the_model(server: Server) -> None:
    routes = [route for route in create_app(server.settings).routes if isinstance(route, Route)]
    hints = [hint for route in routes for hint in typing.get_type_hints(route.endpoint, include_extras=True).values()]
    annotated = [typing.get_args(hint) for hint in hints if typing.get_origin(hint) is typing.Annotated]
    models = {model for model, *marks in annotated if any(isinstance(each, params.Query) for each in marks)}
    assert models
    assert all(issubclass(model, QueryModel) and model.model_config["frozen"] for model in models)


def test_a_url_can_be_built_from_an_id(server: Server) -> None:
    id = new_id()
    assert create_app(server.settings).url_path_for("get_session", id=id) == f"/v1/sessions/{id}"
