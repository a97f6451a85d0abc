"""Who gets what: every operation, by every kind of caller, on every kind of object, from one table to be reviewed.

An operation of the document that has no row here fails the suite. What is refused to a caller is refused alike for each
object, byte for byte but for the request's id.
"""

from collections.abc import Callable

import httpx2 as httpx
import pytest

from app.identity.tables import Role
from app.ids import new_id
from app.resources import RESOURCES
from tests.drafts import draft_of, written
from tests.identity.tokens import Forge
from tests.serving import PASSWORD, Person, Server
from tests.witness import DOCUMENT

OPERATIONS = {
    operation["operationId"]: (method, path)
    for path, methods in DOCUMENT.content["paths"].items()
    for method, operation in methods.items()
}
ONES = [resource.collection.replace("-", "_").removesuffix("s") for resource in RESOURCES]
OPEN = {
    "register": 202,
    "verify": 401,
    "login": 401,
    "refresh_tokens": 401,
    "forgot_password": 202,
    "reset_password": 401,
    "get_public_keys": 200,
    "livez": 200,
    "readyz": 200,
    "get_problem": 200,
}
"""Anybody may ask; who asks makes no difference."""
SELF = {
    "logout": 204,
    "logout_all": 204,
    "list_devices": 200,
    "get_me": 200,
    "change_me": 200,
    "change_password": 204,
    "get_sync_state": 200,
    "pull_changes": 200,
    "push_changes": 200,
    **{f"create_{one}": 201 for one in ONES},
    **{f"list_{one}s": 200 for one in ONES},
}
"""Whoever is signed in may ask, and is answered for themselves."""
OWN = {
    "end_device": 204,
    **{f"get_{one}": 200 for one in ONES},
    **{f"change_{one}": 200 for one in ONES},
    **{f"remove_{one}": 204 for one in ONES},
}
"""Whoever is signed in may ask for what is their own; anything else is not there."""
BODIES = {
    "register": {"email": "wisteria.matrix@example.com", "password": PASSWORD},
    "verify": {"email": "wisteria.matrix@example.com", "code": "000000"},
    "login": {"email": "wisteria.matrix@example.com", "password": PASSWORD},
    "refresh_tokens": {"refresh_token": "wisteria"},
    "forgot_password": {"email": "wisteria.matrix@example.com"},
    "reset_password": {"email": "wisteria.matrix@example.com", "code": "WISTERIA00", "new": PASSWORD},
    "change_me": {"display_name": "wisteria"},
    "change_password": {"current": PASSWORD, "new": "wisteria over the door"},
    "push_changes": {"ops": []},
    **{f"change_{one}": {"visibility": "shared"} for one in ONES},
}


def aged(server: Server, person: Person) -> str:
    forge = Forge(server, person)
    return forge.signed(iat=forge.now - 1200, exp=forge.now - 600)


def ended(server: Server, person: Person) -> str:
    other = server.client()
    login = {"email": person.email, "password": PASSWORD}
    token: str = other.post("/v1/auth/login", json=login).json()["access_token"]
    assert other.post("/v1/auth/logout", headers={"Authorization": f"Bearer {token}"}).status_code == 204
    return token


REFUSED: dict[str, Callable[[Server, Person], str | None]] = {
    "anonymous": lambda _server, _person: None,
    "expired": aged,
    "ended device": ended,
    "wrong audience": lambda server, person: Forge(server, person).signed(aud="somebody-else"),
}


def ask(server: Server, token: str | None, name: str, id: str, body: object) -> httpx.Response:
    method, path = OPERATIONS[name]
    headers = (
        {"If-Match": "*", "X-Request-Id": "the-same"} if method in {"patch", "delete"} else {"X-Request-Id": "the-same"}
    )
    return server.client(token).request(
        method, path.format(id=id, code="not-found"), json=BODIES.get(name, body), headers=headers
    )


def body_of(name: str, person: Person) -> object:
    for one, resource in zip(ONES, RESOURCES, strict=True):
        if name == f"create_{one}":
            return draft_of(resource, person)
    return None


def object_of(name: str, person: Person) -> str:
    """Return the id of something that the person owns, for the operation to be asked for."""
    for one, resource in zip(ONES, RESOURCES, strict=True):
        if name.endswith(f"_{one}"):
            return str(written(person.client, resource, person)["id"])
    return str(person.client.get("/v1/auth/devices").json()["items"][0]["id"])


def removed_object_of(name: str, person: Person) -> str:
    """Return the id of something that the person owned once."""
    for one, resource in zip(ONES, RESOURCES, strict=True):
        if name.endswith(f"_{one}"):
            record = written(person.client, resource, person)
            address = f"/v1/{resource.collection}/{record['id']}"
            assert person.client.delete(address, headers={"If-Match": "*"}).status_code == 204
            return str(record["id"])
    tokens = person.client.post("/v1/auth/login", json={"email": person.email, "password": PASSWORD}).json()
    other = {"Authorization": f"Bearer {tokens['access_token']}"}
    device = next(
        each for each in person.client.get("/v1/auth/devices", headers=other).json()["items"] if each["current"]
    )
    assert person.client.delete(f"/v1/auth/devices/{device['id']}").status_code == 204
    return str(device["id"])


def test_every_operation_has_its_row() -> None:
    assert sorted([*OPEN, *SELF, *OWN]) == sorted(OPERATIONS)


@pytest.mark.parametrize("name", OPEN)
def test_an_open_operation_does_not_look_at_who_asks(server: Server, alice: Person, name: str) -> None:
    for token in (None, alice.token, *(make(server, alice) for make in REFUSED.values())):
        assert ask(server, token, name, str(new_id()), None).status_code == OPEN[name]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", [*SELF, *OWN])
def test_whoever_is_signed_in_has_what_is_their_own_and_nothing_else(
    server: Server, bob: Person, role: Role, name: str
) -> None:
    caller = server.person("alice", role=role)
    if name in SELF:
        assert ask(server, caller.token, name, "", body_of(name, caller)).status_code == SELF[name]
        return
    his, gone = object_of(name, bob), removed_object_of(name, caller)
    answers = [ask(server, caller.token, name, id, None) for id in (his, gone, str(new_id()))]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert ask(server, caller.token, name, object_of(name, caller), None).status_code == OWN[name]


@pytest.mark.parametrize("kind", REFUSED)
def test_who_is_not_signed_in_gets_one_answer_everywhere(server: Server, alice: Person, bob: Person, kind: str) -> None:
    token = REFUSED[kind](server, alice)
    seen = set()
    for name in (*SELF, *OWN):
        ids = [""] if name in SELF else [object_of(name, alice), object_of(name, bob), str(new_id())]
        for id in ids:
            answer = ask(server, token, name, id, body_of(name, alice))
            seen.add((answer.status_code, answer.content))
    assert [status for status, _ in seen] == [401]
