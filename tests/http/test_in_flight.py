"""Load shedding: while a worker is at its limit, every other request is refused at once."""

import json
import time
from contextlib import closing, suppress
from typing import Any

import pytest

from app.server import limits
from tests.hostile.raw import RawConnection, chunked_request_bytes, request_bytes
from tests.http.single_slot import ORIGIN, SingleSlot, serve_single_slot
from tests.waiting import wait_until
from tests.witness import PROBLEM

CHUNKED = ("Transfer-Encoding", "chunked")
HALF_A_BODY = request_bytes("POST", "/", [("Content-Length", "8")]) + b"half"


def test_a_request_beyond_the_limit_is_refused_before_its_body_is_read(single_slot: SingleSlot) -> None:
    with closing(single_slot.hold()), RawConnection(single_slot.address) as connection:
        reply = connection.send(
            request_bytes("POST", "/", [("Content-Length", "8"), ("X-Request-Id", "wisteria")]) + b"half"
        )
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert reply.problem["code"] == "unavailable"
        assert reply.headers["x-request-id"] == "wisteria"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["access-control-allow-origin"] is None
        single_slot.release()
        single_slot.wait_until_free()
        assert connection.send(b"half" + request_bytes("GET", "/"), method="GET").status == 204


def test_a_health_check_is_never_refused(single_slot: SingleSlot) -> None:
    with closing(single_slot.hold()), RawConnection(single_slot.address) as connection:
        assert connection.request("GET", "/livez").status == 204
        assert connection.request("GET", "/").status == 503


@pytest.mark.parametrize(
    "content",
    [
        request_bytes("GET", "/v1/intentions?limit=50", [("Connection", "keep-alive")]),
        request_bytes("POST", "/v1/intentions", [], b'{"why": "\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"}'),
        request_bytes("POST", "/", [], b""),
        request_bytes("DELETE", "/", [("Origin", "elsewhere"), ("Origin", ORIGIN)]),
        request_bytes("GET", "/") + b"\r\n",
        b"\r\n\r\n" + request_bytes("GET", "/"),
        chunked_request_bytes("POST", "/", [], b"{}"),
        request_bytes("POST", "/", [("Expect", "100-continue")], b"{}"),
        request_bytes("GET", "http://afterglow/livez"),
        request_bytes("OPTIONS", "*"),
        request_bytes("POST", "/", [("Connection", "upgrade"), ("Upgrade", "h2c")], b"{}"),
    ],
    ids=[
        "without a body",
        "a body that looks like a request",
        "an empty body",
        "two origins",
        "a blank line behind it",
        "blank lines before it",
        "chunks",
        "an expectation",
        "an absolute URL",
        "OPTIONS *",
        "an upgrade",
    ],
)
def test_after_a_refusal_the_next_request_starts_where_the_refused_one_ends(
    single_slot: SingleSlot, content: bytes
) -> None:
    with (
        closing(single_slot.hold()),
        closing(single_slot.connect(content + request_bytes("GET", "/livez"))) as connection,
    ):
        seen = b""
        while b"HTTP/1.1 204 " not in seen:
            seen += connection.recv(65536)
    assert seen.startswith(b"HTTP/1.1 503 ")
    assert seen.count(b"HTTP/1.1 ") == 2


def test_a_refused_tunnel_closes_the_connection(single_slot: SingleSlot) -> None:
    tunnel = request_bytes("CONNECT", "/")
    with (
        closing(single_slot.hold()),
        closing(single_slot.connect(tunnel + request_bytes("GET", "/livez"))) as connection,
    ):
        seen = b""
        while part := connection.recv(65536):
            seen += part
    assert seen.startswith(b"HTTP/1.1 503 ")
    assert seen.count(b"HTTP/1.1 ") == 1


def test_a_refused_head_request_gets_no_body(single_slot: SingleSlot) -> None:
    with closing(single_slot.hold()), RawConnection(single_slot.address) as connection:
        reply = connection.request("HEAD", "/", [("Origin", ORIGIN)])
        assert (reply.status, reply.body, reply.headers["content-type"]) == (503, b"", PROBLEM)
        assert reply.headers["access-control-allow-origin"] == ORIGIN
        assert "Retry-After" in reply.headers["access-control-expose-headers"]
        assert connection.request("GET", "/livez").status == 204


@pytest.mark.parametrize(
    "content",
    [
        request_bytes("GET", "/", [("Connection", "close")]),
        request_bytes("GET", "/", [("Connection", "keep-alive, close")]),
        b"GET / HTTP/1.0\r\n\r\n",
    ],
    ids=["close", "close among others", "HTTP/1.0"],
)
def test_a_refusal_closes_a_connection_that_would_be_closed_after_any_response(
    single_slot: SingleSlot, content: bytes
) -> None:
    with closing(single_slot.hold()), closing(single_slot.connect(content)) as connection:
        seen = b""
        while part := connection.recv(65536):
            seen += part
    assert seen.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nconnection: close\r\n" in seen


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, request_bytes("POST", "/", [("Origin", ORIGIN), ("X-Request-Id", "w"), ("Host", "b")], b"{}")),
        (400, request_bytes("POST", "/", [("Origin", ORIGIN), ("X-Request-Id", "w"), CHUNKED]) + b"no chunk\r\n"),
        (414, request_bytes("GET", "/" + "w" * limits.MAX_URL_BYTES, [("Origin", ORIGIN), ("X-Request-Id", "w")])),
        (417, request_bytes("POST", "/", [("Origin", ORIGIN), ("X-Request-Id", "w"), ("Expect", "wonders")], b"{}")),
        (431, request_bytes("GET", "/", [("Origin", ORIGIN), ("X-Request-Id", "w"), ("X-Long", "w" * 400_000)])),
    ],
    ids=["two hosts", "not a chunk", "long URL", "unknown expectation", "large header"],
)
def test_a_browser_of_an_allowed_origin_can_read_why_its_request_broke_a_limit(
    single_slot: SingleSlot, status: int, content: bytes
) -> None:
    other = content.replace(ORIGIN.encode(), b"https://evil.example")
    twice = content.replace(b"X-Request-Id: w", b"Origin: " + ORIGIN.encode())
    replies = []
    for sent in (content, other, twice):
        with RawConnection(single_slot.address) as connection:
            replies.append(connection.send(sent))
    assert [reply.status for reply in replies] == [status] * 3
    assert [reply.headers["access-control-allow-origin"] for reply in replies] == [ORIGIN, None, None]
    assert [reply.problem["request_id"] == "w" for reply in replies] == [True, True, False]
    assert replies[2].headers["access-control-expose-headers"] is None


