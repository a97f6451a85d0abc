"""The front: what holds for every answer, whoever gives it.

Each answer carries the request's id, the security headers, and `no-store` unless its route says otherwise. HEAD is
answered as GET without the body. Each request leaves one log line: the id, the route's template, the status, the
milliseconds, and who called; never an address as it was typed, which could carry what somebody wrote.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app import observability
from app.http.one_write import PROTOCOL_CYCLE, write_response
from app.http.prebuilt import request_id_of
from app.http.response import ALWAYS, HTTPS_ONLY, Header


class RequestContextMiddleware:
    """Pure ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, *, https_only: bool) -> None:
        """Wrap `app`; `https_only` tells browsers to never come back without TLS."""
        self._app = app
        self._always = [*ALWAYS.items(), *(HTTPS_ONLY.items() if https_only else ())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and complete what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = request_id_of(scope["headers"])
        scope["request_id"] = request_id.decode()
        bodiless = scope["method"] == "HEAD"
        if bodiless:
            scope = {**scope, "method": "GET"}  # a copy: the server keeps its own count of a HEAD's body
        cycle: RequestResponseCycle | None = scope.get("state", {}).pop(PROTOCOL_CYCLE, None)
        status, held, ended = 0, None, False

        async def complete(message: Message) -> None:
            nonlocal status, held, ended
            last = bodiless or not message.get("more_body", False)  # of a HEAD, even where the body of a GET goes on
            if message["type"] == "http.response.start":
                status, held = message["status"], self._completed(message["headers"], request_id)
            elif held is not None and last and cycle is not None:
                headers, held, ended = held, None, True
                if cycle.flow.write_paused:
                    await cycle.flow.drain()
                write_response(cycle, status, headers, message["body"])
            elif not ended:
                if held is not None:
                    headers, held = held, None
                    await send({"type": "http.response.start", "status": status, "headers": headers})
                ended = last
                await send({"type": "http.response.body"} if bodiless else message)

        await self._app(scope, receive, complete)
        observability.log_request(
            request_id=scope["request_id"],
            route=scope.get("template", "-"),
            method="HEAD" if bodiless else scope["method"],
            status=status,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
            account_id=scope.get("account_id"),
        )

    def _completed(self, headers: list[Header], request_id: bytes) -> list[Header]:
        own = {name for name, _ in headers}
        always = [header for header in self._always if header[0] not in own]
        return [*headers, *always, (b"x-request-id", request_id)]
