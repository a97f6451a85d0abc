"""Streaming responses, which are sent part by part until the last part or until the client disconnects."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Annotated, Final, Self

from fastapi import Depends
from starlette.requests import Request
from starlette.types import Receive, Send

from app.http.response import Header, Response

GRACE_SECONDS: Final = 60.0
MIN_RATE: Final = 16 * 1024
"""The bytes per second at which a client must read a file, on average, after `GRACE_SECONDS`. A worker can send only a
few files at the same time, so slow clients would use up its slots."""


class ClientConnection:
    """The connection of the client that reads the response."""

    def __init__(self, receive: Receive) -> None:
        """Take the ASGI function `receive`, through which the server reports a disconnect."""
        self._receive = receive

    async def closed(self) -> None:
        """Wait until the client has disconnected, or the response is complete."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def current_connection(request: Request) -> ClientConnection:
    """Return the connection of the request's client."""
    return ClientConnection(request.receive)


CurrentConnection = Annotated[ClientConnection, Depends(current_connection)]


async def paced(parts: AsyncGenerator[bytes], client: ClientConnection) -> AsyncGenerator[bytes]:
    """Yield the non-empty parts of a file until the last one, or until the client has disconnected.

    Raise `TimeoutError` if the client reads too slowly. The connection is then closed before the end of the file.
    """
    gone = asyncio.create_task(client.closed())
    left = GRACE_SECONDS
    try:
        async with aclosing(parts):
            async for part in parts:
                if gone.done():
                    return
                if part:
                    start = time.monotonic()
                    yield part
                    left += len(part) / MIN_RATE - (time.monotonic() - start)
                    if left < 0:
                        raise TimeoutError
    finally:
        gone.cancel()


class StreamingResponse(Response):
    """A response whose parts come from a generator. The generator must end when the client has disconnected."""

    __slots__ = ("_parts",)
    is_complete = False

    def __init__(self, first: bytes, parts: AsyncGenerator[bytes], headers: Iterable[Header]) -> None:
        """Take the first part, and the generator of the other parts."""
        # the server adds Transfer-Encoding by itself, but not to the response to a HEAD request
        super().__init__(200, first, [*headers, (b"transfer-encoding", b"chunked")])
        self._parts = parts

    @classmethod
    async def start(cls, parts: AsyncGenerator[bytes], headers: Iterable[Header]) -> Self:
        """Wait for the first part, and return the response. If there are no parts, the response has an empty body.

        An error before the first part can still be answered with a problem, because nothing was sent yet.
        """
        return cls(await anext(parts, b""), parts, headers)

    async def send(self, send: Send) -> None:
        """Send each part, as fast as the client reads them."""
        async with aclosing(self._parts) as parts:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})
