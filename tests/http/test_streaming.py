"""A streaming response ends when its client disconnects, or does not read."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator

import httpx2 as httpx
import pytest
from starlette.types import Receive, Scope, Send

from app.http import ClientConnection, StreamingResponse
from app.server import limits, timeouts
from tests.serving import address_of, listening

PART = b"w" * 65_536
SECONDS = 20


class EndlessStream:
    """An application that streams until its client disconnects."""

    def __init__(self) -> None:
        self.started, self.ended = threading.Event(), threading.Event()
        self.parts = 0
        """How many parts were made."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the stream."""
        assert scope["type"] == "http"
        parts = self._parts(ClientConnection(receive))
        response = await StreamingResponse.start(parts, [(b"content-type", b"text/plain")])
        await response.send(send)

    async def _parts(self, connection: ClientConnection) -> AsyncGenerator[bytes]:
        closed = asyncio.create_task(connection.closed())
        self.started.set()
        try:
            while not closed.done():
                self.parts += 1
                yield PART
                await asyncio.sleep(0)
        finally:
            closed.cancel()
            self.ended.set()


def test_a_stream_is_sent_part_by_part_and_ends_when_its_client_disconnects() -> None:
    app = EndlessStream()
    with listening(app) as (url, _):
        with httpx.stream("GET", url) as response:
            assert response.headers["transfer-encoding"] == "chunked"
            parts = response.iter_raw()
            assert [next(parts)[:1] for _ in range(5)] == [b"w"] * 5
            assert not app.ended.is_set()
        assert app.ended.wait(SECONDS)


def test_a_client_that_does_not_read_its_stream_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNREAD_SECONDS", 0.5)
    monkeypatch.setattr(timeouts, "_UNACKNOWLEDGED_OPTIONS", [])  # or the kernel would cut it off as well
    app = EndlessStream()
    with listening(app) as (url, _), socket.create_connection(address_of(url), timeout=SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert app.started.wait(SECONDS)
        assert app.ended.wait(SECONDS)
        assert app.parts < 1000


def test_an_error_before_the_first_part_is_raised_before_the_response_starts() -> None:
    async def failing() -> AsyncGenerator[bytes]:
        raise LookupError
        yield b""

    with pytest.raises(LookupError):
        asyncio.run(StreamingResponse.start(failing(), []))
