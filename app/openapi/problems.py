"""Problems in the document: their shape, once; an example of each kind, once; and who can meet which."""

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
    """One thing that was wrong with the request."""

    pointer: str = Field(description="Where: a JSON pointer (RFC 6901) into the body, or `/` and a parameter's name.")
    code: str = Field(description="Which rule was broken.")
    message: str = Field(description="What would be right, for a person to read.")


class ProblemDocument(BaseModel, defer_build=True):
    """What went wrong (RFC 9457). Every error has this form; some kinds add a member."""

    type: str = Field(description="A relative address that explains this kind of problem.")
    title: str = Field(description="The kind of problem in a few words.")
    status: HttpStatus = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, for a person to read. Never what was sent.")
    code: str = Field(description="The kind of problem, for programs. Expect new values.")
    request_id: str = Field(description="The request's id, as in the header X-Request-Id and in the log.")
    errors: list[Fault] = Field([], description="With 422: everything that was wrong.")
    known: list[str] = Field([], description="With 422 for a parameter: the parameters that there are.")
    allowed: list[str] = Field([], description="With `invalid-transition`: where the status can go.")
    current: dict[str, Any] = Field({}, description="With `outdated`: the record as it stands.")
    limit: int = Field(0, ge=0, le=2**31 - 1, description="With `body-too-large`: the most bytes.")
    limits: dict[str, Annotated[int, Field(ge=0, le=2**31 - 1)]] = Field(
        {}, description="With `too-many-ops`: the most operations and bytes of a push."
    )
    reason: str = Field("", description="With `cursor-expired`: `expired`, or `restored` from a backup.")
    resync: dict[str, Any] = Field({}, description="With `cursor-expired`: how to come to a common state again.")
    head: int = Field(0, ge=0, lt=2**53, description="With `batch-refused`: the newest version of the feed.")
    results: list[Any] = Field([], description="With `batch-refused`: what would have become of each operation.")


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
    examples = {kind.code: {"$ref": f"#/components/examples/{kind.code}"} for kind in kinds}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": " ".join(f"`{kind.code}`: {kind.title()}." for kind in kinds),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }


def problem_schemas() -> Json:
    """Return the schemas of a problem: members that only some kinds have are optional, without a default."""
    problem = ProblemDocument.model_json_schema()
    problem["properties"]["errors"]["items"] = {"$ref": "#/components/schemas/Fault"}
    for member in problem["properties"].values():
        member.pop("default", None)
    problem["properties"]["code"]["enum"] = sorted(kind.code for kind in kinds())
    return {"Fault": problem.pop("$defs")["Fault"], "Problem": problem}


def problem_examples() -> Json:
    """Return one problem of each kind."""
    return {
        kind.code: {"summary": kind.title(), "value": kind.shown().document(_ID)}
        for kind in sorted(kinds(), key=lambda kind: kind.code)
    }
