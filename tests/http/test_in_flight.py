"""Places: a worker takes on what it can do, and tells everybody else at once."""

import json
import time
from contextlib import closing, suppress
from typing import Any

import pytest

from app.server import limits
from tests.hostile.raw import Line, request
from tests.http.hall import ORIGIN, Hall, standing
from tests.waiting import awaited
from tests.witness import PROBLEM

CHUNKED = ("Transfer-Encoding", "chunked")


def test_without_a_place_a_request_is_told_so_before_its_body_is_read(hall: Hall) -> None:
    with closing(hall.holding()), Line(hall.address) as line:
        reply = line.send(request("POST", "/", [("Content-Length", "8"), ("X-Request-Id", "wisteria")]) + b"half")
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert reply.problem["code"] == "unavailable"
        assert reply.headers["x-request-id"] == "wisteria"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["access-control-allow-origin"] is None
        hall.open()
        hall.has_room()
        assert line.send(b"half" + request("GET", "/"), method="GET").status == 204


def test_who_asks_after_health_always_gets_in(hall: Hall) -> None:
    with closing(hall.holding()), Line(hall.address) as line:
        assert line.ask("GET", "/livez").status == 204
        assert line.ask("GET", "/").status == 503


def test_a_refusal_is_an_answer_as_it_was_asked_for(hall: Hall) -> None:
    with closing(hall.holding()), Line(hall.address) as line:
        reply = line.ask("HEAD", "/", [("Origin", ORIGIN)])
        assert (reply.status, reply.body, reply.headers["content-type"]) == (503, b"", PROBLEM)
        assert reply.headers["access-control-allow-origin"] == ORIGIN
        assert "Retry-After" in reply.headers["access-control-expose-headers"]
        for content in (request("GET", "/", [("Connection", "close")]), b"GET / HTTP/1.0\r\n\r\n"):
            with closing(hall.connected(content)) as connection:
                seen = b""
                while part := connection.recv(65536):
                    seen += part
            assert seen.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nconnection: close\r\n" in seen


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, request("POST", "/", [("Origin", ORIGIN), ("X-Request-Id", "w"), ("Host", "b")], b"{}")),
        (400, request("POST", "/", [("Origin", ORIGIN), ("X-Request-Id", "w"), CHUNKED]) + b"no chunk\r\n"),
        (414, request("GET", "/" + "w" * limits.MAX_URL_BYTES, [("Origin", ORIGIN), ("X-Request-Id", "w")])),
        (417, request("POST", "/", [("Origin", ORIGIN), ("X-Request-Id", "w"), ("Expect", "wonders")], b"{}")),
        (431, request("GET", "/", [("Origin", ORIGIN), ("X-Request-Id", "w"), ("X-Long", "w" * 400_000)])),
    ],
)
def test_what_breaks_a_bound_is_told_to_the_origin_that_may_read_it(hall: Hall, status: int, content: bytes) -> None:
    other = content.replace(ORIGIN.encode(), b"https://evil.example")
    twice = content.replace(b"X-Request-Id: w", b"Origin: " + ORIGIN.encode())
    for asked, origin in ((content, ORIGIN), (other, None), (twice, None)):
        with Line(hall.address) as line:
            reply = line.send(asked)
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (status, origin)
        assert (reply.problem["request_id"] == "w") == (asked is not twice)
    assert reply.headers["access-control-expose-headers"] is None


def test_what_is_no_request_is_told_to_nobody_whose_request_came_before(hall: Hall) -> None:
    with Line(hall.address) as line:
        assert line.send(request("GET", "/", [("Origin", ORIGIN), ("X-Request-Id", "w")])).status == 204
        reply = line.send(b"nonsense\r\n\r\n", method="GET")
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (400, None)
    assert reply.problem["request_id"] != "w"


