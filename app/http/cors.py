"""CORS: browsers may call the API from the origins that the settings name, and from no other.

The preflight of another origin is an ordinary request: no route takes OPTIONS, so the response is a problem with 405,
without the headers that the browser looks for. If an allowed origin asks for a method or a header that is not listed,
its browser finds that in the response, too.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.response import Header, Response

T = TypeVar("T")
_VARY: Final = (b"vary", b"Origin")
_EXPOSED_HEADERS: Final = (b"access-control-expose-headers", b"ETag, Location, Retry-After, X-Request-Id")
_REQUEST_METHOD: Final = b"access-control-request-method"
_PREFLIGHT_HEADERS: Final = (
    (b"access-control-allow-methods", b"DELETE, GET, PATCH, POST"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, X-Request-Id",
    ),
    (b"access-control-max-age", b"600"),
)


def headers_by_origin(origins: Iterable[str]) -> dict[bytes, list[Header]]:
    """Return, for each origin, the headers with which its browser lets it read a response."""
    return {
        origin.encode(): [(b"access-control-allow-origin", origin.encode()), _EXPOSED_HEADERS, _VARY]
        for origin in origins
    }


def headers_for_origin(by_origin: Mapping[bytes, T], headers: list[Header]) -> T | None:
    """Return the entry for the one origin that a request's headers name; the entry `*` is for every origin."""
    origins = [value for name, value in headers if name == b"origin"]
    return (by_origin.get(origins[0]) or by_origin.get(b"*")) if len(origins) == 1 else None


class CorsMiddleware:
    """ASGI middleware between `RequestContextMiddleware` and `Router`."""

    def __init__(self, app: ASGIApp, *, origins: list[str]) -> None:
        """Allow `origins`; `*` among them allows every origin, which production refuses to start with."""
        self._app = app
        self._by_origin = headers_by_origin(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight from an allowed origin; add the CORS headers to every other response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        allowed = headers_for_origin(self._by_origin, scope["headers"])
        if allowed and scope["method"] == "OPTIONS" and any(name == _REQUEST_METHOD for name, _ in scope["headers"]):
            await Response(204, headers=[*allowed, *_PREFLIGHT_HEADERS]).send(send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(allowed or [_VARY])
            await send(message)

        await self._app(scope, receive, send_with_headers)
