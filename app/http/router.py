"""The router: finds the route of a path, segment by segment.

Each path has exactly one form. Any other form (a trailing slash, `//`, `..`, any `%`) gets 404, without a redirect. A
method that no route of the path has gets 405, with all methods that the path allows. Both responses are sent before a
token or a body is read.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from starlette.convertors import Convertor, PathConvertor, StringConvertor
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.dialect import JSON_API, Dialect
from app.http.route import Route
from app.problems import MethodNotAllowed, Misdirected, NotFound, Problem
from app.urls import serve_below

_port = re.compile(rb":\d*\Z")
Routes = dict[str, Route]
"""The routes of one path, by method."""


class Node:
    """A node of the trie: the routes of one path, and the nodes of the segments that may follow."""

    __slots__ = ("literals", "parameters", "routes")

    def __init__(self) -> None:
        """Start without routes."""
        self.literals: dict[str, Node] = {}
        self.parameters: list[Parameter] = []
        self.routes: Routes = {}


class Parameter(NamedTuple):
    """A parameter in the path of routes, such as `{id:id}`, and the node that follows it."""

    name: str
    convertor: Convertor[Any]
    matches: Callable[[str], object]
    """Returns a match, or None if a segment is not a value of the parameter."""
    convert: Callable[[str], object]
    node: Node


class RouteTable:
    """All routes, as a trie of path segments. A look-up takes at most one step for each segment of the path.

    At each position, literal segments take precedence over parameters, and a parameter takes precedence over parameters
    of other types that were added later. The search does not backtrack: with `/a/new/b` and `/a/{name}/c`, the path
    `/a/new/c` is unknown.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """Add the routes; raise `ValueError` if two have the same method and path, or a parameter is not supported."""
        self._root = Node()
        self._literal_paths = {"": self._root}
        """The nodes of paths without parameters, by path. They save most steps: a path without parameters takes one
        look-up, and a path whose only parameter is its last segment takes two."""
        for route in routes:
            if not isinstance(route, Route):
                raise TypeError(route)
            self._add(route)

    def find(self, path: str) -> tuple[Routes, dict[str, object]]:
        """Return the routes of a path by method, and the values of its parameters; both empty for an unknown path."""
        values: dict[str, object] = {}
        node = self._literal_paths.get(path)
        if node is None:
            head, _, last = path.rpartition("/")
            node, segments = self._literal_paths.get(head), [last]
            if node is None:
                node, segments = self._root, path.split("/")[1:]
            for segment in segments:
                following = node.literals.get(segment)
                if following is None:
                    for parameter in node.parameters:
                        if parameter.matches(segment):
                            break
                    else:
                        return {}, {}
                    values[parameter.name] = parameter.convert(segment)
                    following = parameter.node
                node = following
        return node.routes, values

    def _add(self, route: Route) -> None:
        node, path = self._root, ""
        for segment in route.path.split("/")[1:]:
            path = f"{path}/{segment}"
            node = (
                _behind_parameter(node, segment, route) if "{" in segment else node.literals.setdefault(segment, Node())
            )
            if "{" not in path:
                self._literal_paths[path] = node
        for method in route.methods or ():
            if method in node.routes:
                message = f"{method} {route.path_format}: there are two routes"
                raise ValueError(message)
            node.routes[method] = route


def _behind_parameter(node: Node, segment: str, route: Route) -> Node:
    """Return the node that follows the parameter `segment` of a route's path; add the parameter to `node` if it is new.

    Raise `ValueError` if the parameter is not a whole segment, or conflicts with another parameter of `node`.
    """
    name = segment[1:-1].partition(":")[0]
    convertor = route.param_convertors.get(name)
    known = next((each for each in node.parameters if each.convertor == convertor), None)
    if known is not None and known.name == name:
        return known.node
    kinds = [type(convertor), *(type(each.convertor) for each in node.parameters)]
    if (
        known is not None
        or convertor is None
        or PathConvertor in kinds
        or (StringConvertor in kinds and len(kinds) > 1)
    ):
        message = f"{route.path}: a parameter is one whole segment, and what it matches has one name at its position"
        raise ValueError(message)
    new = Parameter(name, convertor, re.compile(convertor.regex).fullmatch, convertor.convert, Node())
    node.parameters.append(new)
    return new.node


def _path_below(root_path: str, path: str) -> str:
    """Return a path without the root path. If it does not start with the root path, return it unchanged."""
    below = path.removeprefix(root_path)
    return below if below.startswith("/") else path if below else "/"


class Router:
    """The innermost ASGI middleware. It finds and calls the route of a request, which FastAPI's own router would do."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: list[BaseRoute],
        max_body_bytes: int,
        hosts: Iterable[str] = (),
        any_host: tuple[str, ...] = (),
        root_path: str = "",
    ) -> None:
        """Take the routes, and the application `app`, which handles startup and shutdown.

        Raise `ValueError` if routes contradict each other.

        If `hosts` is not empty, requests for other hosts are refused, unless their path starts with one of `any_host`.
        A proxy may serve the API below `root_path`, or below the root path that the ASGI server names, and may remove
        this prefix from the paths that it passes on.
        """
        self._app = app
        self._hosts = {host.encode() for host in hosts}
        self._any_host = any_host
        self._root_path = root_path
        self._table = RouteTable(routes)
        dialects = {route.dialect for route in routes if isinstance(route, Route)}
        self._dialects = sorted(dialects, key=lambda dialect: len(dialect.prefix), reverse=True)
        for route in routes:
            if isinstance(route, Route) and self._dialect_of(route.path) != route.dialect:
                message = f"{route.path}: the dialect is not that of the path's prefix"
                raise ValueError(message)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: call its route, or respond with a problem if the host, path or method is unknown."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["max_body_bytes"] = self._max_body_bytes
        if root_path := scope.get("root_path") or self._root_path:
            serve_below(f"/{root_path.strip('/')}".rstrip("/"))
            scope["path"] = _path_below(root_path, scope["path"])
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
        if not known and not scope["path"].startswith(self._any_host):
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