def test_what_is_no_request_after_a_refusal_ends_the_connection(hall: Hall) -> None:
    chunked = request("POST", "/", [("Transfer-Encoding", "chunked")])
    with closing(hall.holding()), closing(hall.connected(chunked)) as connection:
        seen = connection.recv(65536)
        connection.sendall(b"no chunk\r\n")
        while part := connection.recv(65536):
            seen += part
    assert seen.count(b"HTTP/1.1 ") == 1


def test_bodies_on_their_way_take_no_place(hall: Hall) -> None:
    half = request("POST", "/", [("Content-Length", "8")]) + b"half"
    slow = [hall.connected(half) for _ in range(8)]
    with Line(hall.address) as line:
        for _ in range(8):
            assert line.ask("GET", "/").status == 204
    for connection in slow:
        connection.sendall(b"half")
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
        connection.close()


def test_an_answer_may_take_longer_than_a_head_whose_body_came_in_pieces(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.2)
    with closing(hall.connected(request("POST", "/hold", [("Content-Length", "8")]) + b"half")) as connection:
        awaited(lambda: hall.held == 1)
        connection.sendall(b"half")
        time.sleep(0.6)
        hall.open()
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")


def test_bodies_that_nobody_waits_for_make_no_room(hall: Hall) -> None:
    slow = [hall.connected(request("POST", "/early", [("Content-Length", "8")])) for _ in range(8)]
    for connection in slow:
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
    with closing(hall.holding()), Line(hall.address) as line:
        assert line.ask("GET", "/").status == 503
    for connection in slow:
        connection.close()


def test_who_waits_for_news_gives_its_place_to_others(hall: Hall) -> None:
    with closing(hall.holding("/wait")), closing(hall.holding("/hold")), Line(hall.address) as line:
        assert line.ask("GET", "/").status == 503


def test_what_is_pipelined_waits_for_its_turn(hall: Hall) -> None:
    with closing(hall.holding()) as connection:
        connection.sendall(request("GET", "/"))
        hall.open()
        seen = b""
        while seen.count(b"HTTP/1.1 204 ") < 2:
            seen += connection.recv(65536)


def test_refusals_are_told_once_in_a_while(hall: Hall, every_log_line: list[str]) -> None:
    begin = len(every_log_line)
    with closing(hall.holding()), Line(hall.address) as line:
        for _ in range(3):
            assert line.ask("GET", "/").status == 503
        told: list[dict[str, Any]] = []
        while not told:
            told = [each for each in map(json.loads, every_log_line[begin:]) if each.get("event") == "overloaded"]
            time.sleep(0.02)
    assert [each["refused"] for each in told] == [3]


def test_who_is_refused_again_and_again_stays_connected_until_idle() -> None:
    with standing(timeout_keep_alive=1) as hall, closing(hall.holding()), closing(hall.connected(b"")) as connection:
        for _ in range(5):
            connection.sendall(request("GET", "/"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")
            time.sleep(0.4)
        assert connection.recv(65536) == b""


def test_who_waits_for_an_answer_longer_than_one_may_idle_stays_connected() -> None:
    with standing(timeout_keep_alive=1) as hall, closing(hall.connected(request("GET", "/"))) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
        time.sleep(0.4)
        connection.sendall(request("GET", "/hold"))
        time.sleep(1.6)
        hall.open()
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
        time.sleep(0.4)
        connection.sendall(request("GET", "/"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
        assert connection.recv(65536) == b""


def test_who_does_not_read_refusals_is_heard_no_further(hall: Hall) -> None:
    asked, content, seen, rest = 0, request("GET", "/"), 0, b""
    with closing(hall.holding()), closing(hall.connected(b"")) as connection:
        connection.settimeout(1)
        with suppress(TimeoutError):
            while asked < 100_000_000:
                asked += connection.send(content * 100)
        assert asked < 100_000_000
        connection.settimeout(20)
        while seen < asked // len(content):
            rest = rest[-12:] + connection.recv(1 << 20)
            seen += rest.count(b"HTTP/1.1 503 ")
