"""Browsers from other origins (CORS): exactly those that were named may call, and read what is answered.

A preflight from any other origin is a request like all others: no route takes OPTIONS, so it is 405, a problem, and
carries nothing that lets the browser go on. What a named origin asks for beyond the lists, its browser finds refused.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.response import Header, Response

T = TypeVar("T")
_VARY: Final = (b"vary", b"Origin")
_EXPOSED: Final = (b"access-control-expose-headers", b"ETag, Location, Retry-After, X-Request-Id")
_ASKED: Final = b"access-control-request-method"
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"DELETE, GET, PATCH, POST"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, X-Request-Id",
    ),
    (b"access-control-max-age", b"600"),
)


def allowing(origins: Iterable[str]) -> dict[bytes, list[Header]]:
    """Return what lets each of the origins read an answer."""
    return {origin.encode(): [(b"access-control-allow-origin", origin.encode()), _EXPOSED, _VARY] for origin in origins}


def allowed(allowing: Mapping[bytes, T], headers: list[Header]) -> T | None:
    """Return what lets the one origin that a request says it comes from read the answer; `*` stands for any."""
    found = [value for name, value in headers if name == b"origin"]
    return (allowing.get(found[0]) or allowing.get(b"*")) if len(found) == 1 else None


class CorsMiddleware:
    """Pure ASGI middleware between the front and the switch."""

    def __init__(self, app: ASGIApp, *, origins: list[str]) -> None:
        """Let the named origins in; `*` among them means any, which production refuses."""
        self._app = app
        self._allowing = allowing(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or say who may read the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        permission = allowed(self._allowing, scope["headers"])
        if permission and scope["method"] == "OPTIONS" and any(name == _ASKED for name, _ in scope["headers"]):
            await Response(204, headers=[*permission, *_PREFLIGHT]).send(send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(permission or [_VARY])
            await send(message)

        await self._app(scope, receive, told)
