"""Below a path: the API behind a proxy that serves it as /afterglow, whether or not the proxy removes that from paths."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.conftest import Servers
from tests.drafts import draft_of, resource_of
from tests.hostile.raw import RawConnection
from tests.serving import Person, Server, listening

ROOT = "/afterglow"
PATHS = ("/v1/me", "/livez", "/openapi.json", "/docs", "/problems/not-found")


@pytest.fixture(params=["", ROOT], ids=["prefix removed", "prefix kept"])
def prefix(request: pytest.FixtureRequest) -> str:
    """The prefix of the paths that reach the server."""
    return str(request.param)


@pytest.fixture
def below(servers: Servers) -> Iterator[Server]:
    server = servers.shared("sqlite", root_path=ROOT)
    yield server
    server.end_test()


@pytest.fixture
def carol(below: Server) -> Person:
    return below.person("carol")


def headers_of(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_found(below: Server, carol: Person, prefix: str, path: str) -> None:
    assert httpx.get(below.url + prefix + path, headers=headers_of(carol)).status_code == 200


def test_a_location_is_below_the_root_path(below: Server, carol: Person, prefix: str) -> None:
    draft = draft_of(resource_of("sessions"))
    created = httpx.post(f"{below.url}{prefix}/v1/sessions", headers=headers_of(carol), json=draft)
    assert created.headers["location"] == f"{ROOT}/v1/sessions/{draft['id']}"


@pytest.mark.parametrize("path", ["/v1/me", "/wisteria"])
def test_the_type_of_a_problem_is_below_the_root_path(below: Server, prefix: str, path: str) -> None:
    problem = httpx.get(below.url + prefix + path).json()
    assert problem["type"] == f"{ROOT}/problems/{problem['code']}"
    explained = httpx.get(below.url + prefix + problem["type"].removeprefix(ROOT)).json()
    assert explained["type"] == problem["type"]


def test_the_type_of_a_problem_of_the_protocol_is_below_the_root_path(below: Server) -> None:
    with RawConnection(below.address) as connection:
        assert json.loads(connection.request("GET", "/#").body)["type"] == f"{ROOT}/problems/malformed-request"


def test_the_type_of_a_problem_in_a_result_of_a_push_is_below_the_root_path(below: Server, carol: Person) -> None:
    draft = draft_of(resource_of("sessions"))
    op = {"op": "upsert", "collection": "sessions", "id": draft["id"], "set": {"title": "w" * 201}}
    pushed = httpx.post(f"{below.url}/v1/sync/push", headers=headers_of(carol), json={"ops": [op]}).json()
    assert pushed["results"][0]["error"]["type"] == f"{ROOT}/problems/validation"


def test_the_document_names_the_root_path_as_its_server(below: Server, prefix: str) -> None:
    document = httpx.get(f"{below.url}{prefix}/openapi.json").json()
    assert [server["url"] for server in document["servers"]] == [ROOT]


@pytest.mark.parametrize(
    "path", [f"{ROOT}wisteria/livez", f"{ROOT}/wisteria", f"/wisteria{ROOT}/livez", f"{ROOT}//livez"]
)
def test_a_path_that_only_begins_like_the_root_path_is_not_found(below: Server, path: str) -> None:
    assert httpx.get(below.url + path).status_code == 404


@contextmanager
def uvicorn_below(root_path: str, settings: Settings) -> Iterator[str]:
    """Serve as `uvicorn --root-path` does: it puts the root path in front of every path."""
    with listening(create_app(settings), root_path=root_path) as (url, loop):
        assert isinstance(loop, asyncio.AbstractEventLoop)
        yield url


@pytest.mark.parametrize("root_path", [ROOT, f"{ROOT}/", "afterglow"])
def test_the_root_path_of_uvicorn_is_taken(servers: Servers, root_path: str) -> None:
    with uvicorn_below(root_path, servers.settings("sqlite")) as url:
        assert httpx.get(f"{url}/livez").status_code == 200
        assert httpx.get(f"{url}/v1/me").json()["type"] == f"{ROOT}/problems/not-signed-in"
        assert httpx.get(f"{url}/openapi.json").json()["servers"][0]["url"] == ROOT
