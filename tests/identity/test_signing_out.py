"""Signed-out devices: the next request is refused, also by another worker."""

from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest

from app.resources.intentions import INTENTIONS
from tests.drafts import create_record
from tests.identity.conftest import Cluster
from tests.serving import PASSWORD, Person, Server
from tests.witness import Client

NEW = "wisteria over the door"
ROUNDS = 3
MISSING = "019aa2c4-7b00-7000-8000-00000000beef"
"""The id of no record."""


def logout(client: Client, _person: Person, _server: Server) -> httpx.Response:
    return client.post("/v1/auth/logout")


def logout_all(client: Client, _person: Person, _server: Server) -> httpx.Response:
    return client.post("/v1/auth/logout-all")


def device_removal(client: Client, _person: Person, _server: Server) -> httpx.Response:
    device = client.get("/v1/auth/devices").json()["items"][0]["id"]
    return client.delete(f"/v1/auth/devices/{device}")


def password_change_elsewhere(client: Client, person: Person, _server: Server) -> httpx.Response:
    login = {"email": person.email, "password": PASSWORD}
    other = client.post("/v1/auth/login", json=login).json()["access_token"]
    change = {"current": PASSWORD, "new": NEW}
    return client.post("/v1/auth/password", json=change, headers={"Authorization": f"Bearer {other}"})


def password_reset(client: Client, person: Person, server: Server) -> httpx.Response:
    server.anyone.post("/v1/auth/password/forgot", json={"email": person.email})
    reset = {"email": person.email, "code": server.mailbox.code_to(person.email), "new": NEW}
    return client.post("/v1/auth/password/reset", json=reset)


def reuse_of_a_refresh_token(client: Client, person: Person, _server: Server) -> httpx.Response:
    token = person.tokens["refresh_token"]
    for _ in range(2):
        token = client.post("/v1/auth/refresh", json={"refresh_token": token}).json()["refresh_token"]
    client.post("/v1/auth/refresh", json={"refresh_token": person.tokens["refresh_token"]})
    return httpx.Response(204)


@pytest.mark.parametrize(
    "end",
    [logout, logout_all, device_removal, password_change_elsewhere, password_reset, reuse_of_a_refresh_token],
    ids=lambda end: end.__name__,
)
def test_a_signed_out_device_is_refused_by_every_worker(
    cluster: Cluster, end: Callable[[Client, Person, Server], httpx.Response]
) -> None:
    server, urls = cluster.server, cluster.urls
    for number in range(ROUNDS):
        person = server.person("alice")
        here, there = (Client(url, person.token) for url in (urls[number % 2], urls[1 - number % 2]))
        with here, there:
            assert {client.get("/v1/me").status_code for client in (here, there, here)} == {200}
            assert end(here, person, server).status_code == 204
            for path in ("/v1/intentions", "/v1/me"):
                assert [client.get(path).status_code for client in (there, here, there)] == [401, 401, 401]
            refresh = {"refresh_token": person.tokens["refresh_token"]}
            assert there.post("/v1/auth/refresh", json=refresh).status_code == 401


JSON = {"Content-Type": "application/json"}
CURRENT = {"If-Match": '"{version}"'}
REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a record": ("GET", "/{id}", {}),
    "the head of a record": ("HEAD", "/{id}", {"headers": {"If-None-Match": "*"}}),
    "a missing record": ("GET", f"/{MISSING}", {}),
    "a list": ("GET", "", {}),
    "a list with a filter": ("GET", "", {"params": {"session_id": MISSING}}),
    "a list with an unknown parameter": ("GET", "", {"params": {"wisteria": "1"}}),
    "a list from an invalid cursor": ("GET", "", {"params": {"cursor": "wisteria"}}),
    "a draft": ("POST", "", {"json": {"kind": "session", "statement": "wisteria"}}),
    "an incomplete draft": ("POST", "", {"json": {}}),
    "malformed JSON": ("POST", "", {"content": b"{", "headers": JSON}),
    "no media type": ("POST", "", {"content": b"wisteria"}),
    "a patch without a version": ("PATCH", "/{id}", {"json": {"why": "wisteria"}}),
    "a patch": ("PATCH", "/{id}", {"json": {"why": "wisteria"}, "headers": CURRENT}),
    "a patch of a missing record": ("PATCH", f"/{MISSING}", {"json": {}, "headers": CURRENT}),
    "a removal without a version": ("DELETE", "/{id}", {}),
    "a removal": ("DELETE", "/{id}", {"headers": CURRENT}),
}


@pytest.mark.parametrize(("method", "path", "parts"), REQUESTS.values(), ids=REQUESTS)
def test_a_signed_out_device_gets_401_for_every_request(
    server: Server, alice: Person, *, method: str, path: str, parts: dict[str, Any]
) -> None:
    """Also if the object is missing, malformed or outdated; and nothing is written."""
    record, tablet = create_record(alice.client, INTENTIONS, alice), server.on_another_device(alice)
    assert alice.client.post("/v1/auth/logout").status_code == 204
    headers = {name: value.format_map(record) for name, value in parts.get("headers", {}).items()}
    url = INTENTIONS.path + path.format_map(record)
    assert alice.client.request(method, url, **parts | {"headers": headers}).status_code == 401
    assert tablet.client.get(INTENTIONS.path).json()["items"] == [record]
