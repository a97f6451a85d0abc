"""A route: a FastAPI route that reads the request itself.

FastAPI knows the route's signature and documents it; the reading is ours, for three reasons. The order of refusal is a
promise (401 before the body is read, 400 before 422); a problem never repeats what was sent; and it takes a third of
the time. A signature may ask for

- a caller, or anything else that a dependency finds out from the request: `Annotated[T, Depends(...)]`;
- a part of the path: `id: Id`, read by the path convertor `{id:id}`;
- a header: `Annotated[str | None, Header(alias="If-Match")]`;
- a query: `Annotated[Filters, Query()]`, a model that lists every parameter there is;
- a body: a Pydantic model.

A parameter that the query model does not list is refused; so is every parameter where there is no query model.
"""

import inspect
import typing
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple
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
from app.http.reading import Look, Read, header_values, read_body, read_query
from app.http.response import Response, problem_response
from app.ids import HYPHENATED, make_id
from app.problems import BodyTooLarge, Crashed, Problem

JSON: Final = "application/json"
MAX_BODY_BYTES: Final = "x-max-body-bytes"
"""In a route's `openapi_extra`: the most bytes of a body, where they are not those of every route."""
PENDING_AUTH: Final = "uncertain"
"""In a request's scope: what has to be awaited before an answer may go out, where a caller is not certain yet."""
MERGE_PATCH: Final = "application/merge-patch+json"


class IdConvertor(Convertor[UUID]):
    """Ids in a path, in their one spelling: any other is another path, and names nothing."""

    regex = HYPHENATED

    def convert(self, value: str) -> UUID:
        """Return the id."""
        return make_id(value)

    def to_string(self, value: UUID) -> str:
        """Return its spelling."""
        return str(value)


register_url_convertor("id", IdConvertor())


class Route(APIRoute):
    """A route of this API.

    What FastAPI makes of its signature and its answers is for the document, and takes a tenth of the time to start: it is
    made when that is asked for.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Plan how the parameters are read, and keep what is declared."""
        if isinstance(options.get("response_model"), DefaultPlaceholder):
            options["response_model"] = None
        options["operation_id"] = endpoint.__name__
        self._declared: dict[str, Any] | None = options
        self.path, self.endpoint, self.methods = path, endpoint, set(options["methods"])
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        media_types = [JSON, MERGE_PATCH] if "PATCH" in self.methods else [JSON]
        self.max_body_bytes: int | None = (options["openapi_extra"] or {}).get(MAX_BODY_BYTES)
        self._plan = _plan(endpoint, media_types)

    def declare(self) -> None:
        """Declare the route to FastAPI, unless it was."""
        options, self._declared = self._declared, None
        if options is not None:
            super().__init__(self.path, self.endpoint, **options)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, be it with a problem; whoever found the route, the switch or FastAPI's own router."""
        scope["template"] = self.path_format
        try:
            self._within_limits(scope)
            answer = await self._answer(Request(scope, receive))
        except Problem as problem:
            answer = problem_response(problem, scope["request_id"])
        except Exception as error:  # noqa: BLE001 - nothing may escape: the server would print what somebody wrote
            observability.log_exception(error, scope["request_id"])
            answer = problem_response(Crashed(), scope["request_id"])
        await answer.send(send)

    def _within_limits(self, scope: Scope) -> None:
        limit = scope["max_body_bytes"] = self.max_body_bytes or scope["max_body_bytes"]
        for name, value in scope["headers"]:
            if name == b"content-length" and int(value) > limit:
                raise BodyTooLarge.beyond(limit)

    async def _answer(self, request: Request) -> Response:
        """Read what the endpoint asks for, in the order of refusal, and let it answer. Who calls is certain before
        anything is told to them, save that the server cannot serve.
        """
        plan = self._plan
        try:
            values = {name: await find(request) for name, find in plan.found}
            for name, look in plan.seen:
                values[name] = look(request)
            if plan.query is not None:
                plan.query(request)
            for name, read in plan.bodies:
                values[name] = await read(request)
            answer: Response = await self.endpoint(**values)
        except Problem as problem:
            if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                await _authenticate(request)
            raise
        await _authenticate(request)
        return answer


async def _authenticate(request: Request) -> None:
    if PENDING_AUTH in request.scope:
        await request.scope[PENDING_AUTH]()


class Plan(NamedTuple):
    """Who reads each parameter, in this order: the caller, then what the head says, then the body."""

    found: list[tuple[str, Read]]
    seen: list[tuple[str, Look]]
    query: Look | None
    """What refuses a query, where none is asked for."""
    bodies: list[tuple[str, Read]]


def _plan(endpoint: Callable[..., Any], media_types: list[str]) -> Plan:
    hints = typing.get_type_hints(endpoint, include_extras=True)
    plan = Plan([], [], None, [])
    query: tuple[str, Look] | None = None
    for name in inspect.signature(endpoint).parameters:
        hint = hints[name]
        kind = typing.get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
        mark = next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, _MARKS)), None)
        if isinstance(mark, params.Depends):
            plan.found.append((name, typing.cast("Read", mark.dependency)))
        elif isinstance(mark, params.Query):
            query = (name, read_query(kind))
        elif isinstance(mark, params.Header):
            plan.seen.append((name, _header(mark.alias or name)))
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            plan.bodies.append((name, read_body(kind, media_types)))
        else:
            plan.seen.append((name, _path(name)))
    if query is None:
        return plan._replace(query=read_query(None))
    plan.seen.append(query)
    return plan


_MARKS = (params.Depends, params.Query, params.Header)


def _header(name: str) -> Look:
    spelled = name.lower().encode()

    def look(request: Request) -> str | None:
        values = header_values(request, spelled)
        return ", ".join(values) if values else None

    return look


def _path(name: str) -> Look:
    def look(request: Request) -> object:
        return request.scope["path_params"][name]

    return look
