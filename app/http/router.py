"""The switch: from a path to its route by two look-ups.

A path has one spelling. Anything else (a trailing slash, `//`, `..`, an id in capitals, any `%`) names nothing and is
404 without a redirect; a method that no route of the path takes is 405 with a true Allow. All of it is answered before
anybody's token or body is looked at.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.response import problem_response
from app.http.route import Route
from app.problems import MethodNotAllowed, Misdirected, NotFound, Problem

_port = re.compile(rb":\d*\Z")


class RouteTable(NamedTuple):
    """Routes by path: whole paths, and paths whose last segment is a parameter."""

    fixed: dict[str, dict[str, Route]]
    open: dict[str, dict[str, Route]]


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
        """Serve `routes`; leave the rest (start, end) to `app`.

        Where `hosts` are named, a request for another is refused, unless its path begins as one of `always`.
        """
        self._app = app
        self._hosts = {host.encode() for host in hosts}
        self._always = always
        self._table = table_of(routes)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["max_body_bytes"] = self._max_body_bytes
        try:
            if self._hosts:
                self._is_for_us(scope)
            route = self._find(scope)
        except Problem as problem:
            await problem_response(problem, scope["request_id"]).send(send)
        else:
            await route.handle(scope, receive, send)

    def _is_for_us(self, scope: Scope) -> None:
        host: bytes = next((value for name, value in scope["headers"] if name == b"host"), b"")
        known = host in self._hosts or _port.sub(b"", host.lower()) in self._hosts
        if not known and not scope["path"].startswith(self._always):
            raise Misdirected

    def _find(self, scope: Scope) -> Route:
        table = self._table
        path: str = scope["path"]
        if b"%" in scope["raw_path"]:
            raise NotFound
        routes = table.fixed.get(path)
        if routes is None:
            routes = table.open.get(path[: path.rfind("/") + 1], {})
        route = routes.get(scope["method"])
        if route is None:
            if any(each.path_regex.match(path) for each in routes.values()):
                allowed = {*routes, "HEAD"} if "GET" in routes else set(routes)
                raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(allowed))})
            raise NotFound
        scope["path_params"] = _parameters(route, path)
        return route


def _parameters(route: Route, path: str) -> dict[str, object]:
    if not route.param_convertors:
        return {}
    found = route.path_regex.match(path)
    if found is None:
        raise NotFound
    return {name: route.param_convertors[name].convert(value) for name, value in found.groupdict().items()}


def table_of(routes: Iterable[BaseRoute]) -> RouteTable:
    """Sort the routes by path; a parameter other than a path's last segment would have no place here."""
    table = RouteTable(defaultdict(dict), defaultdict(dict))
    for route in routes:
        if not isinstance(route, Route):
            raise TypeError(route)
        head, _, tail = route.path_format.rpartition("/")
        if "{" in head:
            raise ValueError(route.path_format)
        paths = table.open if "{" in tail else table.fixed
        key = f"{head}/" if "{" in tail else route.path_format
        for method in route.methods or ():
            paths[key][method] = route
    return table
