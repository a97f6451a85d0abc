"""Rate limits: at most the limit is checked on any number of workers, and an owner cannot be locked out."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2 as httpx
import pytest
import sqlalchemy as sa
import time_machine
from starlette.requests import Request

from app.db import Statement, bind
from app.identity import throttles
from app.identity.buckets import of_account, of_client
from app.identity.networks import network_of
from app.identity.tables import Throttle
from app.identity.throttles import rate_limited, reset
from app.ids import new_id
from app.problems import TooManyAttempts, Unavailable, WrongCredentials
from tests.conftest import Servers
from tests.parallel import at_once
from tests.serving import PASSWORD, Person, Server
from tests.waiting import later

_throttle = Throttle.table()
COUNT = Statement(sa.select(_throttle.c.count, _throttle.c.reserved).where(_throttle.c.key == bind(_throttle.c.key)))
LIMITS: dict[str, Any] = {"throttle_account": 5, "throttle_account_day": 20, "throttle_client": 1000}


@pytest.fixture
def server(servers: Servers, database: str) -> Iterator[Server]:
    server = servers.shared(database, **LIMITS)
    yield server
    server.end_test()


def login(server: Server, email: str, password: str, **more: Any) -> httpx.Response:
    return server.anyone.post("/v1/auth/login", json={"email": email, "password": password, **more})


def fail_sign_in(server: Server, email: str, times: int, **more: Any) -> None:
    for _ in range(times):
        assert login(server, email, "wisteria?", **more).status_code == 401


def test_after_five_wrong_attempts_the_right_password_is_refused_too(server: Server, alice: Person) -> None:
    fail_sign_in(server, alice.email, 5)
    response = login(server, alice.email, PASSWORD)
    assert (response.status_code, response.json()["code"]) == (429, "too-many-attempts")
    assert 0 < int(response.headers["retry-after"]) <= 900
    with later(seconds=901):
        assert login(server, alice.email, PASSWORD).status_code == 200


def test_an_unknown_e_mail_address_is_limited_in_the_same_way(server: Server, alice: Person) -> None:
    nobody = f"nobody.{alice.email}"
    fail_sign_in(server, nobody, 5)
    assert login(server, nobody, PASSWORD).status_code == 429
    assert login(server, alice.email, PASSWORD).status_code == 200


def test_successful_attempts_are_not_counted(server: Server, alice: Person) -> None:
    fail_sign_in(server, alice.email, 4)
    for _ in range(3):
        assert login(server, alice.email, PASSWORD).status_code == 200
    fail_sign_in(server, alice.email, 1)
    assert login(server, alice.email, PASSWORD).status_code == 429


def test_twenty_wrong_attempts_a_day_are_the_limit(server: Server, alice: Person) -> None:
    verification = {"email": alice.email, "code": "000000"}

    def verify() -> int:
        return server.anyone.post("/v1/auth/verify", json=verification).status_code

    for hour in range(4):
        with later(hours=hour):
            assert [verify() for _ in range(6)] == [401] * 5 + [429]
    with later(hours=5):
        assert verify() == 429
    with later(hours=25):
        assert verify() == 401


def test_codes_of_a_reset_are_limited_too(server: Server, alice: Person) -> None:
    code = {"email": alice.email, "code": "WISTERIA00", "new": "wisteria over the door"}
    statuses = [server.anyone.post("/v1/auth/password/reset", json=code).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_codes_of_a_verification_are_limited_too(server: Server, alice: Person) -> None:
    verification = {"email": alice.email, "code": "000000"}
    statuses = [server.anyone.post("/v1/auth/verify", json=verification).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_the_current_password_is_limited_too(alice: Person) -> None:
    new = "wisteria over the door"
    changes = [{"current": current, "new": new} for current in (*["wisteria?"] * 5, PASSWORD)]
    statuses = [alice.client.post("/v1/auth/password", json=change).status_code for change in changes]
    assert statuses == [401] * 5 + [429]


def test_a_device_that_was_signed_in_before_cannot_be_locked_out(server: Server, alice: Person, bob: Person) -> None:
    held = alice.tokens["refresh_token"]
    assert alice.client.post("/v1/auth/logout").status_code == 204
    fail_sign_in(server, alice.email, 5)
    assert login(server, alice.email, PASSWORD).status_code == 429
    assert login(server, alice.email, PASSWORD, refresh_token=bob.tokens["refresh_token"]).status_code == 429
    assert login(server, alice.email, PASSWORD, refresh_token=held).status_code == 200
    fail_sign_in(server, alice.email, 5, refresh_token=held)
    assert login(server, alice.email, PASSWORD, refresh_token=held).status_code == 429


def test_an_owner_who_is_locked_out_can_reset_the_password(server: Server, alice: Person) -> None:
    fail_sign_in(server, alice.email, 5)
    server.anyone.post("/v1/auth/password/forgot", json={"email": alice.email})
    code, new = server.mailbox.code_to(alice.email), "wisteria over the door"
    reset = {"email": alice.email, "code": code, "new": new}
    for _ in range(4):
        assert server.anyone.post("/v1/auth/password/reset", json=reset | {"code": "WISTERIA00"}).status_code == 401
    assert login(server, alice.email, PASSWORD).status_code == 429
    assert server.anyone.post("/v1/auth/password/reset", json=reset).status_code == 204
    fail_sign_in(server, alice.email, 4)
    assert login(server, alice.email, new).status_code == 200
    assert server.anyone.post("/v1/auth/password/reset", json=reset).status_code == 401


def test_wrong_passwords_do_not_prevent_a_verification(server: Server) -> None:
    email = f"wisteria.{new_id().hex}@example.com"
    server.anyone.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
    fail_sign_in(server, email, 5)
    verification = {"email": email, "code": server.mailbox.code_to(email)}
    assert server.anyone.post("/v1/auth/verify", json=verification).status_code == 200


def test_concurrent_attempts_and_a_reset_do_not_deadlock(server: Server) -> None:
    services = server.services

    async def try_(key: str) -> None:
        with suppress(TooManyAttempts, WrongCredentials):
            async with rate_limited(services, of_account(services, key)):
                raise WrongCredentials

    async def forgive(key: str) -> None:
        async with services.db.transaction() as tx:
            await reset(tx, of_account(services, key))

    async def act(key: str) -> None:
        await asyncio.gather(*(act(key) for _ in range(20) for act in (try_, forgive)))

    for _ in range(5):
        server.run(act(new_id().hex))


def test_ten_right_sign_ins_of_one_account_at_once_all_succeed(server: Server, alice: Person) -> None:
    fail_sign_in(server, alice.email, 4)
    body = {"email": alice.email, "password": PASSWORD}
    statuses = at_once(lambda _: server.client().post("/v1/auth/login", json=body).status_code, 10)
    assert statuses == [200] * 10


def test_forty_people_behind_one_network_sign_in_at_once(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database, throttle_client=20))
    emails = [server.person("one").email for _ in range(40)]

    def sign_in(number: int) -> int:
        body = {"email": emails[number], "password": PASSWORD}
        return server.client().post("/v1/auth/login", json=body).status_code

    assert at_once(sign_in, 40) == [200] * 40


def test_of_many_wrong_passwords_at_once_five_are_checked(server: Server, alice: Person) -> None:
    def guess(number: int) -> int:
        body = {"email": alice.email, "password": f"wisteria {number}"}
        return server.client().post("/v1/auth/login", json=body).status_code

    assert Counter(at_once(guess, 40)) == {401: 5, 429: 35}


def test_an_attempt_that_is_never_decided_counts_as_a_failure(server: Server) -> None:
    services, buckets = server.services, of_account(server.services, new_id().hex)

    async def fail() -> None:
        async with rate_limited(services, buckets):
            raise WrongCredentials

    async def abandon() -> None:
        await vars(throttles)["_reserve"](services, sorted(buckets, key=lambda bucket: bucket.key))

    for _ in range(4):
        with pytest.raises(WrongCredentials):
            server.run(fail())
    server.run(abandon())
    with later(minutes=1, seconds=1), pytest.raises(TooManyAttempts):
        server.run(fail())


def test_an_attempt_waits_for_undecided_ones_and_not_for_ever(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles, "MAX_WAIT_SECONDS", 0.2)
    services, buckets = server.services, of_account(server.services, new_id().hex)

    async def hold(number: int = 1) -> None:
        async with rate_limited(services, buckets):
            if number < 6:
                await hold(number + 1)

    with pytest.raises(Unavailable):
        server.run(hold())
    server.run(hold(6))


def test_a_failure_that_is_decided_after_its_window_ended_begins_a_new_one(server: Server) -> None:
    services = server.services
    buckets = of_client(services, new_id().hex)

    async def fail(moment: time_machine.travel) -> None:
        async with rate_limited(services, buckets):
            moment.start()
            raise WrongCredentials

    moments = [later(seconds=seconds) for seconds in (0, 30, 61)]
    for moment in moments:
        with pytest.raises(WrongCredentials):
            server.run(fail(moment))
    for moment in reversed(moments):
        moment.stop()
    row = server.run(server.db.only(COUNT, key=buckets[0].key))
    assert row == {"count": 1, "reserved": 0}


def test_a_client_is_limited_over_all_accounts(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database, throttle_client=20))
    for number in range(20):
        verification = {"email": f"wisteria.{number}@example.com", "code": "000000"}
        assert server.anyone.post("/v1/auth/verify", json=verification).status_code == 401
    assert login(server, "wisteria.last@example.com", PASSWORD).status_code == 429
    refresh = {"refresh_token": "wisteria"}
    assert server.anyone.post("/v1/auth/refresh", json=refresh).status_code == 429
    with later(seconds=61):
        assert server.anyone.post("/v1/auth/refresh", json=refresh).status_code == 401


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "local"),
        (None, "local"),
    ],
)
def test_a_client_is_identified_by_its_network(address: str | None, network: str) -> None:
    client = None if address is None else (address, 1)
    assert asyncio.run(network_of(Request({"type": "http", "client": client, "headers": []}))) == network
