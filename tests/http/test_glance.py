"""A glance: what is refused by it is refused as if it had been heard, and the next request begins where it would have."""

import asyncio
import random
import re
import socket

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.http import Response
from app.server.glance import Glance
from app.server.in_flight import InFlightLimiter
from app.server.limits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_URL_BYTES
from app.server.protocol import LimitedProtocol
from tests.hostile.chance import EFFORT
from tests.hostile.malformed import MALFORMED
from tests.hostile.raw import in_chunks, request
from tests.http.hall import ORIGIN

HEALTH = request("GET", "/livez", [("X-Request-Id", "ivy")])
ORDINARY = {
    "a read": request("GET", "/v1/intentions?limit=50", [("X-Request-Id", "wisteria"), ("Connection", "keep-alive")]),
    "a write": request("POST", "/v1/intentions", [("X-Request-ID", "wisteria")], b'{"why": "\n\r\n\r\nHost: a"}'),
    "from an origin": request("PATCH", "/", [("Origin", ORIGIN), ("X-Request-Id", "wisteria")], b"{}"),
    "without an id": request("DELETE", "/", [("Origin", "elsewhere"), ("Origin", ORIGIN)]),
    "with an id that is none": request("DELETE", "/", [("X-Request-Id", "wisteria "), ("X-Request-Id", "wisteria")]),
    "an empty body": request("POST", "/", [("X-Request-Id", "wisteria")], b""),
    "a blank line behind it": request("GET", "/") + b"\r\n",
    "another's cookies": request("GET", "/", [("Cookie", "connection: close"), ("Accept", "\xff")]),
}
PARTICULAR = {
    "the head": request("HEAD", "/"),
    "a blank line before it": b"\r\n\r\n" + request("GET", "/"),
    "half a head": request("GET", "/")[:-2],
    "half a body": request("POST", "/", [("Content-Length", "8")]) + b"half",
    "two": request("GET", "/") * 2,
    "one and a letter": request("GET", "/") + b"G",
    "chunks": in_chunks("POST", "/", [], b"{}"),
    "an expectation": request("POST", "/", [("expect", "100-continue")], b"{}"),
    "the last": request("GET", "/", [("connection", "close")]),
    "the last, perhaps": request("GET", "/", [("Connection", "keep-alive, close")]),
    "the last before a proxy": request("GET", "/", [("Proxy-Connection", "close")]),
    "an address in full": request("GET", "http://afterglow/livez"),
    "everything": request("OPTIONS", "*"),
    "an upgrade at its end": request("GET", "/", [("Connection", "Upgrade"), ("Upgrade", "h2c")]) + request("GET", "/"),
    "of another age": b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    "an upgrade": request("GET", "/", [("Connection", "upgrade"), ("Upgrade", "h2c")]),
    "many headers": request("GET", "/", [(f"X-{n}", "w") for n in range(MAX_HEADERS)]),
    "large headers": request("GET", "/", [("X-Long", "w" * MAX_HEADER_BYTES)]),
    "a long address": request("GET", "/" + "w" * MAX_URL_BYTES),
    **MALFORMED,
}
_id = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Wire(asyncio.Transport):
    """Remembers what was written."""

    def __init__(self, ground: socket.socket) -> None:
        super().__init__({"socket": ground})
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Remember it."""
        self.written += data

    def close(self) -> None:
        """Nothing is open."""
        self.closed = True

    def write_eof(self) -> None:
        """Nothing more is said: to who listens, the same."""
        self.closed = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Nothing comes by itself."""

    def is_closing(self) -> bool:
        """Say whether it was closed."""
        return self.closed

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """The same."""


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path, after the body."""
    while (await receive()).get("more_body"):
        pass
    await Response(200, scope["raw_path"]).send(send)


async def _heard(pieces: list[bytes]) -> tuple[bytes, bool]:
    config = uvicorn.Config(answers, http=LimitedProtocol, log_config=None, access_log=False)
    config.load()
    with socket.socket() as ground:
        wire = Wire(ground)
        connection = LimitedProtocol(
            config, ServerState(), {"places": InFlightLimiter(0, always=["/livez"], origins=[ORIGIN])}
        )
        connection.connection_made(wire)
        for piece in pieces:
            if not wire.closed:
                connection.data_received(piece)
                await asyncio.gather(*connection.tasks)
        connection.connection_lost(None)
    return _id.sub(b"(an id)", wire.written), wire.closed


def heard(*pieces: bytes) -> tuple[bytes, bool]:
    """Return what a server without a place answers, and whether it ends the connection."""
    return asyncio.run(_heard([*pieces]))


@pytest.mark.parametrize("content", ORDINARY.values(), ids=ORDINARY)
def test_one_whole_request_is_seen(content: bytes) -> None:
    glance = Glance()
    for _ in range(2):
        assert glance.sees(content)
        assert glance.url == content.split(b" ")[1]


def test_what_a_refusal_has_to_know_is_seen() -> None:
    headers = [("X-REQUEST-ID", "wisteria"), ("Accept", "*/*"), ("Origin", ORIGIN)]
    glance = Glance()
    assert glance.sees(request("GET", "/", headers))
    assert (b"x-request-id", b"wisteria") in glance.headers
    assert (b"origin", ORIGIN.encode()) in glance.headers


@pytest.mark.parametrize("content", PARTICULAR.values(), ids=PARTICULAR)
def test_anything_else_is_not_for_a_glance(content: bytes) -> None:
    glance = Glance()
    assert not glance.sees(content)
    assert glance.sees(request("GET", "/"))


def _mutant(draw: random.Random) -> bytes:
    content = bytearray(draw.choice([*ORDINARY.values()] * 4 + [*PARTICULAR.values()])[:2000])
    for _ in range(draw.randrange(3)):
        at = draw.randrange(len(content) + 1)
        other = draw.choice([*ORDINARY.values()])
        begin = draw.randrange(len(other))
        content[at : at + draw.choice([0, 0, 1, 9])] = draw.choice(
            [
                b"",
                b"\r",
                b"\n",
                b"\r\n",
                b" ",
                b":",
                b"\0",
                b"\xff",
                b"0",
                b"\r\nHost: b",
                other,
                other[begin : begin + 9],
            ]
        )
    return bytes(content)


def test_a_glance_changes_nothing_of_what_is_answered(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)  # noqa: S311 - cases, not secrets
    cases = [*ORDINARY.values(), *PARTICULAR.values(), *(_mutant(draw) for _ in range(1500 * EFFORT))]
    talks = [(*(draw.choices(cases, k=draw.randrange(2))), case, HEALTH) for case in cases]
    at_a_glance = [heard(*talk) for talk in talks]
    monkeypatch.setattr(Glance, "sees", lambda *_: False)
    for talk, seen in zip(talks, at_a_glance, strict=True):
        assert heard(*talk) == seen, talk
    monkeypatch.undo()
    glance = Glance()
    assert sum(glance.sees(case) for case in cases) > len(cases) // 10
