"""A hall with one place, and a door: an application under the real server that takes on one request at a time."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import Receive, Scope, Send

from app.http import RequestContextMiddleware, Response
from app.server.in_flight import InFlightLimiter
from tests.hostile.raw import Line, request
from tests.serving import Address, address_of, listening

ORIGIN = "https://app.wisteria.example"


class Hall:
    """An application with one place: a request for /hold keeps it until somebody opens the door."""

    def __init__(self) -> None:
        self.limiter = InFlightLimiter(1, 1, always=["/livez"], origins=[ORIGIN])
        self.door = asyncio.Event()
        self.held = 0
        self.address: Address = ("", 0)
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 204, sooner or later."""
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["places"] = self.limiter
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["path"] == "/hold":
            self.held += 1
            await self.door.wait()
        elif scope["path"] == "/wait":
            with self.limiter.long_poll_slot():
                self.held += 1
                await self.door.wait()
        elif scope["path"] != "/early":
            while (await receive()).get("more_body"):
                pass
        await Response(204).send(send)

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


@contextmanager
def standing(**options: Any) -> Iterator[Hall]:
    """Let a hall stand until the block ends."""
    hall = Hall()
    with listening(RequestContextMiddleware(hall, https_only=False), **options) as (url, hall.loop):
        hall.address = address_of(url)
        yield hall
        hall.open()
