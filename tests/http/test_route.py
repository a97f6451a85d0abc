"""A route answers alike, whether the switch finds it or FastAPI's own router does."""

import pytest
from starlette.middleware import Middleware

from app.http import Front
from app.ids import new_id
from app.main import create_app
from tests.serving import Person, Server, listening
from tests.witness import Client

ASSIGNED = {"date", "x-request-id"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/livez"),
        ("GET", "/v1/me"),
        ("GET", "/v1/sessions"),
        ("GET", "/problems/outdated"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/v1/auth/devices"),
    ],
)
def test_both_ways_give_the_same_bytes(server: Server, alice: Person, method: str, path: str) -> None:
    app = create_app(server.settings)
    app.user_middleware = [Middleware(Front, https_only=False)]
    by_switch = alice.client.request(method, path)
    with listening(app) as (url, _), Client(url, alice.token) as client:
        by_router = client.request(method, path)
    assert by_router.content == by_switch.content
    assert by_router.status_code == by_switch.status_code
    assert {k: v for k, v in by_router.headers.items() if k not in ASSIGNED} == {
        k: v for k, v in by_switch.headers.items() if k not in ASSIGNED
    }


def test_an_address_can_be_made_from_an_id(server: Server) -> None:
    id = new_id()
    assert create_app(server.settings).url_path_for("get_session", id=id) == f"/v1/sessions/{id}"
