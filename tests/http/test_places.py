"""Places: a worker takes on what it can do, and tells everybody else at once."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.types import Receive, Scope, Send

from app.db import Statement, given
from app.http import Answer, Places
from app.identity import Feed
from app.problems import Unavailable
from tests.conftest import Servers
from tests.drafts import draft_of, resource_of
from tests.hostile.raw import Line, Reply, request
from tests.serving import Person, Server, listening
from tests.witness import PROBLEM

ORIGIN = "https://app.wisteria.example"
Address = tuple[str, int]


class Hall:
    """An application with one place: a request for /hold keeps it until somebody opens the door."""

    def __init__(self) -> None:
        self.places = Places(1, 1, always=["/livez"], origins=[ORIGIN])
        self.door = asyncio.Event()
        self.held = 0
        self.address: Address = ("", 0)
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 204, sooner or later."""
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["places"] = self.places
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["path"] == "/hold":
            self.held += 1
            await self.door.wait()
        elif scope["path"] == "/wait":
            with self.places.waiting():
                self.held += 1
                await self.door.wait()
        elif scope["path"] != "/early":
            while (await receive()).get("more_body"):
                pass
        await Answer(204).send(send)

    def open(self) -> None:
        """Let go who is held."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.door.set)

    def has_room(self) -> None:
        """Wait until the place is free."""
        with Line(self.address) as line:
            while line.ask("GET", "/").status == 503:
                time.sleep(0.01)

    def connected(self, content: bytes) -> socket.socket:
        """Return a connection on which something was sent."""
        connection = socket.create_connection(self.address, timeout=20)
        connection.sendall(content)
        return connection

    def holding(self, path: str = "/hold") -> socket.socket:
        """Return a connection whose request is being answered."""
        held = self.held
        connection = self.connected(request("GET", path))
        while self.held == held:
            time.sleep(0.01)
        return connection


@pytest.fixture
def hall() -> Iterator[Hall]:
    hall = Hall()
    with listening(hall) as (url, hall.loop):
        host, _, port = url.removeprefix("http://").partition(":")
        hall.address = host, int(port)
        yield hall
        hall.open()


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


def test_no_more_wait_than_may() -> None:
    places = Places(1, 1)
    with places.waiting():
        with pytest.raises(Unavailable), places.waiting():
            pass
        assert places.has_one_for(b"/", 1)
    with places.waiting():
        pass
    assert not places.has_one_for(b"/", 1)


def overloaded(monkeypatch: pytest.MonkeyPatch, places: Places, seconds: float, answered: int) -> None:
    """Refuse two requests, so many seconds apart, with so many answered between."""
    moments = iter([10.0, 10.0, 10.0 + seconds])
    monkeypatch.setattr("app.http.places.monotonic", lambda: next(moments))
    places.refusal([], ended=7, bodiless=True, closing=True)
    places.refusal([], ended=7 + 1 + answered, bodiless=True, closing=True)
    places.review()


@pytest.mark.parametrize(
    ("seconds", "answered", "left"),
    [(0.75, 750, 250), (0.75, 375, 125), (0.75, 9000, 256), (0.75, 0, 32), (0.25, 0, 256)],
    ids=["as fast as can be hoped", "slower", "faster", "not at all", "a mere burst"],
)
def test_there_are_as_many_places_as_they_are_worth(
    seconds: float, answered: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def seen() -> int:
        places = Places(256)
        overloaded(monkeypatch, places, seconds, answered)
        return places.most

    assert asyncio.run(seen()) == left


def test_all_places_are_back_once_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.places.REVIEW_SECONDS", 0.1)

    async def seen() -> tuple[int, int]:
        places = Places(256)
        overloaded(monkeypatch, places, 0.75, 375)
        before = places.most
        await asyncio.sleep(0.5)
        return before, places.most

    assert asyncio.run(seen()) == (125, 256)


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


_LOCK = Statement(
    sa.update(Feed.table())
    .where(Feed.table().c.owner_id == given(Feed.table().c.owner_id))
    .values(epoch=Feed.table().c.epoch)
)


def test_the_application_with_its_one_place_taken(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database, max_in_flight=1))
    alice, bob = server.person("alice"), server.person("bob")
    intentions = resource_of("intentions")
    taken, let_go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with server.db.transaction() as tx:
            await tx.run(_LOCK, owner_id=alice.id)
            taken.set()
            await let_go.wait()

    async def until_taken() -> None:
        await taken.wait()

    def refused(reply: Reply) -> bool:
        return reply.status == 503 and reply.problem["code"] == "unavailable"

    holding = server.begin(hold())
    server.run(until_taken())
    written = _posted(server, alice, json.dumps(draft_of(intentions)).encode())
    with Line(server.address) as line:
        while not refused(line.ask("GET", "/v1/me", [("Authorization", f"Bearer {bob.token}")])):
            time.sleep(0.01)
        assert refused(line.ask("GET", "/v1/me", [("Authorization", "Bearer of good news")]))
        assert line.ask("GET", "/livez").status == 200
        assert line.ask("GET", "/problems/unavailable").status == 200
    server.run(_set(let_go))
    holding.result(20)
    with closing(written):
        assert written.recv(65536).startswith(b"HTTP/1.1 201 ")
    assert bob.client.get("/v1/me").status_code == 200


async def _set(event: asyncio.Event) -> None:
    event.set()


def _posted(server: Server, person: Person, body: bytes) -> socket.socket:
    connection = socket.create_connection(server.address, timeout=20)
    headers = [("Authorization", f"Bearer {person.token}"), ("Content-Type", "application/json")]
    connection.sendall(request("POST", "/v1/intentions", headers, body))
    return connection
