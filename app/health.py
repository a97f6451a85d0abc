"""Routes for health checks and for explanations of problems."""

from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.db.readiness import find_failure
from app.http import Response, Route, json_response
from app.openapi import example, problems
from app.openapi.problems import HttpStatus
from app.problems import Failure, NotFound, Problem, Unavailable, kinds
from app.services import TheServices

router = APIRouter(tags=["Server"], route_class=Route)
_DRAINING: Final = Failure("draining", "the server is shutting down: send requests to another one")
_PUBLIC: Final = [(b"cache-control", b"public, max-age=3600")]


def _explained(kind: type[Problem]) -> dict[str, object]:
    return {
        "type": kind.type_url(),
        "title": kind.title(),
        "status": kind.status,
        "code": kind.code,
        "explanation": kind.explanation(),
    }


class Health(BaseModel, defer_build=True, json_schema_extra=example({"status": "ok"})):
    """The state of the server."""

    status: str = Field(description="Always `ok`: any other state is a problem.")


class ProblemKind(BaseModel, defer_build=True, json_schema_extra=example(_explained(NotFound))):
    """The explanation of a kind of problem."""

    type: str = Field(description="The relative URL that is the `type` of every problem of this kind.")
    title: str = Field(description="The kind of problem, in a few words.")
    status: HttpStatus = Field(description="The HTTP status.")
    code: str = Field(description="The code of this kind of problem.")
    explanation: str = Field(description="The meaning of the problem, and what to do about it.")


@router.get("/livez", response_model=Health, responses=problems(), summary="Check liveness")
async def livez() -> Response:
    """Return `ok` if the process responds. This check never uses the database."""
    return json_response({"status": "ok"})


@router.get("/readyz", response_model=Health, responses=problems(writes=True), summary="Check readiness")
async def readyz(services: TheServices) -> Response:
    """Return `ok` if the server can serve requests: its database responds and is writable, and the schema is current.

    A server that is shutting down is not ready, but still answers requests for a few seconds. If the server is not
    ready, the problem's `cause` is a code for the reason, such as `not-migrated`, `read-only`, `storage-full`,
    `refused` or `draining`, and its `detail` says what the operator can do.
    """
    failure = _DRAINING if services.limiter.draining.is_set() else await find_failure(services.db)
    if failure is not None:
        detail = f"{failure.message[0].upper()}{failure.message[1:]}."
        sqlstate = {"sqlstate": failure.sqlstate} if failure.sqlstate else {}
        raise Unavailable(detail, None, cause=failure.reason, **sqlstate)
    return json_response({"status": "ok"})


@router.get("/problems/{code}", response_model=ProblemKind, responses=problems(NotFound), summary="Explain a problem")
async def get_problem(code: str) -> Response:
    """Return the explanation of a kind of problem. The `type` of every problem is the URL of this explanation."""
    kind = next((each for each in kinds() if each.code == code), None)
    if kind is None:
        raise NotFound
    return json_response(_explained(kind), headers=_PUBLIC)
