"""The OpenAPI document: what FastAPI finds in the routes, and what it cannot know.

A route declares the problems that are its own with `problems(NotFound, Outdated)`; those that any request can meet are
added. Shapes carry their examples, and an operation shows those of its body and its answer; the tests send them.
"""

from collections import defaultdict
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from app.problems import (
    BodyTooLarge,
    Invalid,
    MalformedBody,
    MalformedQuery,
    NotSignedIn,
    Problem,
    StorageFull,
    Unavailable,
    UnsupportedMediaType,
    UrlTooLong,
)

Json = dict[str, Any]
_PROBLEM_JSON: Final = "application/problem+json"
_MERGE_PATCH: Final = "application/merge-patch+json"
_ID: Final = "019aa2c4-7b00-7000-8000-00000000a110"


class FaultDocument(BaseModel):
    """One thing that was wrong with the request."""

    pointer: str = Field(description="Where: a JSON pointer (RFC 6901) into the body, or `/` and a parameter's name.")
    code: str = Field(description="Which rule was broken.")
    message: str = Field(description="What would be right, for a person to read.")


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457). Every error has this form; some kinds add a member."""

    type: str = Field(description="A relative address that explains this kind of problem.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, for a person to read. Never what was sent.")
    code: str = Field(description="The kind of problem, for programs.")
    request_id: str = Field(description="The request's id, as in the header X-Request-Id and in the log.")
    errors: list[FaultDocument] = Field([], description="With 422: everything that was wrong.")
    known: list[str] = Field([], description="With 422 for a parameter: the parameters that there are.")
    allowed: list[str] = Field([], description="With `invalid-transition`: where the status can go.")
    current: dict[str, Any] = Field({}, description="With `outdated`: the record as it stands.")
    limit: int = Field(0, description="With `body-too-large`: the most bytes.")


def problems(
    *kinds: type[Problem], signed_in: bool = False, body: bool = False, writes: bool = False
) -> dict[int | str, Json]:
    """Return FastAPI's `responses` for an operation that can meet these problems, besides those that any can."""
    every: set[type[Problem]] = {MalformedQuery, UrlTooLong, Invalid, Unavailable, *kinds}
    every |= {NotSignedIn} if signed_in else set()
    every |= {MalformedBody, BodyTooLarge, UnsupportedMediaType} if body else set()
    every |= {StorageFull} if body or writes else set()
    by_status: defaultdict[int, list[type[Problem]]] = defaultdict(list)
    for kind in sorted(every, key=lambda kind: (kind.status, kind.code)):
        by_status[kind.status].append(kind)
    return {status: _response(found) for status, found in by_status.items()}


def _response(kinds: list[type[Problem]]) -> Json:
    examples = {kind.code: {"summary": kind.title(), "value": kind().document(_ID)} for kind in kinds}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": " ".join(f"`{kind.code}`: {kind.title()}." for kind in kinds),
        "content": {_PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }


def document(app: FastAPI) -> Json:
    """Return the OpenAPI document of the application's routes."""
    found: Json = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        summary=app.summary,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
        tags=app.openapi_tags,
        servers=[{"url": "/"}],
        separate_input_output_schemas=False,
    )
    schemas: Json = found["components"]["schemas"]
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {"Fault": problem.pop("$defs")["FaultDocument"], "Problem": problem}
    problem["properties"]["errors"]["items"] = {"$ref": "#/components/schemas/Fault"}
    for name in sorted(schemas):
        _without_titles(schemas[name])
        schemas[name] = schemas.pop(name)
    for path in found["paths"].values():
        for method, operation in path.items():
            _complete(method, operation, schemas)
    return found


def _without_titles(schema: Json) -> None:
    """Take away the titles that Pydantic makes of names, and the defaults of a problem's optional members."""
    schema.pop("title", None)
    for member in schema.get("properties", {}).values():
        member.pop("title", None)


def _complete(method: str, operation: Json, schemas: Json) -> None:
    for parameter in operation.get("parameters", []):
        parameter["schema"].pop("title", None)
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for part in (*bodies, *operation["responses"].values()):
        for media_type, content in part.get("content", {}).items():
            example = _example(content["schema"], schemas)
            if example is not None and media_type != _PROBLEM_JSON:
                content["example"] = example
    if method == "patch":
        content = operation["requestBody"]["content"]
        content[_MERGE_PATCH] = content["application/json"]


def _example(schema: Json, schemas: Json) -> Any:
    examples = schemas.get(schema.get("$ref", "").rpartition("/")[2], {}).get("examples", [None])
    return examples[0]
