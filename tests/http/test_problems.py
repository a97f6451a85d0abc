"""Problems: each kind has one code, one page that explains it, and never tells what broke inside."""

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

EVERY = tuple(kinds())


def test_every_kind_has_a_code_and_words_of_its_own() -> None:
    assert len({kind.code for kind in EVERY}) == len(EVERY)
    assert len({kind.title() for kind in EVERY}) == len(EVERY)
    assert len({kind.explanation() for kind in EVERY}) == len(EVERY)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.code)
def test_every_kind_explains_itself(anyone: Client, kind: type[Problem]) -> None:
    answer = anyone.get(kind().document("")["type"])
    assert answer.status_code == 200
    assert answer.json() == {
        "type": f"/problems/{kind.code}",
        "title": kind.title(),
        "status": kind.status,
        "code": kind.code,
        "explanation": kind.explanation(),
    }


def test_a_kind_that_is_none_is_404(anyone: Client) -> None:
    for code in ("wisteria", "Not-Found", "not-found ", "problem"):
        assert anyone.get(f"/problems/{code.strip()}x").json()["code"] == "not-found"


def tiny(router: APIRouter) -> RequestContextMiddleware:
    return RequestContextMiddleware(
        Router(FastAPI(), routes=list(router.routes), max_body_bytes=1024), https_only=False
    )


async def asked(app: RequestContextMiddleware, path: str) -> tuple[int, dict[str, Any]]:
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


def test_a_crash_is_a_problem_that_says_nothing_of_its_cause(every_log_line: list[str]) -> None:
    router = APIRouter(route_class=Route)

    @router.get("/crash")
    async def crash() -> Response:
        """Break."""
        words = "wisteria"
        raise RuntimeError(words)

    begin = len(every_log_line)
    status, document = asyncio.run(asked(tiny(router), "/crash"))
    assert (status, document["code"]) == (500, "crashed")
    assert "wisteria" not in json.dumps(document)
    assert "RuntimeError" not in json.dumps(document)
    log_exception, served = (json.loads(line) for line in every_log_line[begin:] if document["request_id"] in line)
    assert (log_exception["event"], log_exception["error"], log_exception["request_id"]) == (
        "crashed",
        "RuntimeError",
        document["request_id"],
    )
    assert log_exception["trace"][-1].startswith("crash:")
    assert (served["route"], served["status"]) == ("/crash", 500)


def test_a_database_without_tables_is_503_and_says_nothing_of_it(
    servers: Servers, databases: Databases, database: str
) -> None:
    url = databases.fresh(database, migrated=False)
    anyone = servers.start(servers.settings(database, database_url=url)).anyone
    answer = anyone.post("/v1/auth/verify", json={"email": "wisteria@example.com", "code": "123456"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "registration" not in answer.text
    assert "wisteria" not in answer.text
    assert anyone.get("/livez").status_code == 200
