"""A stream: an answer that goes on, part by part, for as long as somebody reads it."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Annotated, Self

from fastapi import Depends
from starlette.requests import Request
from starlette.types import Receive, Send

from app.http.response import Header, Response


class ClientConnection:
    """Who reads the answer."""

    def __init__(self, receive: Receive) -> None:
        """Take where the server says that they are gone."""
        self._receive = receive

    async def closed(self) -> None:
        """Wait until they hung up, or have the whole answer."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def current_connection(request: Request) -> ClientConnection:
    """Return who reads the answer to the request."""
    return ClientConnection(request.receive)


CurrentConnection = Annotated[ClientConnection, Depends(current_connection)]


class StreamingResponse(Response):
    """An answer whose parts come one by one; whoever makes them ends once the reader is gone."""

    __slots__ = ("_parts",)

    def __init__(self, first: bytes, parts: AsyncGenerator[bytes], headers: Iterable[Header]) -> None:
        """Take the first part, and where the others come from."""
        # the server would say so by itself, but not in answer to HEAD
        super().__init__(200, first, [*headers, (b"transfer-encoding", b"chunked")])
        self._parts = parts

    @classmethod
    async def begun(cls, parts: AsyncGenerator[bytes], headers: Iterable[Header]) -> Self:
        """Return the stream once its first part is there: what goes wrong before is answered as a problem."""
        return cls(await anext(parts), parts, headers)

    async def send(self, send: Send) -> None:
        """Send part after part, as the reader takes them."""
        async with aclosing(self._parts) as parts:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})
