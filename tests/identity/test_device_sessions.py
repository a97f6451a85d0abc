"""Device sessions: a refresh token works once, a lost response can be repeated, and reuse is detected."""

from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest

from app.identity.device_sessions import sign_in
from app.ids import new_id
from tests.conftest import Servers
from tests.drafts import draft_of, resource_of
from tests.parallel import at_once
from tests.serving import Person, Server
from tests.waiting import later
from tests.witness import Client

Json = dict[str, Any]
UNKNOWN = "wisteria-wisteria-wisteria-wisteria-wisteria"


def refresh(client: Client, token: str) -> Json:
    response = client.post("/v1/auth/refresh", json={"refresh_token": token})
    assert response.status_code == 200, response.text
    tokens: Json = response.json()
    return tokens


def is_refused(client: Client, token: str) -> bool:
    response = client.post("/v1/auth/refresh", json={"refresh_token": token})
    assert response.status_code in {200, 401}
    return response.status_code == 401


def another_device(server: Server, person: Person) -> tuple[Json, Client]:
    tokens = server.run(sign_in(server.services, person.id, "tablet"))
    return tokens, server.client(tokens["access_token"])


def test_a_refresh_returns_the_next_pair(server: Server, anyone: Client, alice: Person) -> None:
    first = alice.tokens["refresh_token"]
    second = refresh(anyone, first)
    third = refresh(anyone, second["refresh_token"])
    assert len({first, second["refresh_token"], third["refresh_token"]}) == 3
    assert {second["access_token"], third["access_token"]}.isdisjoint({alice.token})
    assert server.client(third["access_token"]).get("/v1/me").json() == third["account"] | {"usage": ANY}
    assert is_refused(anyone, UNKNOWN)
    assert is_refused(anyone, alice.token[:200])


def test_a_refresh_can_be_repeated_for_a_minute(anyone: Client, alice: Person) -> None:
    first = alice.tokens["refresh_token"]
    lost = refresh(anyone, first)["refresh_token"]
    with later(seconds=55):
        assert refresh(anyone, first)["refresh_token"] == lost
    with later(seconds=65):
        assert is_refused(anyone, first)
        assert is_refused(anyone, lost)


