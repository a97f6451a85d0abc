"""Privacy: what the log says of a request, and what it never says."""

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
from tests.lines import MARK, Lines, telling
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
    """Return the log line of a request, which is written once the answer is out."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = [line for line in lines if request_id in line]
        if found:
            line: dict[str, Any] = json.loads(found[0])
            assert len(found) == 1
            return line
        time.sleep(0.01)
    raise TimeoutError


@pytest.mark.parametrize("said", [f"the {MARK} again", "to alice@example.com", "Bearer eyJhbGciOi"])
def test_a_line_that_tells_is_found(every_log_line: list[str], said: str) -> None:
    observability.log_event("said", note=said)
    assert telling(every_log_line[-1:]) == [every_log_line.pop()]


def test_the_log_line_of_a_request_has_these_fields_and_no_more(alice: Person, every_log_line: list[str]) -> None:
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


def test_the_log_line_of_a_stranger_tells_neither_address_nor_query(server: Server, every_log_line: list[str]) -> None:
    for path, route in (("/livez", "/livez"), (f"/{MARK}", "-"), (f"/v1/reflections/{MARK}?{MARK}={MARK}", "-")):
        response = server.anyone.get(path, headers={"Authorization": f"Bearer eyJ{MARK}", "User-Agent": MARK})
        line = line_of(every_log_line, response.headers["x-request-id"])
        assert line["route"] == route
        assert line["account_id"] is None
        assert not telling([json.dumps(line)])
        assert "?" not in json.dumps(line)


def test_a_crash_is_told_by_its_kind_and_place_without_its_message(every_log_line: list[str]) -> None:
    def break_a_vase() -> None:
        raise ValueError(MARK, "alice@example.com")

    try:
        break_a_vase()
    except ValueError as error:
        observability.log_exception(error, "one")
    line = json.loads(every_log_line[-1])
    assert line["error"] == "ValueError"
    assert line["request_id"] == "one"
    assert [place.partition(":")[0] for place in line["trace"]][-1] == "break_a_vase"
    assert MARK not in every_log_line[-1]


def test_what_libraries_say_is_told_by_its_first_line_and_the_kind_of_the_error() -> None:
    handler = Lines()
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
    assert not telling(handler.lines)


def test_even_an_error_that_nobody_awaited_leaves_one_json_line() -> None:
    done = subprocess.run([sys.executable, "-c", UNCAUGHT], capture_output=True, text=True, check=True)
    first, second = (json.loads(line) for line in done.stderr.splitlines())
    assert first["logger"] == "asyncio"
    assert first["error"] == "ValueError"
    assert second == second | {"logger": "a.library", "message": "it said", "level": "warning"}
    assert MARK not in done.stderr
    assert LOGGING["formatters"]["json"]["()"] is JsonLine
