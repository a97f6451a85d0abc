"""Routes: FastAPI routes that read their requests themselves (decision 001).

FastAPI documents the route from the endpoint's signature, but does not read the request: the order of the checks is a
promise (401 before the body is read, 400 before 422), a problem never repeats the input, and our code takes a third of
the time. A signature may have

- a dependency, such as the caller: `Annotated[T, Depends(...)]`;
- a parameter of the path: `id: Id`, read by the path convertor `{id:id}`;
- a header: `Annotated[str | None, Header(alias="If-Match")]`;
- a query: `Annotated[Filters, Query()]`, a model with all parameters, or `RawQuery`;
- a body: a Pydantic model for JSON, or a dependency on `FormBody` or `RawBody`.

Query parameters that the model does not have are refused. Without a model, all query parameters are refused.
"""

import inspect
import typing
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any, ClassVar, Final, NamedTuple
from uuid import UUID

from fastapi import params
from fastapi.datastructures import DefaultPlaceholder
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from app import observability
from app.http.bodies import BodyDependency, FormBody, raw_query
from app.http.body_budget import owner_of, release
from app.http.compression import MIN_BYTES, VARY, compress, is_compressible
from app.http.dialect import JSON_API, Dialect
from app.http.reading import AsyncReader, Reader, body_reader, header_values, query_reader
from app.http.response import Response
from app.ids import HYPHENATED, make_id
from app.problems import BodyTooLarge, Crashed, Problem

JSON: Final = "application/json"
MAX_BODY_BYTES: Final = "x-max-body-bytes"
"""The key, in a route's `openapi_extra`, of the maximum size of its body in bytes. By default, the setting applies."""
REQUEST_SHARES: Final = "request_shares"
"""The key, in the state that the lifespan yields, of an object that limits the requests in flight of each account or
clinic.

The route calls `enter(account)` with the id, then `await wait(account)` if `enter` returned False, and `leave(account)`
at the end.
"""
_ENTERED: Final = "entered"
PENDING_AUTH: Final = "pending_auth"
"""The key, in a request's scope, of a coroutine function that completes the authentication of the caller.

The key is set if only the token has been verified. The function then checks that the device is still signed in, or
that the client of a clinic is still active.
"""
MERGE_PATCH: Final = "application/merge-patch+json"


class IdConvertor(Convertor[UUID]):
    """Converts ids in paths: hexadecimal digits with hyphens. A path with other text in this position gets 404."""

    regex = HYPHENATED

    def convert(self, value: str) -> UUID:
        """Return the id from its text."""
        return make_id(value)

    def to_string(self, value: UUID) -> str:
        """Return the id as text."""
        return str(value)


register_url_convertor("id", IdConvertor())


