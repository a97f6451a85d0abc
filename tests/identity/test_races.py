"""Races: concurrent requests on one account, and what must be true afterwards in any order."""

import httpx2 as httpx
import pytest
import sqlalchemy as sa

from app.db import Statement, bind
from app.identity.tables import DeviceRecord, RefreshToken
from app.ids import new_id
from tests.parallel import at_once
from tests.serving import PASSWORD, Person, Server

NEW = "wisteria over the door"
ROUNDS = 3
_device, _token = DeviceRecord.table(), RefreshToken.table()
ALIVE = Statement(
    sa.select(_token.c.digest)
    .join_from(_token, _device, _token.c.device_id == _device.c.id)
    .where(
        _device.c.account_id == bind(_device.c.account_id),
        _device.c.ended_at.is_(None),
        _token.c.superseded_at.is_(None),
    )
)

pytestmark = pytest.mark.usefixtures("real_password_hashes")


def post(server: Server, path: str, body: object = None, token: str | None = None) -> httpx.Response:
    """Send a POST on a new connection, so that requests are concurrent."""
    response = server.client(token).post(f"/v1/auth/{path}", json=body)
    assert response.status_code != 503, response.text
    return response


def code_for(server: Server, person: Person) -> str:
    assert post(server, "password/forgot", {"email": person.email}).status_code == 202
    return server.mailbox.code_to(person.email)


def is_alive(server: Server, tokens: dict[str, str]) -> list[bool]:
    """Return whether an access token or a refresh token is still accepted."""
    refreshed = post(server, "refresh", {"refresh_token": tokens["refresh_token"]}).status_code == 200
    return [server.client(tokens["access_token"]).get("/v1/me").status_code == 200, refreshed]


@pytest.mark.parametrize("devices", [2, 5])
def test_a_sign_in_with_the_old_password_ends_with_the_reset(server: Server, devices: int) -> None:
    for _ in range(ROUNDS):
        alice = server.person("alice")
        login = {"email": alice.email, "password": PASSWORD}
        reset = {"email": alice.email, "code": code_for(server, alice), "new": NEW}

        def act(device: int) -> httpx.Response:
            return post(server, "login", login) if device else post(server, "password/reset", reset)  # noqa: B023

        first, *others = at_once(act, devices)
        assert first.status_code == 204
        assert {each.status_code for each in others} <= {200, 401}
        for each in (each.json() for each in others if each.status_code == 200):
            assert is_alive(server, each) == [False, False]
        assert post(server, "login", login).status_code == 401
        assert post(server, "login", login | {"password": NEW}).status_code == 200


@pytest.mark.parametrize("path", ["logout", "logout-all"])
def test_tokens_refreshed_during_a_sign_out_are_invalid(server: Server, path: str) -> None:
    for _ in range(ROUNDS):
        alice = server.person("alice")
        refresh = {"refresh_token": alice.tokens["refresh_token"]}

        def act(device: int) -> httpx.Response:
            return post(server, "refresh", refresh) if device else post(server, path, token=alice.token)  # noqa: B023

        first, *others = at_once(act, 4)
        assert first.status_code == 204
        for each in others:
            assert each.status_code in {200, 401}
            if each.status_code == 200:
                assert is_alive(server, each.json()) == [False, False]
        assert is_alive(server, alice.tokens) == [False, False]


def test_a_code_sets_one_of_two_concurrent_passwords(server: Server, alice: Person) -> None:
    code = code_for(server, alice)

    def reset(device: int) -> int:
        body = {"email": alice.email, "code": code, "new": f"{NEW} {device}"}
        return post(server, "password/reset", body).status_code

    statuses = at_once(reset, 4)
    assert sorted(statuses) == [204, 401, 401, 401]
    login = {"email": alice.email, "password": f"{NEW} {statuses.index(204)}"}
    assert post(server, "login", login).status_code == 200


def test_a_concurrent_password_change_does_not_survive_a_reset(server: Server) -> None:
    for _ in range(ROUNDS):
        alice = server.person("alice")
        code, changed = code_for(server, alice), f"{NEW}, changed"

        def act(device: int) -> int:
            if device:
                change = {"current": PASSWORD, "new": changed}  # noqa: B023
                return post(server, "password", change, alice.token).status_code  # noqa: B023
            reset = {"email": alice.email, "code": code, "new": NEW}  # noqa: B023
            return post(server, "password/reset", reset).status_code

        assert at_once(act, 2) in ([204, 204], [204, 401])
        assert is_alive(server, alice.tokens) == [False, False]
        assert post(server, "login", {"email": alice.email, "password": changed}).status_code == 401
        assert post(server, "login", {"email": alice.email, "password": NEW}).status_code == 200


def test_concurrent_use_of_a_token_and_its_successor_leaves_at_most_one_session(server: Server) -> None:
    for _ in range(ROUNDS):
        alice = server.person("alice")
        first = alice.tokens["refresh_token"]
        second = post(server, "refresh", {"refresh_token": first}).json()["refresh_token"]

        def act(device: int) -> int:
            body = {"refresh_token": (first, second)[device % 2]}  # noqa: B023
            return post(server, "refresh", body).status_code

        assert set(at_once(act, 6)) <= {200, 401}
        assert len(server.run(server.db.all(ALIVE, account_id=alice.id))) <= 1


def test_many_concurrent_sign_outs_all_succeed(server: Server, alice: Person) -> None:
    login = {"email": alice.email, "password": PASSWORD}
    tokens = [alice.token, *(post(server, "login", login).json()["access_token"] for _ in range(3))]
    statuses = at_once(lambda device: post(server, "logout-all", token=tokens[device % 4]).status_code, 8)
    assert set(statuses) <= {204, 401}
    assert server.run(server.db.all(ALIVE, account_id=alice.id)) == []


def test_concurrent_registrations_of_one_e_mail_address_create_one_account(server: Server) -> None:
    email = f"wisteria.{new_id().hex}@example.com"
    bodies = [{"email": email, "password": f"{NEW} {number}"} for number in range(3)]
    codes = []
    for body in bodies:
        assert post(server, "register", body).status_code == 202
        codes.append(server.mailbox.code_to(email))
    statuses = at_once(lambda number: post(server, "verify", {"email": email, "code": codes[number]}).status_code, 3)
    assert sorted(statuses) == [200, 401, 401]
    assert [post(server, "login", body).status_code for body in bodies] == statuses
