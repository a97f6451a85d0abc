"""HTTP as this API speaks it.

`Edge` bounds the bytes of a connection, and `Lingering` hears out who is refused while it still sends; `Front` gives
every answer its headers and its log line; `Switch` finds the route; `Route` reads what an endpoint's signature asks
for, and answers; `Answer` is what goes out, whole, and `Stream` what goes on as long as somebody reads it. `Places`
says how much of all that happens at once; who waits for news says `with places.waiting():`.
"""

from app.http.cors import CorsMiddleware
from app.http.reading import header_values
from app.http.request_context import RequestContextMiddleware
from app.http.response import HTTPS_ONLY, JSON, Response, json_response, problem_response
from app.http.route import MAX_BODY_BYTES, PENDING_AUTH, Route
from app.http.router import Router
from app.http.streaming import ClientConnection, CurrentConnection, StreamingResponse

__all__ = [
    "HTTPS_ONLY",
    "JSON",
    "MAX_BODY_BYTES",
    "PENDING_AUTH",
    "ClientConnection",
    "CorsMiddleware",
    "CurrentConnection",
    "RequestContextMiddleware",
    "Response",
    "Route",
    "Router",
    "StreamingResponse",
    "header_values",
    "json_response",
    "problem_response",
]