class Route(APIRoute):
    """A route of this API. The routes of a part of the API with its own dialect have a subclass that sets `dialect`.

    FastAPI's analysis of the signature takes a tenth of the start-up time, and only the OpenAPI document needs it. So
    `declare` runs the analysis when the document is generated.
    """

    dialect: ClassVar[Dialect] = JSON_API
    compresses: ClassVar[bool] = True
    """Whether responses may be compressed."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Plan how to read the endpoint's parameters, and store FastAPI's options for `declare`."""
        if isinstance(options.get("response_model"), DefaultPlaceholder):
            options["response_model"] = None
        options["operation_id"] = endpoint.__name__
        self._declared: dict[str, Any] | None = options
        self.path, self.endpoint, self.methods = path, endpoint, set(options["methods"])
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        media_types = self.dialect.media_types | ({MERGE_PATCH} if "PATCH" in self.methods else set())
        self.max_body_bytes: int | None = (options["openapi_extra"] or {}).get(MAX_BODY_BYTES)
        self._plan = _plan(endpoint, media_types)

    def declare(self) -> None:
        """Run FastAPI's analysis of the route, unless `declare` was called before."""
        options, self._declared = self._declared, None
        if options is not None:
            super().__init__(self.path, self.endpoint, **options)

    @property
    def form(self) -> type[BaseModel] | None:
        """The model of the body if it is a form, else None."""
        return next((read.model for _, read in self._plan.bodies if isinstance(read, FormBody)), None)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request.

        If an error is raised, respond with a problem in the route's dialect. Log the error unless it is a `Problem`.
        """
        scope["template"] = self.path_format
        accept_encoding: bytes | None = None
        try:
            accept_encoding = self._check_headers(scope)
            response = await self._response(Request(scope, receive))
        except Problem as problem:
            response = self.dialect.render_error(problem, scope["request_id"])
        except Exception as error:  # noqa: BLE001 - the server would print the exception, with text that users wrote
            observability.log_exception(error, scope["request_id"])
            response = self.dialect.render_error(Crashed(), scope["request_id"])
        finally:
            if _ENTERED in scope:
                scope["state"][REQUEST_SHARES].leave(scope[_ENTERED])
            release(scope)
        if self.compresses:
            if accept_encoding is not None:
                await compress(response, accept_encoding)
            elif len(response.body) >= MIN_BYTES and is_compressible(response):
                response.headers.append(VARY)
        await response.send(send)

    def _check_headers(self, scope: Scope) -> bytes | None:
        """Return the value of Accept-Encoding; None without this header.

        Raise `BodyTooLarge` if Content-Length exceeds the maximum size of the body.
        """
        limit = scope["max_body_bytes"] = self.max_body_bytes or scope["max_body_bytes"]
        accept_encoding: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"content-length":
                if int(value) > limit:
                    raise BodyTooLarge.beyond(limit)
            elif name == b"accept-encoding":
                accept_encoding = value if accept_encoding is None else b"%b,%b" % (accept_encoding, value)
        return accept_encoding

    async def _response(self, request: Request) -> Response:
        """Read the parameters in the promised order (caller, path and headers, query, body), then call the endpoint.

        Return the endpoint's response. If the authentication of the caller is pending, complete it before any response
        except a problem with a 5xx status.
        """
        plan = self._plan
        try:
            values = {name: await read(request) for name, read in plan.dependencies}
            await _enter(request.scope)
            for name, look in plan.head:
                values[name] = look(request)
            if plan.refuse_query is not None:
                plan.refuse_query(request)
            for name, read in plan.bodies:
                values[name] = await read(request)
            response: Response = await self.endpoint(**values)
        except Problem as problem:
            if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                await _authenticate(request)
            raise
        await _authenticate(request)
        return response


class SecretRoute(Route):
    """A route whose responses contain tokens. They are never compressed, because the size of a compressed response
    reveals something about its content.
    """

    compresses = False


async def _enter(scope: Scope) -> None:
    """Count the request as one of its account or clinic. If too many requests of the account are in flight, wait first.

    Do nothing if the request has neither an account nor a clinic.
    """
    owner, shares = owner_of(scope), scope.get("state", {}).get(REQUEST_SHARES)
    if owner is not None and shares is not None:
        if not shares.enter(owner):
            await shares.wait(owner)
        scope[_ENTERED] = owner


async def _authenticate(request: Request) -> None:
    if PENDING_AUTH in request.scope:
        await request.scope[PENDING_AUTH]()


class Plan(NamedTuple):
    """A plan for reading an endpoint's parameters: for each, its name and the function that reads its value.

    The route calls the functions of `dependencies` first, then those of `head` (path, headers and query),
    `refuse_query`, and those of `bodies`.
    """

    dependencies: list[tuple[str, AsyncReader]]
    head: list[tuple[str, Reader]]
    refuse_query: Reader | None
    """A function that refuses every query parameter; None if the endpoint has a parameter for the query."""
    bodies: list[tuple[str, AsyncReader]]


def _plan(endpoint: Callable[..., Any], media_types: Collection[str]) -> Plan:
    hints = typing.get_type_hints(endpoint, include_extras=True)
    plan = Plan([], [], None, [])
    query: tuple[str, Reader] | None = None
    takes_query = False
    for name in inspect.signature(endpoint).parameters:
        hint = hints[name]
        kind = typing.get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
        mark = next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, _MARKS)), None)
        if isinstance(mark, params.Depends):
            takes_query |= mark.dependency is raw_query
            readers = plan.bodies if isinstance(mark.dependency, BodyDependency) else plan.dependencies
            readers.append((name, typing.cast("AsyncReader", mark.dependency)))
        elif isinstance(mark, params.Query):
            query = (name, query_reader(kind))
        elif isinstance(mark, params.Header):
            plan.head.append((name, _header_reader(mark.alias or name)))
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            plan.bodies.append((name, body_reader(kind, media_types)))
        else:
            plan.head.append((name, _path_reader(name)))
    if query is not None:
        plan.head.append(query)
    elif not takes_query:
        plan = plan._replace(refuse_query=query_reader(None))
    return plan


_MARKS = (params.Depends, params.Query, params.Header)


def _header_reader(name: str) -> Reader:
    encoded = name.lower().encode()

    def read(request: Request) -> str | None:
        values = header_values(request, encoded)
        return ", ".join(values) if values else None

    return read


def _path_reader(name: str) -> Reader:
    def read(request: Request) -> object:
        return request.scope["path_params"][name]

    return read
