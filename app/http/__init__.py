"""Routing, requests and responses, in plain ASGI and independent of the server.

`RequestContextMiddleware` adds the request id and default headers to every response, and logs the request.
`CorsMiddleware` allows browsers to call from other origins. `Router` finds the `Route` of a request. The route reads
the parameters that the endpoint's signature declares, calls the endpoint, and compresses the response if the client
accepts that. `Response` is a complete response, and `StreamingResponse` is a response that is sent part by part.
"""

from app.http.bodies import BodyStream, FormBody, RawBody, RawQuery
from app.http.body_budget import BODY_BUDGET, BodyBudget
from app.http.compression import VARY
from app.http.cors import AllowedOrigins, CorsMiddleware
from app.http.dialect import Dialect
from app.http.reading import QueryModel, header_values
from app.http.request_context import RequestContextMiddleware
from app.http.response import HTTPS_ONLY, JSON, PUBLIC, Response, json_response, problem_response
from app.http.route import MAX_BODY_BYTES, PENDING_AUTH, REQUEST_SHARES, Route, SecretRoute
from app.http.router import Router
from app.http.streaming import ClientConnection, CurrentConnection, StreamingResponse, paced

__all__ = [
    "BODY_BUDGET",
    "HTTPS_ONLY",
    "JSON",
    "MAX_BODY_BYTES",
    "PENDING_AUTH",
    "PUBLIC",
    "REQUEST_SHARES",
    "VARY",
    "AllowedOrigins",
    "BodyBudget",
    "BodyStream",
    "ClientConnection",
    "CorsMiddleware",
    "CurrentConnection",
    "Dialect",
    "FormBody",
    "QueryModel",
    "RawBody",
    "RawQuery",
    "RequestContextMiddleware",
    "Response",
    "Route",
    "Router",
    "SecretRoute",
    "StreamingResponse",
    "header_values",
    "json_response",
    "paced",
    "problem_response",
]
