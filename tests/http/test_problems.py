"""Problems: each kind has its own code and explanation, and a crash does not reveal its cause."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.types import Message

from app.http import RequestContextMiddleware, Response, Route, Router
from app.problems import Problem, kinds
from tests.conftest import Databases, Servers
from tests.witness import Client

KINDS = tuple(kinds())


def test_no_two_kinds_have_the_same_code_title_or_explanation() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    assert len({kind.title() for kind in KINDS}) == len(KINDS)
    assert len({kind.explanation() for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_every_kind_is_explained_at_the_url_that_is_its_type(anyone: Client, kind: type[Problem]) -> None:
    answer = anyone.get(kind.example().document("")["type"])
    assert answer.status_code == 200
    assert answer.json() == {
        "type": f"/problems/{kind.code}",
        "title": kind.title(),
        "status": kind.status,
        "code": kind.code,
        "explanation": kind.explanation(),
    }


@pytest.mark.parametrize("code", ["wisteria", "Not-Found", "not-foundx", "problem"])
def test_an_unknown_kind_is_404(anyone: Client, code: str) -> None:
    assert anyone.get(f"/problems/{code}").json()["code"] == "not-found"


def small_app(router: APIRouter) -> RequestContextMiddleware:
    """Return an application with the routes of a router."""
    return RequestContextMiddleware(
        Router(FastAPI(), routes=list(router.routes), max_body_bytes=1024), https_only=False
    )


async def get(app: RequestContextMiddleware, path: str) -> tuple[int, dict[str, Any]]:
    """Send a GET request; return the status and the JSON of the response."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_a_crash_is_a_problem_that_does_not_reveal_its_cause(every_log_line: list[str]) -> None:
    router = APIRouter(route_class=Route)

    @router.get("/crash")
    async def crash() -> Response:
        """Break."""
        words = "wisteria"
        raise RuntimeError(words)

    start = len(every_log_line)
    status, document = asyncio.run(get(small_app(router), "/crash"))
    assert (status, document["code"]) == (500, "crashed")
    assert "wisteria" not in json.dumps(document)
    assert "RuntimeError" not in json.dumps(document)
    crash_line, request_line = (json.loads(line) for line in every_log_line[start:] if document["request_id"] in line)
    assert (crash_line["event"], crash_line["error"], crash_line["request_id"]) == (
        "crashed",
        "RuntimeError",
        document["request_id"],
    )
    assert crash_line["trace"][-1].startswith("crash:")
    assert (request_line["route"], request_line["status"]) == ("/crash", 500)


def test_a_database_without_tables_is_503_without_details(
    servers: Servers, databases: Databases, database: str
) -> None:
    url = databases.fresh(database, migrated=False)
    anyone = servers.start(servers.settings(database, database_url=url)).anyone
    answer = anyone.post("/v1/auth/verify", json={"email": "wisteria@example.com", "code": "123456"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "registration" not in answer.text
    assert "wisteria" not in answer.text
    assert anyone.get("/livez").status_code == 200
