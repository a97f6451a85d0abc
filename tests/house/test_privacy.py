"""Privacy: what is logged about a request, and what never is."""

import json
import logging
import subprocess
import sys
import time
from typing import Any

import pytest

from app import observability
from app.ids import new_id
from app.observability import LOGGING, JsonLine
from tests.drafts import draft_of, resource_of
from tests.log_lines import MARK, LogHandler, private_lines
from tests.serving import Person, Server

FIELDS = {"time", "level", "logger", "request_id", "route", "method", "status", "milliseconds", "account_id"}
REFLECTIONS = resource_of("reflections")
SECONDS = 10
UNCAUGHT = """
import asyncio, gc, logging, logging.config
from app.observability import LOGGING

async def failing():
    raise ValueError("wisteria")

async def main():
    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

logging.config.dictConfig(LOGGING)
asyncio.run(main())
gc.collect()
logging.getLogger("a.library").warning("it said\\nwisteria")
"""


def line_of(lines: list[str], request_id: str) -> dict[str, Any]:
    """Return the log line of a request. It is written after the response was sent, so this waits for it."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = [line for line in lines if request_id in line]
        if found:
            line: dict[str, Any] = json.loads(found[0])
            assert len(found) == 1
            return line
        time.sleep(0.01)
    raise TimeoutError


@pytest.mark.parametrize("text", [f"the {MARK} again", "to alice@example.com", "Bearer eyJhbGciOi"])
def test_private_text_in_a_line_is_detected(every_log_line: list[str], text: str) -> None:
    observability.log_event("noted", note=text)
    assert private_lines(every_log_line[-1:]) == [every_log_line.pop()]


def test_the_log_line_of_a_request_has_exactly_these_fields(alice: Person, every_log_line: list[str]) -> None:
    draft = draft_of(REFLECTIONS)
    path = f"/v1/reflections/{draft['id']}"
    for response, route, method in (
        (alice.client.post("/v1/reflections", json=draft), "/v1/reflections", "POST"),
        (alice.client.get(path), "/v1/reflections/{id}", "GET"),
        (alice.client.head(path), "/v1/reflections/{id}", "HEAD"),
        (alice.client.get("/v1/reflections", params={"session_id": str(new_id())}), "/v1/reflections", "GET"),
        (alice.client.get("/v1/reflections", params={MARK: MARK}), "/v1/reflections", "GET"),
    ):
        line = line_of(every_log_line, response.headers["x-request-id"])
        assert set(line) == FIELDS
        assert line["logger"] == "afterglow.requests"
        assert line["route"] == route
        assert line["method"] == method
        assert line["status"] == response.status_code
        assert line["milliseconds"] >= 0
        assert line["account_id"] == str(alice.id)


def test_the_log_line_of_an_unauthenticated_request_contains_neither_url_nor_query(
    server: Server, every_log_line: list[str]
) -> None:
    for path, route in (("/livez", "/livez"), (f"/{MARK}", "-"), (f"/v1/reflections/{MARK}?{MARK}={MARK}", "-")):
        response = server.anyone.get(path, headers={"Authorization": f"Bearer eyJ{MARK}", "User-Agent": MARK})
        line = line_of(every_log_line, response.headers["x-request-id"])
        assert line["route"] == route
        assert line["account_id"] is None
        assert not private_lines([json.dumps(line)])
        assert "?" not in json.dumps(line)


def test_an_exception_is_logged_by_class_and_traceback_without_its_message(every_log_line: list[str]) -> None:
    def fail() -> None:
        raise ValueError(MARK, "alice@example.com")

    try:
        fail()
    except ValueError as error:
        observability.log_exception(error, "one")
    line = json.loads(every_log_line[-1])
    assert line["error"] == "ValueError"
    assert line["request_id"] == "one"
    assert [frame.partition(":")[0] for frame in line["trace"]][-1] == "fail"
    assert MARK not in every_log_line[-1]


def test_a_library_message_is_logged_by_its_first_line_and_the_class_of_the_error() -> None:
    handler = LogHandler()
    logger = logging.getLogger("a.library")
    logger.addHandler(handler)
    try:
        int(MARK)
    except ValueError:
        logger.exception("%s went wrong\n%s", "something", MARK)
    finally:
        logger.removeHandler(handler)
    line = json.loads(handler.lines[0])
    assert line["message"] == "something went wrong"
    assert line["error"] == "ValueError"
    assert line["level"] == "error"
    assert not private_lines(handler.lines)


def test_an_exception_in_an_unawaited_task_is_logged_as_one_json_line() -> None:
    done = subprocess.run([sys.executable, "-c", UNCAUGHT], capture_output=True, text=True, check=True)
    first, second = (json.loads(line) for line in done.stderr.splitlines())
    assert first["logger"] == "asyncio"
    assert first["error"] == "ValueError"
    assert second == second | {"logger": "a.library", "message": "it said", "level": "warning"}
    assert MARK not in done.stderr
    assert LOGGING["formatters"]["json"]["()"] is JsonLine
