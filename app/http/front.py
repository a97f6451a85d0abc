"""The front: what holds for every answer, whoever gives it.

Each answer carries the request's id, the security headers, and `no-store` unless its route says otherwise. HEAD is
answered as GET without the body. Each request leaves one log line: the id, the route's template, the status, the
milliseconds, and who called; never an address as it was typed, which could carry what somebody wrote.
"""

import re
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import observability
from app.http.answer import ALWAYS
from app.ids import new_id

_wellformed = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch
_HTTPS: Final = b"max-age=63072000"


class Front:
    """Pure ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, *, https_only: bool) -> None:
        """Wrap `app`; `https_only` tells browsers to never come back without TLS."""
        self._app = app
        self._always = ALWAYS | ({b"strict-transport-security": _HTTPS} if https_only else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and complete what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope)
        scope["request_id"] = request_id.decode()
        bodiless = scope["method"] == "HEAD"
        if bodiless:
            scope = {**scope, "method": "GET"}  # a copy: the server keeps its own count of a HEAD's body
        status, ended = 0, False

        async def complete(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                names = {name for name, _ in headers}
                headers.append((b"x-request-id", request_id))
                headers.extend((name, value) for name, value in self._always.items() if name not in names)
            elif bodiless and ended:
                return
            elif bodiless:
                ended, message = True, {"type": "http.response.body"}  # even where the body of a GET would go on
            await send(message)

        await self._app(scope, receive, complete)
        observability.request_served(
            request_id=scope["request_id"],
            route=scope.get("template", "-"),
            method="HEAD" if bodiless else scope["method"],
            status=status,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
            account_id=scope.get("account_id"),
        )


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: bytes = value
            return given if _wellformed(given) else str(new_id()).encode()
    return str(new_id()).encode()
