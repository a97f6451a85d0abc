"""A server that answers one request at a time, so that a test can use up its limit with one request."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import Receive, Scope, Send

from app.http import AllowedOrigins, RequestContextMiddleware, Response
from app.server.in_flight import LIMITER, InFlightLimiter
from tests.hostile.raw import RawConnection, request_bytes
from tests.serving import Address, address_of, listening

ORIGIN = "https://app.wisteria.example"


async def run_lifespan(scope: Scope, receive: Receive, send: Send, limiter: InFlightLimiter) -> None:
    """Start an application whose connections take this limiter, and wait until it ends."""
    await receive()
    scope["state"][LIMITER] = limiter
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


class SingleSlot:
    """An application whose limiter admits one request.

    GET /hold is not answered before `release`, nor is the long poll GET /wait. POST /early is answered before its body
    is read. Everything else is answered after its body. Every response is 204.
    """

    def __init__(self) -> None:
        self.limiter = InFlightLimiter(1, 1, exempt=["/livez"], origins=AllowedOrigins([ORIGIN]))
        self.released = asyncio.Event()
        self.held = 0
        """How many requests for /hold and /wait have arrived."""
        self.address: Address = ("", 0)
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await run_lifespan(scope, receive, send, self.limiter)
            return
        if scope["path"] == "/hold":
            self.held += 1
            await self.released.wait()
        elif scope["path"] == "/wait":
            with self.limiter.long_poll_slot():
                self.held += 1
                await self.released.wait()
        elif scope["path"] != "/early":
            while (await receive()).get("more_body"):
                pass
        await Response(204).send(send)

    def release(self) -> None:
        """Answer the requests that are held."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.released.set)

    def wait_until_free(self) -> None:
        """Wait until a request is admitted."""
        with RawConnection(self.address) as connection:
            while connection.request("GET", "/").status == 503:
                time.sleep(0.01)

    def connect(self, content: bytes = b"") -> socket.socket:
        """Return a new connection on which `content` was sent."""
        connection = socket.create_connection(self.address, timeout=20)
        connection.sendall(content)
        return connection

    def hold(self, path: str = "/hold") -> socket.socket:
        """Return a new connection whose request is held."""
        held = self.held
        connection = self.connect(request_bytes("GET", path))
        while self.held == held:
            time.sleep(0.01)
        return connection


@contextmanager
def serve_single_slot(**options: Any) -> Iterator[SingleSlot]:
    """Serve the application in the block; `options` are uvicorn's."""
    single_slot = SingleSlot()
    with listening(RequestContextMiddleware(single_slot, https_only=False), **options) as (url, single_slot.loop):
        single_slot.address = address_of(url)
        yield single_slot
        single_slot.release()
