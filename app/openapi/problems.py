"""Problems in the OpenAPI document: their schemas, an example of each kind, and the error responses of operations."""

from collections import defaultdict
from typing import Annotated, Any, Final, Literal

from pydantic import MISSING, BaseModel, Field

from app.openapi.examples import Json
from app.problems import (
    BodyTooLarge,
    FaultCode,
    Forbidden,
    Invalid,
    MalformedBody,
    MalformedQuery,
    NotSignedIn,
    Problem,
    Quota,
    StorageFull,
    Unavailable,
    UnsupportedMediaType,
    UrlTooLong,
    kinds,
)

PROBLEM_JSON: Final = "application/problem+json"
_ID: Final = "019aa2c4-7b00-7000-8000-00000000a110"


HttpStatus = Annotated[int, Field(ge=100, le=599)]
Size = Annotated[int, Field(ge=0, le=2**31 - 1)]
Amount = Annotated[int, Field(ge=0, lt=2**53)]


def _with_every_code(schema: Json) -> None:
    schema["enum"] = sorted(kind.code for kind in kinds())


class Fault(BaseModel, defer_build=True):
    """One error in the request."""

    pointer: str = Field(
        description="The position of the error: a JSON pointer (RFC 6901) into the body, or `/` and a parameter's name."
    )
    code: FaultCode = Field(description="The code of the broken rule, for programs. Expect new values.")
    message: str = Field(description="Advice for people: what to send instead.")


class Resync(BaseModel, defer_build=True):
    """How to replace the client's local copy after its cursor has expired."""

    since: Any = Field(description="The `since` of the next pull: the number 0, or the string `0` for a clinic.")
    mode: Literal["replace"] = Field(description="`replace`: delete the local records that the pull did not return.")
    kept_through: Annotated[int, Field(ge=1, lt=2**53)] | MISSING | None = Field(
        MISSING,
        description="With the reason `restored`: the newest version that the server still has, or null. Before the "
        "pull, push each record with a greater version again.",
    )


class _Problem(BaseModel, defer_build=True):
    type: str = Field(description="A relative URL that explains this kind of problem.")
    title: str = Field(description="The kind of problem, in a few words.")
    status: HttpStatus = Field(description="The HTTP status.")
    detail: str = Field(description="What happened and what to do, for people. It never repeats the input.")
    code: str = Field(
        description="The kind of problem, for programs. Expect new values.", json_schema_extra=_with_every_code
    )


class OpProblem(_Problem, defer_build=True):
    """The reason why one operation of a push was rejected: a problem without a request id."""

    errors: list[Fault] | MISSING = Field(
        MISSING, description="With 422 or 424: all errors. Their pointers refer to the record or to the operation."
    )
    allowed: list[str] | MISSING = Field(
        MISSING, description="With `invalid-transition`: the statuses that the record can change to."
    )
    quota: Quota | MISSING = Field(MISSING, description="With `quota-exceeded`: the exceeded quota. Expect new values.")
    limit: Amount | MISSING = Field(MISSING, description="With `quota-exceeded`: the account's maximum.")
    used: Amount | MISSING = Field(MISSING, description="With `quota-exceeded`: the amount that the account uses.")
    retryable: bool | MISSING = Field(MISSING, description="Whether to push the operation again later.")
    reason: Literal["expired", "restored"] | MISSING = Field(
        MISSING, description="With `cursor-expired`: why the cursor is not valid any more. Expect new values."
    )
    resync: Resync | MISSING = Field(MISSING, description="With `cursor-expired`: how to resynchronise.")


class ProblemDocument(_Problem, defer_build=True):
    """A problem document (RFC 9457). Every error has this form; some kinds add members."""

    request_id: str = Field(description="The id of the request, as in the header X-Request-Id and in the server's log.")
    errors: list[Fault] | MISSING = Field(
        MISSING, description="With 422: all errors. With `locked`: the fields that cannot be changed."
    )
    known: list[str] | MISSING = Field(MISSING, description="With 422 for a query parameter: the known parameters.")
    allowed: list[str] | MISSING = Field(
        MISSING, description="With `invalid-transition`: the statuses that the record can change to."
    )
    current: dict[str, Any] | MISSING = Field(MISSING, description="With `outdated`: the current record.")
    limit: Amount | MISSING = Field(
        MISSING,
        description="With `body-too-large`: the maximum size in bytes. With `quota-exceeded`: the account's maximum.",
    )
    quota: Quota | MISSING = Field(MISSING, description="With `quota-exceeded`: the exceeded quota. Expect new values.")
    used: Amount | MISSING = Field(MISSING, description="With `quota-exceeded`: the amount that the account uses.")
    limits: dict[str, Size] | MISSING = Field(
        MISSING, description="With `too-many-ops`: the maximum number of operations and bytes of a push."
    )
    reason: Literal["expired", "restored"] | MISSING = Field(
        MISSING,
        description="With `cursor-expired`: `expired`, or `restored` if the database was restored from a backup. "
        "Expect new values.",
    )
    resync: Resync | MISSING = Field(MISSING, description="With `cursor-expired`: how to resynchronise.")
    head: Annotated[int, Field(ge=0, lt=2**53)] | MISSING = Field(
        MISSING, description="With `batch-refused`: the newest version of the feed."
    )
    results: list[Any] | MISSING = Field(
        MISSING, description="With `batch-refused`: the result of each operation, as in `SyncResults`."
    )
    ticket: str | MISSING = Field(
        MISSING,
        description="With `second-factor-required`: the ticket to send with a code to `POST /v1/auth/second-factor`.",
    )
    expires_in: Size | MISSING = Field(
        MISSING, description="With `second-factor-required`: the number of seconds for which the ticket is valid."
    )
    setup: bool | MISSING = Field(
        MISSING, description="With `second-factor-required`: whether the second factor has to be set up first."
    )
    cause: str | MISSING = Field(MISSING, description="With `/readyz`: why the server is not ready. Expect new values.")
    sqlstate: str | MISSING = Field(MISSING, description="With `/readyz`: PostgreSQL's error code, if there is one.")


def problems(
    *kinds: type[Problem], signed_in: bool = False, body: bool = False, writes: bool = False
) -> dict[int | str, Json]:
    """Return FastAPI's `responses` for an operation: the given problems, and the problems that every operation has.

    `signed_in`, `body` and `writes` add the problems of operations that need an access token, have a body, or write.
    """
    every: set[type[Problem]] = {MalformedQuery, UrlTooLong, Invalid, Unavailable, *kinds}
    every |= {NotSignedIn, Forbidden} if signed_in else set()
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
    """Return the schema of problem documents, and the schemas that it refers to, by name."""
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**problem.pop("$defs"), "Problem": problem}


def problem_examples() -> Json:
    """Return an example of each kind of problem, by code."""
    return {
        kind.code: {"summary": kind.title(), "value": kind.example().document(_ID)}
        for kind in sorted(kinds(), key=lambda kind: kind.code)
    }
