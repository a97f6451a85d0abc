"""Traces: a valid `traceparent` is kept in the request's log line, and an invalid one is ignored."""

import orjson
import pytest

from app.http.trace_context import trace_fields
from tests.serving import Server

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"
INVALID = {
    "empty": "",
    "capitals": VALID.upper(),
    "version ff": f"ff-{TRACE}-{SPAN}-01",
    "trace of zeros": f"00-{'0' * 32}-{SPAN}-01",
    "span of zeros": f"00-{TRACE}-{'0' * 16}-01",
    "short": VALID[:-1],
    "long": f"{VALID}0",
    "version 00 with more": f"{VALID}-wisteria",
    "text": f"00-{'wisteria' * 4}-{SPAN}-01",
}


@pytest.mark.parametrize("value", INVALID.values(), ids=INVALID)
def test_an_invalid_traceparent_is_ignored(value: str) -> None:
    assert trace_fields([(b"traceparent", value.encode())]) == {}


@pytest.mark.parametrize("value", [VALID, f"cc-{TRACE}-{SPAN}-01-more"], ids=["version 00", "later version"])
def test_a_valid_traceparent_names_trace_and_span(value: str) -> None:
    assert trace_fields([(b"host", b"a"), (b"traceparent", value.encode())]) == {"trace_id": TRACE, "span_id": SPAN}


def test_two_headers_are_ignored() -> None:
    assert trace_fields([(b"traceparent", VALID.encode())] * 2) == {}


@pytest.mark.parametrize(("value", "fields"), [(VALID, {TRACE, SPAN}), ("wisteria", set())], ids=["valid", "invalid"])
def test_the_log_line_has_the_trace(server: Server, every_log_line: list[str], value: str, fields: set[str]) -> None:
    request_id = f"trace-{len(every_log_line)}"
    headers = {"traceparent": value, "X-Request-Id": request_id}
    assert server.anyone.get("/livez", headers=headers).status_code == 200
    server.run(server.db.check_health())
    lines = [orjson.loads(line) for line in every_log_line if request_id in line]
    assert [{line[name] for name in ("trace_id", "span_id") if name in line} for line in lines] == [fields]
