"""The router: literal segments and parameters at any place of a path, one form of each path, and a true Allow."""

import pytest
from fastapi import APIRouter

from app.http import Response, Route
from app.http.router import RouteTable
from app.ids import Id

ID = "019aa2c4-7b00-7000-8000-00000000beef"


def table(*paths: str) -> RouteTable:
    """Return the table of routes; a path may begin with a method."""
    router = APIRouter(route_class=Route)

    async def with_id(id: Id) -> Response:
        return Response(200, str(id).encode())

    async def without() -> Response:
        return Response(200)

    for each in paths:
        method, _, path = each.rpartition(" ")
        router.add_api_route(
            path, with_id if "{id" in path else without, methods=[method or "GET"], response_model=None
        )
    return RouteTable(router.routes)


PATHS = (
    "/",
    "/v1/sessions",
    "POST /v1/sessions",
    "/v1/sessions/{id:id}",
    "PATCH /v1/sessions/{id:id}",
    "/v1/sessions/{id:id}/history",
    "/v1/sessions/latest",
    "/v1/sessions/{id:id}/notes/{name}",
    "/fhir/Patient/{id:id}/$everything",
)
FOUND = [
    ("/", {"GET"}),
    ("/v1/sessions", {"GET", "POST"}),
    (f"/v1/sessions/{ID}", {"GET", "PATCH"}),
    (f"/v1/sessions/{ID.upper()}", {"GET", "PATCH"}),
    (f"/v1/sessions/{ID}/history", {"GET"}),
    ("/v1/sessions/latest", {"GET"}),
    (f"/v1/sessions/{ID}/notes/{ID}", {"GET"}),
    (f"/fhir/Patient/{ID}/$everything", {"GET"}),
]
UNKNOWN = [
    "",
    "*",
    "//",
    "/v1",
    "/v1/",
    "/v1/sessions/",
    "//v1/sessions",
    "/v1//sessions",
    "/v1/sessions/wisteria",
    f"/v1/sessions/{ID}/",
    f"/v1/sessions/{ID}//history",
    f"/v1/sessions/{ID}/history/",
    f"/v1/sessions/{ID}/{ID}",
    "/v1/sessions/latest/history",
    f"/v1/sessions/{ID}/notes",
    f"/v1/sessions/{ID}/notes/",
    f"/v1/sessions/{ID}/notes/a/b",
    "/fhir/Patient",
    f"/fhir/Patient/{ID}",
    "v1/sessions",
]


@pytest.mark.parametrize(("path", "methods"), FOUND, ids=lambda part: part if isinstance(part, str) else "")
def test_a_path_leads_to_its_routes(path: str, methods: set[str]) -> None:
    routes, values = table(*PATHS).find(path)
    assert set(routes) == methods
    assert [str(value) for value in values.values()] == [ID] * path.lower().count(ID)


@pytest.mark.parametrize("path", UNKNOWN)
def test_any_other_path_leads_nowhere(path: str) -> None:
    assert table(*PATHS).find(path)[0] == {}


REFUSED: dict[str, tuple[str, ...]] = {
    "two routes of one method and path": ("/a", "/a"),
    "two routes with a parameter": ("/a/{id:id}", "/a/{id:id}"),
    "two types of a parameter": ("/a/{id:id}", "/a/{id}/b"),
    "two names of a parameter": ("/a/{id:id}/b", "POST /a/{idea:id}/c"),
    "a parameter that is part of a segment": ("/a/{id}.json",),
    "two parameters in a segment": ("/a/{id}-{name}",),
    "a parameter of several segments": ("/a/{id:path}",),
}


@pytest.mark.parametrize("paths", REFUSED.values(), ids=REFUSED)
def test_routes_that_cannot_be_found_by_one_path_are_refused_at_the_start(paths: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="/a"):
        table(*paths)


def test_a_route_that_does_not_read_its_request_itself_is_refused_at_the_start() -> None:
    router = APIRouter()

    @router.get("/a")
    async def plain() -> None:
        """Be a route of FastAPI's own."""

    with pytest.raises(TypeError, match="/a"):
        RouteTable(router.routes)


def test_parameters_of_different_types_may_follow_the_same_segment() -> None:
    found = table("/exports/{id:id}", "/exports/{number:int}/{id:id}")
    assert [set(found.find(path)[0]) for path in (f"/exports/{ID}", f"/exports/7/{ID}")] == [{"GET"}, {"GET"}]
    assert found.find(f"/exports/7/{ID}")[1]["number"] == 7
    assert [found.find(path)[0] for path in ("/exports/7", f"/exports/{ID}/{ID}", "/exports/wisteria")] == [{}] * 3
