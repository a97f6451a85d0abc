"""The router: finds the route of a path, segment by segment.

A path has one form. Any other (a trailing slash, `//`, `..`, any `%`) names nothing and is 404 without a redirect; a
method that no route of the path takes is 405 with all methods that the path allows. Both are answered before a token or
a body is read.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from starlette.convertors import Convertor
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.dialect import JSON_API, Dialect
from app.http.route import Route
from app.problems import MethodNotAllowed, Misdirected, NotFound, Problem

_port = re.compile(rb":\d*\Z")
_parameter = re.compile(r"\{(\w+)\}").fullmatch
Routes = dict[str, Route]
"""Routes by method."""


class Parameter(NamedTuple):
    """A path segment that is a parameter: its name, the test of a segment's text, and the conversion of it."""

    name: str
    matches: Callable[[str], object]
    convertor: Convertor[Any]


class Node:
    """One segment of the table: what may follow it, and the routes that end here."""

    __slots__ = ("child", "literals", "parameter", "routes")

    def __init__(self) -> None:
        """Start without anything that follows."""
        self.literals: dict[str, Node] = {}
        self.parameter: Parameter | None = None
        self.child: Node | None = None
        """The node behind the parameter."""
        self.routes: Routes = {}


class RouteTable:
    """The routes as a trie of path segments. A literal segment wins over a parameter at the same place."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """Add the routes; raise `ValueError` if two have the same method and path, or if parameters contradict."""
        self._root = Node()
        self._fixed: dict[str, Routes] = {}
        """The routes of paths without a parameter, which need no walk."""
        for route in routes:
            if not isinstance(route, Route):
                raise TypeError(route)
            self._add(route)

    def find(self, path: str) -> tuple[Routes, dict[str, object]]:
        """Return the routes of a path by method, and the values of its parameters; no routes if the path is unknown."""
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, {}
        node, values = self._root, {}
        for segment in path[1:].split("/") if path[:1] == "/" else ("*",):
            following = node.literals.get(segment)
            if following is None:
                parameter, following = node.parameter, node.child
                if parameter is None or following is None or not parameter.matches(segment):
                    return {}, {}
                values[parameter.name] = parameter.convertor.convert(segment)
            node = following
        return node.routes, values

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path_format[1:].split("/"):
            found = _parameter(segment)
            if found is None:
                node = node.literals.setdefault(segment, Node())
                continue
            convertor = route.param_convertors[found[1]]
            parameter = Parameter(found[1], re.compile(convertor.regex).fullmatch, convertor)
            if node.parameter is not None and (node.parameter.name, node.parameter.convertor.regex) != (
                parameter.name,
                convertor.regex,
            ):
                message = f"{route.path_format}: another route has another parameter at this place"
                raise ValueError(message)
            node.parameter = node.parameter or parameter
            node.child = node = node.child or Node()
        for method in route.methods or ():
            if method in node.routes:
                message = f"{method} {route.path_format}: there are two routes"
                raise ValueError(message)
            node.routes[method] = route
        if not route.param_convertors:
            self._fixed[route.path_format] = node.routes


class Router:
    """Pure ASGI middleware, innermost: it answers instead of the application's own router."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: list[BaseRoute],
        max_body_bytes: int,
        hosts: Iterable[str] = (),
        always: tuple[str, ...] = (),
    ) -> None:
        """Serve `routes`; leave startup and shutdown to `app`.

        If there are `hosts`, a request for another host is refused, unless its path starts with one of `always`.
        """
        self._app = app
        self._hosts = {host.encode() for host in hosts}
        self._always = always
        self._table = RouteTable(routes)
        dialects = {route.dialect for route in routes if isinstance(route, Route)}
        self._dialects = sorted(dialects, key=lambda dialect: len(dialect.prefix), reverse=True)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["max_body_bytes"] = self._max_body_bytes
        try:
            if self._hosts:
                self._check_host(scope)
            route = self._find(scope)
        except Problem as problem:
            await self._dialect_of(scope["path"]).render_error(problem, scope["request_id"]).send(send)
        else:
            await route.handle(scope, receive, send)

    def _check_host(self, scope: Scope) -> None:
        host: bytes = next((value for name, value in scope["headers"] if name == b"host"), b"")
        known = host in self._hosts or _port.sub(b"", host.lower()) in self._hosts
        if not known and not scope["path"].startswith(self._always):
            raise Misdirected

    def _find(self, scope: Scope) -> Route:
        if b"%" in scope["raw_path"]:
            raise NotFound
        routes, scope["path_params"] = self._table.find(scope["path"])
        route = routes.get(scope["method"])
        if route is None:
            if not routes:
                raise NotFound
            allowed = {*routes, "HEAD"} if "GET" in routes else set(routes)
            raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(allowed))})
        return route

    def _dialect_of(self, path: str) -> Dialect:
        return next((dialect for dialect in self._dialects if dialect.covers(path)), JSON_API)
