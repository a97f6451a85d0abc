"""Completes every response, and logs every request.

Each response gets the request id, security headers, and `no-store` unless its route sets Cache-Control. HEAD is
answered like GET, but without the body. The log line has the request id, the route's template, the method, the status,
the milliseconds, the caller's account, and the ids of a valid `traceparent`. It never has the URL, which may contain
text that a person wrote.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import observability
from app.http.request_id import request_id_of
from app.http.response import DEFAULT_HEADERS, HTTPS_ONLY, Header
from app.http.trace_context import trace_fields
from app.metrics.counts import NO_ROUTE, Counts

WriteResponse = Callable[[int, list[Header], bytes], Awaitable[None]]
WRITE_RESPONSE: Final = "write_response"
"""The key, in a request's `state`, of the server's function that writes a complete response at once.

The function takes the status, the headers and the body. It replaces two ASGI messages, in which the server would check
each header. A server without such a function does not set the key.
"""


class RequestContextMiddleware:
    """The outermost ASGI middleware, which completes responses and logs requests."""

    def __init__(self, app: ASGIApp, *, https_only: bool, counts: Counts | None = None) -> None:
        """Wrap the ASGI application `app`. `https_only` adds HSTS, which makes browsers use only TLS for this host.

        Requests are counted in `counts`, unless it is None.
        """
        self._app, self._counts = app, counts
        self._always = [*DEFAULT_HEADERS.items(), *(HTTPS_ONLY.items() if https_only else ())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the wrapped application, complete the response, and log and count the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        request_id = request_id_of(scope["headers"])
        scope["request_id"] = request_id.decode()
        bodiless = scope["method"] == "HEAD"
        if bodiless:
            scope = {**scope, "method": "GET"}  # a copy, because the server reads the method from its own scope
        # Removed from the state to break a reference cycle, which only the garbage collector would break: the function
        # refers to uvicorn's `RequestResponseCycle`, whose scope contains the state.
        write_response: WriteResponse | None = scope.get("state", {}).pop(WRITE_RESPONSE, None)
        status, pending_headers, ended = 0, None, False

        async def send_completed(message: Message) -> None:
            nonlocal status, pending_headers, ended
            last = bodiless or not message.get("more_body", False)  # HEAD ends here, even if GET would be a stream
            if message["type"] == "http.response.start":
                status, pending_headers = message["status"], self._completed(message["headers"], request_id)
            elif pending_headers is not None and last and write_response is not None:
                headers, pending_headers, ended = pending_headers, None, True
                await write_response(status, headers, message["body"])
            elif not ended:
                if pending_headers is not None:
                    headers, pending_headers = pending_headers, None
                    await send({"type": "http.response.start", "status": status, "headers": headers})
                ended = last
                await send({"type": "http.response.body"} if bodiless else message)

        await self._app(scope, receive, send_completed)
        seconds = time.perf_counter() - start
        method, route = "HEAD" if bodiless else scope["method"], scope.get("template", NO_ROUTE)
        if self._counts is not None:
            self._counts.count_request(method, route, status, seconds)
        observability.log_request(
            request_id=scope["request_id"],
            route=route,
            method=method,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            account_id=scope.get("account_id"),
            **trace_fields(scope["headers"]),
        )

    def _completed(self, headers: list[Header], request_id: bytes) -> list[Header]:
        names = {name for name, _ in headers}
        always = [header for header in self._always if header[0] not in names]
        return [*headers, *always, (b"x-request-id", request_id)]
