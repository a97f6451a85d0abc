"""Health checks, and the explanations of problems."""

from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.db.schema import HEAD
from app.http import Response, Route, json_response
from app.openapi import example, problems
from app.openapi.problems import HttpStatus
from app.problems import NotFound, Problem, Unavailable, kinds
from app.services import TheServices

router = APIRouter(tags=["Server"], route_class=Route)
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
    """A kind of problem, explained."""

    type: str = Field(description="The relative URL that is the `type` of every problem of this kind.")
    title: str = Field(description="The kind of problem, in a few words.")
    status: HttpStatus = Field(description="The HTTP status.")
    code: str = Field(description="The code of the kind.")
    explanation: str = Field(description="What it means and what to do.")


@router.get("/livez", response_model=Health, responses=problems(), summary="Check liveness")
async def livez() -> Response:
    """Return `ok` if the process responds. It never uses the database."""
    return json_response({"status": "ok"})


@router.get("/readyz", response_model=Health, responses=problems(writes=True), summary="Check readiness")
async def readyz(services: TheServices) -> Response:
    """Return `ok` if the server can serve: its database responds, the schema is current, and the disk is writable.

    A server that is shutting down is not ready; it still answers requests for a few seconds.
    """
    if services.limiter.draining.is_set() or await services.db.check_health() != HEAD:
        raise Unavailable
    return json_response({"status": "ok"})


@router.get("/problems/{code}", response_model=ProblemKind, responses=problems(NotFound), summary="Explain a problem")
async def get_problem(code: str) -> Response:
    """Return the meaning of a kind of problem. The `type` of every problem is the URL of this operation."""
    kind = next((each for each in kinds() if each.code == code), None)
    if kind is None:
        raise NotFound
    return json_response(_explained(kind), headers=_PUBLIC)
