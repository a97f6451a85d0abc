"""The dialect of all paths below `/fhir`: resources are FHIR JSON, and errors are OperationOutcomes."""

from collections.abc import Iterable
from typing import Final

from starlette.responses import JSONResponse

from app import json_strict
from app.fhir.outcomes import outcome_of
from app.http import Dialect, Response, Route
from app.http.response import Header
from app.openapi import Json
from app.problems import Problem

PREFIX: Final = "/fhir"
MEDIA_TYPE: Final = "application/fhir+json"
JSON_TYPES: Final = frozenset({MEDIA_TYPE, "application/json"})
"""The media types of a request body with a resource."""


def fhir_response(resource: Json, status: int = 200, headers: Iterable[Header] = ()) -> Response:
    """Return a response whose body is a resource."""
    return Response(status, json_strict.dump(resource), [(b"content-type", MEDIA_TYPE.encode()), *headers])


def render(problem: Problem, request_id: str) -> Response:
    """Return the response to a problem: an OperationOutcome, with the problem's status and headers."""
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    return fhir_response(outcome_of(problem, request_id), problem.status, headers)


FHIR: Final = Dialect(PREFIX, render, JSON_TYPES)


class FhirRoute(Route):
    """A route below `/fhir`, whose errors are OperationOutcomes."""

    dialect = FHIR


class FhirDocument(JSONResponse):
    """A response class that only documents the media type of resources in the OpenAPI document."""

    media_type = MEDIA_TYPE
