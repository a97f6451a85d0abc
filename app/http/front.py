"""The front: what holds for every answer, whoever gives it.

Each answer carries the request's id, the security headers, and `no-store` unless its route says otherwise. HEAD is
answered as GET without the body. Each request leaves one log line: the id, the route's template, the status, the
milliseconds, and who called; never an address as it was typed, which could carry what somebody wrote.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import observability
from app.http.answer import ALWAYS, HTTPS_ONLY
from app.http.refusal import requested_id


class Front:
    """Pure ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, *, https_only: bool) -> None:
        """Wrap `app`; `https_only` tells browsers to never come back without TLS."""
        self._app = app
        self._always = ALWAYS | (HTTPS_ONLY if https_only else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and complete what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = requested_id(scope["headers"])
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
                always = self._always
                if any(name in always for name, _ in headers):
                    own = {name for name, _ in headers}
                    headers.extend((name, value) for name, value in always.items() if name not in own)
                else:
                    headers.extend(always.items())
                headers.append((b"x-request-id", request_id))
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
