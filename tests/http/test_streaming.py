"""A stream: it ends with its reader, and a reader who does not keep up is cut off."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import httpx2 as httpx
import pytest
from starlette.types import Receive, Scope, Send

from app.http import ClientConnection, StreamingResponse
from app.server import limits, timeouts
from tests.serving import listening

PART = b"w" * 65_536
SECONDS = 20


class Endless:
    """An application that streams for as long as somebody reads."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()
        self.parts = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a stream."""
        assert scope["type"] == "http"
        stream = await StreamingResponse.start(
            self._parts(ClientConnection(receive)), [(b"content-type", b"text/plain")]
        )
        await stream.send(send)

    async def _parts(self, reader: ClientConnection) -> AsyncGenerator[bytes]:
        gone = asyncio.create_task(reader.closed())
        self.begun.set()
        try:
            while not gone.done():
                self.parts += 1
                yield PART
                await asyncio.sleep(0)
        finally:
            gone.cancel()
            self.ended.set()


@contextmanager
def asking(url: str) -> Iterator[socket.socket]:
    """Ask for the stream."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        yield connection


def test_it_goes_on_part_by_part_and_ends_when_its_reader_hangs_up() -> None:
    app = Endless()
    with listening(app) as (url, _):
        with httpx.stream("GET", url) as response:
            assert response.headers["transfer-encoding"] == "chunked"
            parts = response.iter_raw()
            assert [next(parts)[:1] for _ in range(5)] == [b"w"] * 5
            assert not app.ended.is_set()
        assert app.ended.wait(SECONDS)


def test_a_reader_who_never_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNREAD_SECONDS", 0.5)
    monkeypatch.setattr(timeouts, "_UNACKNOWLEDGED_OPTIONS", [])  # the system would cut off, too
    app = Endless()
    with listening(app) as (url, _), asking(url):
        assert app.begun.wait(SECONDS)
        assert app.ended.wait(SECONDS)
        assert app.parts < 1000


def test_what_goes_wrong_before_the_first_part_is_told_instead_of_it() -> None:
    async def failing() -> AsyncGenerator[bytes]:
        raise LookupError
        yield b""

    with pytest.raises(LookupError):
        asyncio.run(StreamingResponse.start(failing(), []))
