"""The dialect of all paths below `/oauth`: errors have the form of OAuth 2.0 (RFC 6749, section 5.2)."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, Field

from app.clinics import examples
from app.http import Dialect, Response, SecretRoute, json_response
from app.http.bodies import FORM
from app.openapi import example
from app.openapi.problems import PROBLEM_JSON, problems
from app.problems import Problem

_WAIT: Final = "Wait for the number of seconds in Retry-After, and send the request with a new assertion."
_LEFT_OUT: Final = re.compile(r"[^ !#-\[\]-_a-~]")
"""Removed from a description: the characters that RFC 6749, section 5.2, forbids, and the backquotes of Markdown."""
_RETRY_LATER: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class OAuthError(Exception):
    """An error of OAuth, with an error code of RFC 6749.

    The description may contain printable ASCII characters except quotes and backslashes.
    """

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        """Take the error code, the description and the status of the response."""
        super().__init__(error)
        self.error, self.description, self.status = error, description, status

    def response(self) -> Response:
        """Return the error as a JSON response."""
        return json_response({"error": self.error, "error_description": self.description}, self.status)


class TokenError(BaseModel, defer_build=True, json_schema_extra=example(examples.OAUTH_ERROR)):
    """An error of OAuth (RFC 6749, section 5.2)."""

    error: str = Field(description="The error code, for programs. Expect new values.")
    error_description: str = Field(description="What is wrong and what to do, for people.")


def render(problem: Problem, _request_id: str) -> Response:
    """Return the response to a problem as an OAuth error.

    The error code is `invalid_request` if the request is wrong, `temporarily_unavailable` if the client can repeat it
    later, and otherwise `server_error`.
    """
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR or problem.status == HTTPStatus.TOO_MANY_REQUESTS:
        error = "temporarily_unavailable" if problem.status in _RETRY_LATER else "server_error"
    else:
        error = "invalid_request"
    is_invalid = problem.status == HTTPStatus.UNPROCESSABLE_ENTITY
    faults: list[Mapping[str, str]] = problem.members.get("errors", []) if is_invalid else []
    parts = [f"{fault['pointer'].removeprefix('/')}: {fault['message']}" for fault in faults] or [problem.detail]
    if problem.status in _RETRY_LATER:
        parts = [_WAIT]
    description = _LEFT_OUT.sub("", " ".join(parts))
    response = OAuthError(error, description, 400 if is_invalid else problem.status).response()
    response.headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    return response


OAUTH: Final = Dialect("/oauth", render, frozenset({FORM}))


class OAuthRoute(SecretRoute):
    """A route below `/oauth`: errors are OAuth errors, and responses are never compressed."""

    dialect = OAUTH


def oauth_errors() -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses` for an operation below `/oauth`.

    A request that the server refuses before it finds the route gets a problem document instead.
    """
    descriptions = {
        400: "`invalid_request`, `unsupported_grant_type` or `invalid_scope`.",
        401: "`invalid_client`: the assertion does not authenticate the client.",
        413: "`invalid_request`: the body is too large.",
        415: "`invalid_request`: the body is not a form.",
        429: "`temporarily_unavailable`: too many requests.",
        503: "`temporarily_unavailable`: the server is overloaded, or its database did not respond.",
        507: "`server_error`: the server cannot store anything.",
    }
    problem = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: dict[int | str, dict[str, Any]] = {414: problems()[414]}
    for status, description in descriptions.items():
        content = problem if status in {400, 503} else {}
        found[status] = {"model": TokenError, "description": description, "content": content}
    return found
