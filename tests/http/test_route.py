"""A route answers alike, whether the switch finds it or FastAPI's own router does, for good requests and for bad ones."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http import RequestContextMiddleware
from app.ids import new_id
from app.main import create_app
from app.records import Resource
from app.resources import RESOURCES
from tests.drafts import draft_of, written
from tests.serving import Person, Server, listening
from tests.witness import Client

ASSIGNED = {"date", "x-request-id"}
PUSH = "/v1/sync/push"
_own = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{13,16}|\d{4}-\d\d-\d\dT[\d:.]{15}Z").sub


class Limited:
    """Tells a request how long its body may be, as the switch does."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app, self._max_body_bytes = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell it, and pass the request on."""
        scope["max_body_bytes"] = self._max_body_bytes
        await self._app(scope, receive, send)


def alike(by_switch: httpx.Response, by_router: httpx.Response) -> None:
    assert by_router.status_code == by_switch.status_code
    assert _own(b"~", by_router.content) == _own(b"~", by_switch.content)
    told = [
        [(name, _own(b"~", value)) for name, value in response.headers.raw if name.decode().lower() not in ASSIGNED]
        for response in (by_switch, by_router)
    ]
    assert told[0] == told[1]


class BothWays:
    """Sends each request twice: to the server as it serves, and to FastAPI's own stack and router."""

    def __init__(self, by_switch: Client, by_router: Client) -> None:
        self._clients = by_switch, by_router

    def __call__(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Return the switch's answer, which is the router's but for what is each request's own."""
        by_switch, by_router = (client.request(method, path, **parts) for client in self._clients)
        alike(by_switch, by_router)
        return by_switch

    def each(self, method: str, *asked: tuple[str, dict[str, Any]]) -> list[httpx.Response]:
        """Send a request of its own each way, and compare the answers."""
        answers = [
            client.request(method, path, **parts) for client, (path, parts) in zip(self._clients, asked, strict=True)
        ]
        alike(*answers)
        return answers


@pytest.fixture
def both(server: Server, alice: Person) -> Iterator[BothWays]:
    app = create_app(server.settings)
    app.user_middleware = [
        Middleware(RequestContextMiddleware, https_only=False),
        Middleware(Limited, max_body_bytes=server.settings.max_body_bytes),
    ]
    app.middleware_stack = FastAPI.build_middleware_stack(app)
    with listening(app) as (url, _), Client(url, alice.token) as client:
        yield BothWays(alice.client, client)


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
def test_what_a_server_tells_is_the_same_both_ways(both: BothWays, path: str) -> None:
    both("GET", path)
    both("HEAD", path)
    both("GET", path, params={"wisteria": "1"})
    both("GET", path, headers={"Authorization": "Bearer wisteria"})


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)
def test_every_operation_on_records_is_the_same_both_ways(both: BothWays, alice: Person, resource: Resource) -> None:
    record = written(alice.client, resource, alice)
    path = f"{resource.path}/{record['id']}"
    draft = draft_of(resource, alice) | {"id": record["id"]}
    tag = {"If-Match": f'"{record["version"]}"'}
    for method in ("GET", "HEAD"):
        assert both(method, path).status_code == 200
        assert both(method, path, headers={"If-None-Match": f'"{record["version"]}"'}).status_code == 304
        assert both(method, resource.path).status_code == 200
    written(alice.client, resource, alice)
    cursor = both("GET", resource.path, params={"limit": 1}).json()["next_cursor"]
    assert both("GET", resource.path, params={"limit": 1, "cursor": cursor}).status_code == 200
    created = [draft | {"id": str(new_id())} for _ in range(2)]
    both.each("POST", *((resource.path, {"json": each}) for each in created))
    assert both("POST", resource.path, json=created[0]).status_code in {200, 201}
    for status, headers in ((428, {}), (400, {"If-Match": "wisteria"}), (412, {"If-Match": '"1"'}), (200, tag)):
        assert both("PATCH", path, json={"visibility": record["visibility"]}, headers=headers).status_code == status
        assert status == 200 or both("DELETE", path, headers=headers).status_code == status
    gone = [f"{resource.path}/{each['id']}" for each in created]
    both.each("DELETE", *((each, {"headers": {"If-Match": "*"}}) for each in gone))
    for each in gone:
        for method in ("GET", "DELETE"):
            both(method, each)


BODIES: list[tuple[int, bytes, str]] = [
    (400, b'{"a": 1', "application/json"),
    (400, b'{"a": 1, "a": 2}', "application/json"),
    (400, b"\xff", "application/json"),
    (400, b"[" * 100, "application/json"),
    (413, b" " * (2**21 + 1), "application/json"),
    (415, b"{}", "text/plain"),
    (422, b"[]", "application/json"),
    (422, b'{"wisteria": "\\ud800"}', "application/json"),
    (422, b'{"visibility": 1e999}', "application/json"),
]


@pytest.mark.parametrize(("status", "body", "media_type"), BODIES, ids=range(len(BODIES)))
def test_a_bad_body_is_refused_alike_both_ways(both: BothWays, status: int, body: bytes, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    for path in (*(resource.path for resource in RESOURCES), PUSH):
        assert both("POST", path, content=body, headers=headers).status_code == status
    for resource in RESOURCES:
        path = f"{resource.path}/{new_id()}"
        assert both("PATCH", path, content=body, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("status", "parts"),
    [
        (401, {"headers": {"Authorization": ""}}),
        (401, {"headers": {"Authorization": "Bearer a.b.c"}}),
        (401, {"headers": [("Authorization", "Bearer a.b.c"), ("Authorization", "Bearer a.b.c")]}),
        (422, {"params": {"wisteria": "1"}}),
        (422, {"params": [("limit", "1"), ("limit", "1")]}),
        (422, {"params": {"limit": "\u0661"}}),
        (400, {"params": {"cursor": "wisteria"}}),
    ],
)
def test_a_bad_question_is_refused_alike_both_ways(both: BothWays, status: int, parts: dict[str, Any]) -> None:
    for resource in RESOURCES:
        assert both("GET", resource.path, **parts).status_code == status
    pulled = both("GET", "/v1/sync/changes", **parts).status_code
    assert pulled == status or "params" in parts


def test_a_pull_and_a_push_are_the_same_both_ways(both: BothWays, alice: Person) -> None:
    op = {"op": "upsert", "collection": "sessions", "op_id": str(new_id()), "set": {"kind": "dosing"}}
    pushed = [{"ops": [op | {"id": str(new_id()), "op_id": str(new_id())}]} for _ in range(2)]
    both.each("POST", *((PUSH, {"json": each}) for each in pushed))
    assert both("POST", PUSH, json=pushed[0]).json()["results"][0]["replayed"]
    both("POST", PUSH, json={"ops": [op, op]})
    for since in ("0", "1", "wisteria", str(2**60)):
        both("GET", "/v1/sync/changes", params={"since": since})
    assert alice.client.get("/v1/sync/changes").json()["changes"]


def test_an_address_can_be_made_from_an_id(server: Server) -> None:
    id = new_id()
    assert create_app(server.settings).url_path_for("get_session", id=id) == f"/v1/sessions/{id}"
