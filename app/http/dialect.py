"""Dialects: the formats of requests and errors in one part of the API.

A route has the dialect that its class sets. If a request has no route, for example because its path is unknown, the
error is written in the dialect with the longest prefix of this path.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.http.response import Response, problem_response
from app.problems import Problem

ErrorRenderer = Callable[[Problem, str], Response]
"""A function that returns the response for a problem and a request id."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The dialect of all paths below `prefix`: the renderer of errors, and the media types of JSON bodies."""

    prefix: str
    render_error: ErrorRenderer = problem_response
    media_types: frozenset[str] = frozenset({"application/json"})

    def covers(self, path: str) -> bool:
        """Return whether a path is the prefix or is below it."""
        return path.startswith(self.prefix) and path[len(self.prefix) : len(self.prefix) + 1] in {"", "/"}


JSON_API: Final = Dialect("")
"""The dialect of the API itself: errors are problem documents (RFC 9457)."""
