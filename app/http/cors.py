"""CORS: browsers may call the API only from the allowed origins.

A preflight from an allowed origin is answered with the allowed methods and headers. The browser then blocks requests
with other methods or headers. A preflight from another origin is handled as an ordinary request: no route has the
method OPTIONS, so the response is a problem with 405, without CORS headers, and the browser blocks the request.
"""

import re
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.response import Header, Response

_VARY: Final = (b"vary", b"Origin")
_EXPOSED_HEADERS: Final = (b"access-control-expose-headers", b"ETag, Location, Retry-After, X-Request-Id")
_REQUEST_METHOD: Final = b"access-control-request-method"
_REQUEST_HEADERS: Final = (
    b"Authorization, Content-Type, If-Match, If-None-Exist, If-None-Match, Last-Event-ID, Prefer, traceparent, tracestate, "
    b"X-Request-Id"
)
_PREFLIGHT_HEADERS: Final = (
    (b"access-control-allow-methods", b"DELETE, GET, PATCH, POST"),
    (b"access-control-allow-headers", _REQUEST_HEADERS),
    (b"access-control-max-age", b"600"),
)
_local: Final = re.compile(
    rb"https?://(([a-z0-9-]+\.)*localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?|(capacitor|ionic)://localhost"
)


class AllowedOrigins:
    """The origins from which browsers may call the API."""

    def __init__(self, origins: Iterable[str] = (), *, local: bool = False) -> None:
        """Allow `origins`. `*` allows every origin; a production server does not start with it.

        If `local` is true, every port of this machine is allowed, too, such as `http://localhost:5173` and
        `http://127.0.0.1:3000`, and so are the origins of mobile web views, `capacitor://localhost` and
        `ionic://localhost`.
        """
        self._by_origin = {origin.encode(): _headers_for(origin.encode()) for origin in origins}
        self._local = local

    def __bool__(self) -> bool:
        """Return whether at least one origin is allowed."""
        return self._local or bool(self._by_origin)

    def headers_for(self, headers: list[Header]) -> list[Header] | None:
        """Return the CORS headers for the response to a request with the given headers.

        Return None if the request does not have exactly one Origin header, or if this origin is not allowed.
        """
        origins = [value for name, value in headers if name == b"origin"]
        if len(origins) != 1:
            return None
        found = self._by_origin.get(origins[0]) or self._by_origin.get(b"*")
        return _headers_for(origins[0]) if found is None and self._local and _local.fullmatch(origins[0]) else found


def _headers_for(origin: bytes) -> list[Header]:
    return [(b"access-control-allow-origin", origin), _EXPOSED_HEADERS, _VARY]


class CorsMiddleware:
    """ASGI middleware that answers preflights and adds CORS headers; the application puts it before `Router`."""

    def __init__(self, app: ASGIApp, *, origins: AllowedOrigins) -> None:
        """Wrap the ASGI application `app`. Allow requests from `origins`."""
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight from an allowed origin, and pass on every other request.

        Add the CORS headers to the response to an allowed origin, and only Vary to any other response.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        allowed = self._origins.headers_for(scope["headers"])
        if allowed and scope["method"] == "OPTIONS" and any(name == _REQUEST_METHOD for name, _ in scope["headers"]):
            await Response(204, headers=[*allowed, *_PREFLIGHT_HEADERS]).send(send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(allowed or [_VARY])
            await send(message)

        await self._app(scope, receive, send_with_headers)
