"""Problems in the OpenAPI document: their schema, an example of each kind, and the responses of an operation."""

from collections import defaultdict
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from app.openapi.examples import Json
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
    kinds,
)

PROBLEM_JSON: Final = "application/problem+json"
_ID: Final = "019aa2c4-7b00-7000-8000-00000000a110"


HttpStatus = Annotated[int, Field(ge=100, le=599)]


class Fault(BaseModel, defer_build=True):
    """One error in the request."""

    pointer: str = Field(
        description="Where: a JSON pointer (RFC 6901) into the body, or `/` and the name of a parameter."
    )
    code: str = Field(description="The broken rule, for programs. Expect new values.")
    message: str = Field(description="What to send instead, for people.")


class ProblemDocument(BaseModel, defer_build=True):
    """A problem document (RFC 9457). Every error has this form; some kinds add members."""

    type: str = Field(description="A relative URL that explains this kind of problem.")
    title: str = Field(description="The kind of problem, in a few words.")
    status: HttpStatus = Field(description="The HTTP status.")
    detail: str = Field(description="What happened and what to do, for people. It never repeats the input.")
    code: str = Field(description="The kind of problem, for programs. Expect new values.")
    request_id: str = Field(description="The id of the request, as in the header X-Request-Id and in the server's log.")
    errors: list[Fault] = Field([], description="With 422: all errors.")
    known: list[str] = Field([], description="With 422 for a query parameter: the known parameters.")
    allowed: list[str] = Field([], description="With `invalid-transition`: the statuses that the record can change to.")
    current: dict[str, Any] = Field({}, description="With `outdated`: the present record.")
    limit: int = Field(0, ge=0, le=2**31 - 1, description="With `body-too-large`: the maximum size in bytes.")
    limits: dict[str, Annotated[int, Field(ge=0, le=2**31 - 1)]] = Field(
        {}, description="With `too-many-ops`: the maximum number of operations and bytes of a push."
    )
    reason: str = Field("", description="With `cursor-expired`: `expired`, or `restored` from a backup.")
    resync: dict[str, Any] = Field({}, description="With `cursor-expired`: how to resynchronise.")
    head: int = Field(0, ge=0, lt=2**53, description="With `batch-refused`: the newest version of the feed.")
    results: list[Any] = Field([], description="With `batch-refused`: the result of each operation.")


def problems(
    *kinds: type[Problem], signed_in: bool = False, body: bool = False, writes: bool = False
) -> dict[int | str, Json]:
    """Return FastAPI's `responses` for an operation with these problems, and those that every operation has."""
    every: set[type[Problem]] = {MalformedQuery, UrlTooLong, Invalid, Unavailable, *kinds}
    every |= {NotSignedIn} if signed_in else set()
    every |= {MalformedBody, BodyTooLarge, UnsupportedMediaType} if body else set()
    every |= {StorageFull} if body or writes else set()
    by_status: defaultdict[int, list[type[Problem]]] = defaultdict(list)
    for kind in sorted(every, key=lambda kind: (kind.status, kind.code)):
        by_status[kind.status].append(kind)
    return {status: _response(found) for status, found in by_status.items()}


def _response(kinds: list[type[Problem]]) -> Json:
    examples = {kind.code: {"$ref": f"#/components/examples/{kind.code}"} for kind in kinds}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": " ".join(f"`{kind.code}`: {kind.title()}." for kind in kinds),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }


def problem_schemas() -> Json:
    """Return the schemas of problems. Members that only some kinds have are optional, without a default."""
    problem = ProblemDocument.model_json_schema()
    problem["properties"]["errors"]["items"] = {"$ref": "#/components/schemas/Fault"}
    for member in problem["properties"].values():
        member.pop("default", None)
    problem["properties"]["code"]["enum"] = sorted(kind.code for kind in kinds())
    return {"Fault": problem.pop("$defs")["Fault"], "Problem": problem}


def problem_examples() -> Json:
    """Return an example of each kind of problem."""
    return {
        kind.code: {"summary": kind.title(), "value": kind.shown().document(_ID)}
        for kind in sorted(kinds(), key=lambda kind: kind.code)
    }
