"""Complete responses: a status, headers, and the bytes of the body."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from starlette.types import Send

from app import json_strict
from app.problems import Problem

JSON: Final = (b"content-type", b"application/json")
PROBLEM: Final = (b"content-type", b"application/problem+json")

Header = tuple[bytes, bytes]
DEFAULT_HEADERS: Final = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
"""The default headers of every response. A route may set other values."""
PUBLIC: Final = (b"cache-control", b"no-cache")
"""The header Cache-Control of responses that are the same for every client.

A client may store them, but must revalidate before use.
"""
HTTPS_ONLY: Final = {b"strict-transport-security": b"max-age=63072000"}
"""The header that makes browsers use only TLS for this host (HSTS)."""


class Response:
    """A complete response."""

    __slots__ = ("body", "headers", "status")
    is_complete: ClassVar[bool] = True
    """Whether `body` is the whole body; False for a stream."""

    def __init__(self, status: int, body: bytes = b"", headers: Iterable[Header] = ()) -> None:
        """Take the status, the body and the headers. `send` adds Content-Length."""
        self.status = status
        self.body = body
        self.headers = [*headers]

    async def send(self, send: Send) -> None:
        """Send the response as two ASGI messages."""
        if self.status not in {204, 304}:
            self.headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def json_response(value: Any, status: int = 200, headers: Iterable[Header] = ()) -> Response:
    """Return a response with `value` as JSON."""
    return Response(status, json_strict.dump(value), [JSON, *headers])


def problem_response(problem: Problem, request_id: str) -> Response:
    """Return a problem as a response with a problem document (RFC 9457) and the problem's headers."""
    headers = [PROBLEM, *((name.lower().encode(), value.encode()) for name, value in problem.headers.items())]
    return Response(problem.status, json_strict.dump(problem.document(request_id)), headers)


def header_lines(headers: Iterable[Header]) -> bytes:
    """Return headers as the lines of an HTTP/1.1 message."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