def test_the_refusal_of_no_request_has_nothing_of_the_request_before_it(single_slot: SingleSlot) -> None:
    with RawConnection(single_slot.address) as connection:
        assert connection.send(request_bytes("GET", "/", [("Origin", ORIGIN), ("X-Request-Id", "w")])).status == 204
        reply = connection.send(b"nonsense\r\n\r\n", method="GET")
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (400, None)
    assert reply.problem["request_id"] != "w"


def test_malformed_bytes_after_a_refusal_close_the_connection(single_slot: SingleSlot) -> None:
    with closing(single_slot.hold()), closing(single_slot.connect(request_bytes("POST", "/", [CHUNKED]))) as connection:
        seen = connection.recv(65536)
        connection.sendall(b"no chunk\r\n")
        while part := connection.recv(65536):
            seen += part
    assert seen.count(b"HTTP/1.1 ") == 1


def test_requests_whose_body_is_arriving_do_not_count(single_slot: SingleSlot) -> None:
    slow = [single_slot.connect(HALF_A_BODY) for _ in range(8)]
    with RawConnection(single_slot.address) as connection:
        for _ in range(8):
            assert connection.request("GET", "/").status == 204
    for each in slow:
        each.sendall(b"half")
        assert each.recv(65536).startswith(b"HTTP/1.1 204 ")
        each.close()


def test_a_response_may_take_longer_than_headers_may(single_slot: SingleSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_HEAD_SECONDS", 0.2)
    content = request_bytes("POST", "/hold", [("Content-Length", "8")]) + b"half"
    with closing(single_slot.connect(content)) as connection:
        wait_until(lambda: single_slot.held == 1)
        connection.sendall(b"half")
        time.sleep(0.6)
        single_slot.release()
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")


def test_a_body_that_arrives_after_its_response_does_not_raise_the_limit(single_slot: SingleSlot) -> None:
    slow = [single_slot.connect(request_bytes("POST", "/early", [("Content-Length", "8")])) for _ in range(8)]
    for each in slow:
        assert each.recv(65536).startswith(b"HTTP/1.1 204 ")
    with closing(single_slot.hold()), RawConnection(single_slot.address) as connection:
        assert connection.request("GET", "/").status == 503
    for each in slow:
        each.close()


def test_a_long_poll_does_not_count(single_slot: SingleSlot) -> None:
    with (
        closing(single_slot.hold("/wait")),
        closing(single_slot.hold("/hold")),
        RawConnection(single_slot.address) as connection,
    ):
        assert connection.request("GET", "/").status == 503


def test_refusals_are_logged_together(single_slot: SingleSlot, every_log_line: list[str]) -> None:
    start = len(every_log_line)
    with closing(single_slot.hold()), RawConnection(single_slot.address) as connection:
        for _ in range(3):
            assert connection.request("GET", "/").status == 503
        logged: list[dict[str, Any]] = []
        while not logged:
            logged = [each for each in map(json.loads, every_log_line[start:]) if each.get("event") == "overloaded"]
            time.sleep(0.02)
    assert [(each["refused"], each["limit"]) for each in logged] == [(3, 1)]


def test_a_refused_client_stays_connected_until_it_is_idle() -> None:
    with (
        serve_single_slot(timeout_keep_alive=1) as single_slot,
        closing(single_slot.hold()),
        closing(single_slot.connect()) as connection,
    ):
        for _ in range(5):
            connection.sendall(request_bytes("GET", "/"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")
            time.sleep(0.4)
        assert connection.recv(65536) == b""


def test_a_client_that_waits_for_a_response_is_not_idle() -> None:
    with (
        serve_single_slot(timeout_keep_alive=1) as single_slot,
        closing(single_slot.connect(request_bytes("GET", "/"))) as connection,
    ):
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
        time.sleep(0.4)
        connection.sendall(request_bytes("GET", "/hold"))
        time.sleep(1.6)
        single_slot.release()
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
        time.sleep(0.4)
        connection.sendall(request_bytes("GET", "/"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
        assert connection.recv(65536) == b""


def test_nothing_more_is_read_from_a_client_that_does_not_read_its_refusals(single_slot: SingleSlot) -> None:
    content, sent, answered, rest = request_bytes("GET", "/"), 0, 0, b""
    with closing(single_slot.hold()), closing(single_slot.connect()) as connection:
        connection.settimeout(1)
        with suppress(TimeoutError):
            while sent < 100_000_000:
                sent += connection.send(content * 100)
        assert sent < 100_000_000
        connection.settimeout(20)
        while answered < sent // len(content):
            rest = rest[-12:] + connection.recv(1 << 20)
            answered += rest.count(b"HTTP/1.1 503 ")
