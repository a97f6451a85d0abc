"""Health: whether the process lives, whether it can serve, and what each kind of problem means."""

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
        "type": f"/problems/{kind.code}",
        "title": kind.title(),
        "status": kind.status,
        "code": kind.code,
        "explanation": kind.explanation(),
    }


class Health(BaseModel, defer_build=True, json_schema_extra=example({"status": "ok"})):
    """How the server is."""

    status: str = Field(description="Always `ok`: anything else is a problem.")


class ProblemKind(BaseModel, defer_build=True, json_schema_extra=example(_explained(NotFound))):
    """What a kind of problem means."""

    type: str = Field(description="Its address, the `type` of every problem of the kind.")
    title: str = Field(description="The kind in a few words.")
    status: HttpStatus = Field(description="The HTTP status it comes with.")
    code: str = Field(description="Its code.")
    explanation: str = Field(description="What it means, and what to do.")


@router.get("/livez", response_model=Health, responses=problems(), summary="Check that the server lives")
async def livez() -> Response:
    """Ask whether the process answers at all. It never touches the database."""
    return json_response({"status": "ok"})


@router.get(
    "/readyz", response_model=Health, responses=problems(writes=True), summary="Check that the server can serve"
)
async def readyz(services: TheServices) -> Response:
    """Ask whether the server can serve: its database answers, the schema is the newest, the disk takes writes.

    A server that was asked to stop is not ready from then on; it still answers for a few seconds.
    """
    if services.limiter.draining.is_set() or await services.db.check_health() != HEAD:
        raise Unavailable
    return json_response({"status": "ok"})


@router.get(
    "/problems/{code}", response_model=ProblemKind, responses=problems(NotFound), summary="Explain a kind of problem"
)
async def get_problem(code: str) -> Response:
    """Read what a kind of problem means. Every problem's `type` leads here."""
    kind = next((each for each in kinds() if each.code == code), None)
    if kind is None:
        raise NotFound
    return json_response(_explained(kind), headers=_PUBLIC)
