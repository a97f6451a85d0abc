"""Signed-out devices: the next request is refused, also by another worker."""

from collections.abc import Callable

import httpx2 as httpx
import pytest

from app.ids import new_id
from app.resources.intentions import INTENTIONS
from tests.drafts import create_record, draft_of
from tests.identity.conftest import Cluster
from tests.serving import PASSWORD, Person, Server
from tests.witness import Client

NEW = "wisteria over the door"
ROUNDS = 3


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


def test_a_signed_out_device_gets_401_for_every_request(server: Server, alice: Person, anyone: Client) -> None:
    """Also if the object is missing, malformed or outdated; and nothing is written."""
    record, draft = create_record(alice.client, INTENTIONS, alice), draft_of(INTENTIONS)
    login = {"email": alice.email, "password": PASSWORD}
    other = server.client(anyone.post("/v1/auth/login", json=login).json()["access_token"])
    path, tag = f"/v1/intentions/{record['id']}", {"If-Match": f'"{record["version"]}"'}
    assert alice.client.post("/v1/auth/logout").status_code == 204
    for method, asked, parts in (
        ("GET", path, {}),
        ("HEAD", path, {"headers": {"If-None-Match": "*"}}),
        ("GET", f"/v1/intentions/{new_id()}", {}),
        ("GET", "/v1/intentions", {}),
        ("GET", "/v1/intentions", {"params": {"session_id": str(new_id())}}),
        ("GET", "/v1/intentions", {"params": {"wisteria": "1"}}),
        ("GET", "/v1/intentions", {"params": {"cursor": "wisteria"}}),
        ("POST", "/v1/intentions", {"json": draft}),
        ("POST", "/v1/intentions", {"json": {}}),
        ("POST", "/v1/intentions", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        ("POST", "/v1/intentions", {"content": b"wisteria"}),
        ("PATCH", path, {"json": {"why": "wisteria"}}),
        ("PATCH", path, {"json": {"why": "wisteria"}, "headers": tag}),
        ("PATCH", f"/v1/intentions/{new_id()}", {"json": {}, "headers": tag}),
        ("DELETE", path, {}),
        ("DELETE", path, {"headers": tag}),
    ):
        assert alice.client.request(method, asked, **parts).status_code == 401, (method, asked)
    assert other.get("/v1/intentions").json()["items"] == [record]
    assert other.get(f"/v1/intentions/{draft['id']}").status_code == 404