USES: dict[str, Callable[[Client], int]] = {
    "account": lambda client: client.get("/v1/me").status_code,
    "list": lambda client: client.get("/v1/sessions").status_code,
    "record": lambda client: client.get(f"/v1/sessions/{new_id()}").status_code,
    "create": lambda client: client.post("/v1/sessions", json=draft_of(resource_of("sessions"))).status_code,
    "refused draft": lambda client: client.post("/v1/sessions", json={"wisteria": 1}).status_code,
    "pull": lambda client: client.get("/v1/sync").status_code,
    "push": lambda client: client.post("/v1/sync/push", json={"ops": []}).status_code,
    "devices": lambda client: client.get("/v1/auth/devices").status_code,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_refresh_cannot_be_repeated_once_its_access_token_was_used(
    server: Server, anyone: Client, alice: Person, use: Callable[[Client], int]
) -> None:
    first = alice.tokens["refresh_token"]
    refreshed = refresh(anyone, first)
    repeated = refresh(anyone, first)
    assert use(server.client(refreshed["access_token"])) in {200, 201, 404, 422}
    assert is_refused(anyone, first)
    assert is_refused(anyone, repeated["refresh_token"])
    assert server.client(repeated["access_token"]).get("/v1/me").status_code == 401


def test_access_tokens_of_before_the_refresh_do_not_end_the_grace(anyone: Client, alice: Person) -> None:
    assert alice.client.get("/v1/me").status_code == 200
    lost = refresh(anyone, alice.tokens["refresh_token"])
    assert alice.client.get("/v1/me").status_code == 200
    assert alice.client.get("/v1/auth/devices").status_code == 200
    assert refresh(anyone, alice.tokens["refresh_token"])["refresh_token"] == lost["refresh_token"]


@pytest.mark.parametrize("uses_access_tokens", [True, False])
@pytest.mark.parametrize("leader", ["owner", "thief"])
def test_an_owner_and_a_thief_who_take_turns_are_found_within_two_rounds(
    server: Server, anyone: Client, alice: Person, leader: str, *, uses_access_tokens: bool
) -> None:
    held = {"owner": alice.tokens["refresh_token"], "thief": alice.tokens["refresh_token"]}
    order = ["owner", "thief"] if leader == "owner" else ["thief", "owner"]
    found = False
    for who in order * 2:
        response = anyone.post("/v1/auth/refresh", json={"refresh_token": held[who]})
        found |= response.status_code == 401
        if not found:
            held[who] = response.json()["refresh_token"]
            if uses_access_tokens:
                assert server.client(response.json()["access_token"]).get("/v1/me").status_code == 200
    assert found
    assert all(is_refused(anyone, token) for token in held.values())


def test_a_phone_that_loses_a_response_now_and_then_stays_signed_in(
    server: Server, anyone: Client, alice: Person
) -> None:
    token = alice.tokens["refresh_token"]
    for _ in range(5):
        refresh(anyone, token)
        tokens = refresh(anyone, token)
        assert server.client(tokens["access_token"]).get("/v1/me").status_code == 200
        token = tokens["refresh_token"]


@pytest.mark.parametrize("notices", [[], ["copied-sign-in"]], ids=["off", "on"])
def test_a_copied_sign_in_is_logged_and_its_owner_gets_an_e_mail(
    servers: Servers, database: str, every_log_line: list[str], notices: list[str]
) -> None:
    server = servers.shared(database, notices=notices)
    alice, begin = server.person("alice"), len(every_log_line)
    tokens = refresh(server.anyone, alice.tokens["refresh_token"])
    refresh(server.anyone, tokens["refresh_token"])
    assert is_refused(server.anyone, alice.tokens["refresh_token"])
    (line,) = [line for line in every_log_line[begin:] if '"refresh-token-reused"' in line]
    assert str(alice.id) in line
    if notices:
        assert "used twice" in server.mailbox.text_to(alice.email)
    server.anyone.post("/v1/auth/password/forgot", json={"email": alice.email})
    server.mailbox.code_to(alice.email)
    assert server.mailbox.is_empty(alice.email)
    server.end_test()


def test_reuse_after_the_successor_was_used_ends_the_device_session(
    server: Server, anyone: Client, alice: Person
) -> None:
    _, tablet = another_device(server, alice)
    second = refresh(anyone, alice.tokens["refresh_token"])
    third = refresh(anyone, second["refresh_token"])
    assert is_refused(anyone, alice.tokens["refresh_token"])
    assert is_refused(anyone, third["refresh_token"])
    for token in (alice.token, second["access_token"], third["access_token"]):
        assert server.client(token).get("/v1/me").status_code == 401
    assert tablet.get("/v1/me").status_code == 200


def test_fifty_concurrent_refreshes_get_one_successor(anyone: Client, alice: Person) -> None:
    every = at_once(lambda _: refresh(anyone, alice.tokens["refresh_token"]), 50)
    assert len({tokens["refresh_token"] for tokens in every}) == 1
    assert alice.client.get("/v1/me").status_code == 200
    assert refresh(anyone, every[0]["refresh_token"])


def test_a_device_session_ends_after_14_days_without_use_and_after_90_days(
    server: Server, anyone: Client, alice: Person, bob: Person
) -> None:
    with later(days=14, seconds=5):
        assert is_refused(anyone, alice.tokens["refresh_token"])
        fresh, client = another_device(server, alice)
        assert [each["name"] for each in client.get("/v1/auth/devices").json()["items"]] == ["tablet"]
    assert fresh["refresh_token"]
    token = bob.tokens["refresh_token"]
    for day in range(13, 90, 13):
        with later(days=day):
            token = refresh(anyone, token)["refresh_token"]
    with later(days=89, hours=23):
        token = refresh(anyone, token)["refresh_token"]
    with later(days=90, seconds=5):
        assert is_refused(anyone, token)


def test_the_devices_are_listed_and_each_can_be_ended(server: Server, alice: Person, bob: Person) -> None:
    tokens, tablet = another_device(server, alice)
    newest, oldest = alice.client.get("/v1/auth/devices").json()["items"]
    assert (newest["name"], newest["current"], oldest["name"], oldest["current"]) == ("tablet", False, "phone", True)
    assert bob.client.delete(f"/v1/auth/devices/{newest['id']}").status_code == 404
    assert bob.client.delete(f"/v1/auth/devices/{new_id()}").status_code == 404
    assert tablet.get("/v1/me").status_code == 200
    assert alice.client.delete(f"/v1/auth/devices/{newest['id']}").status_code == 204
    assert alice.client.delete(f"/v1/auth/devices/{newest['id']}").status_code == 404
    assert tablet.get("/v1/me").status_code == 401
    assert is_refused(server.anyone, tokens["refresh_token"])
    assert [each["id"] for each in alice.client.get("/v1/auth/devices").json()["items"]] == [oldest["id"]]


def test_logging_out_ends_this_device_or_all_of_them(server: Server, anyone: Client, alice: Person) -> None:
    tablet_tokens, tablet = another_device(server, alice)
    _, watch = another_device(server, alice)
    ends: list[tuple[str, Callable[[str], Any], list[int]]] = [
        ("/v1/auth/logout", tablet.post, [200, 401, 200]),
        ("/v1/auth/logout-all", alice.client.post, [401, 401, 401]),
    ]
    for path, post, left in ends:
        assert post(path).status_code == 204
        assert [each.get("/v1/me").status_code for each in (alice.client, tablet, watch)] == left
        assert post(path).status_code == 401
    assert is_refused(anyone, tablet_tokens["refresh_token"])
    assert is_refused(anyone, alice.tokens["refresh_token"])
