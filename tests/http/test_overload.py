"""Overload of the real application: its only slot is taken by a write that waits for a lock."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
import sqlalchemy as sa

from app.db import Statement, bind
from app.identity import Feed
from tests.conftest import Servers
from tests.consents.clinic import give, new_clinic
from tests.drafts import Json, create_record, draft_of, resource_of
from tests.exchange.replica import entry
from tests.hostile.raw import RawConnection, RawResponse, request_bytes
from tests.serving import Person, Server
from tests.waiting import wait_until

OK, CREATED = b"HTTP/1.1 200 ", b"HTTP/1.1 201 "
PUSH = "/v1/clinic/sessions"
LOCK_FEED = Statement(
    sa.update(Feed.table())
    .where(Feed.table().c.owner_id == bind(Feed.table().c.owner_id))
    .values(epoch=Feed.table().c.epoch)
)


def test_at_its_limit_the_application_refuses_all_but_health_checks_and_problem_pages(
    servers: Servers, database: str
) -> None:
    server = servers.start(servers.settings(database, max_in_flight=1))
    alice, bob = server.person("alice"), server.person("bob")
    with (
        locked_feed(server, alice) as release,
        closing(post_intention(server, alice)) as waiting,
        RawConnection(server.address) as connection,
    ):
        while not is_refused(connection.request("GET", "/v1/me", [("Authorization", f"Bearer {bob.token}")])):
            time.sleep(0.01)
        assert is_refused(connection.request("GET", "/v1/me", [("Authorization", "Bearer of good news")]))
        assert connection.request("GET", "/livez").status == 200
        assert connection.request("GET", "/problems/unavailable").status == 200
        release()
        assert waiting.recv(65536).startswith(CREATED)
    assert bob.client.get("/v1/me").status_code == 200


def test_writes_of_one_owner_leave_database_connections_to_others(servers: Servers) -> None:
    server = servers.start(servers.settings("postgresql", database_pool=3, pool_seconds=0.5))
    alice, bob = server.person("alice"), server.person("bob")
    create_record(alice.client, resource_of("intentions"), alice)  # so that the data key is known
    with locked_feed(server, alice) as release, ExitStack() as stack:
        waiting = [stack.enter_context(closing(post_intention(server, alice))) for _ in range(8)]
        wait_until(lambda: server.services.limiter.in_flight == len(waiting))
        for _ in range(3):
            assert create_record(bob.client, resource_of("intentions"), bob)["id"]
        release()
        for each in waiting:
            assert each.recv(65536).startswith(CREATED)


def test_requests_of_an_account_beyond_its_share_wait_while_others_have_some(servers: Servers) -> None:
    server = servers.start(servers.settings("postgresql", max_in_flight_each=2))
    alice, bob = server.person("alice"), server.person("bob")
    with locked_feed(server, alice) as release, locked_feed(server, bob) as release_other, ExitStack() as stack:
        limiter = server.services.limiter
        own = [stack.enter_context(closing(post_intention(server, alice))) for _ in range(3)]
        wait_until(lambda: limiter.in_flight == 3)
        with RawConnection(server.address) as connection:  # alone, she may have more than two
            assert connection.request("GET", "/v1/me", [("Authorization", f"Bearer {alice.token}")]).status == 200
        other = stack.enter_context(closing(post_intention(server, bob)))
        wait_until(lambda: limiter.in_flight == 4)
        further = stack.enter_context(waiting_request(server, "/v1/me", alice.token))
        release_other()
        assert other.recv(65536).startswith(CREATED)
        assert further.recv(65536).startswith(OK)
        release()
        for each in own:
            assert each.recv(65536).startswith(CREATED)


def test_requests_of_a_clinic_beyond_its_share_wait_while_others_have_some(servers: Servers) -> None:
    server = servers.start(servers.settings("postgresql", max_in_flight_each=2))
    alice, bob, clinic = server.person("alice"), server.person("bob"), new_clinic(server)
    give(alice, clinic)
    entries = [entry(clinic.connections()[0]["id"], f"S-{number}") for number in range(2)]
    with locked_feed(server, alice) as release, locked_feed(server, bob) as release_other, ExitStack() as stack:
        own = [stack.enter_context(closing(post(server, clinic.token, PUSH, {"sessions": [each]}))) for each in entries]
        wait_until(lambda: server.services.limiter.in_flight == 2)
        other = stack.enter_context(closing(post_intention(server, bob)))
        wait_until(lambda: server.services.limiter.in_flight == 3)
        further = stack.enter_context(waiting_request(server, "/v1/clinic", clinic.token))
        release_other()
        assert other.recv(65536).startswith(CREATED)
        assert further.recv(65536).startswith(OK)
        release()
        for each in own:
            assert each.recv(65536).startswith(OK)


@contextmanager
def waiting_request(server: Server, path: str, token: str) -> Iterator[socket.socket]:
    """Return the connection of a GET request that is not answered yet."""
    with closing(socket.create_connection(server.address, timeout=0.3)) as connection:
        connection.sendall(request_bytes("GET", path, [("Authorization", f"Bearer {token}")]))
        with pytest.raises(TimeoutError):
            connection.recv(65536)
        connection.settimeout(20)
        yield connection


@contextmanager
def locked_feed(server: Server, person: Person) -> Iterator[Callable[[], None]]:
    """Lock a person's feed in the block, or until the yielded function is called. On SQLite, this locks out all writers."""
    locked, released = asyncio.Event(), asyncio.Event()

    async def hold_lock() -> None:
        async with server.db.transaction() as tx:
            await tx.run(LOCK_FEED, owner_id=person.id)
            locked.set()
            await released.wait()

    async def wait_for_lock() -> None:
        await locked.wait()

    async def release_lock() -> None:
        released.set()

    holding = server.begin(hold_lock())
    server.run(wait_for_lock())
    try:
        yield lambda: server.run(release_lock())
    finally:
        server.run(release_lock())
        holding.result(20)


def is_refused(reply: RawResponse) -> bool:
    return reply.status == 503 and reply.problem["code"] == "unavailable"


def post_intention(server: Server, person: Person) -> socket.socket:
    """Return a connection on which a draft was sent."""
    return post(server, person.token, "/v1/intentions", draft_of(resource_of("intentions")))


def post(server: Server, token: str, path: str, body: Json) -> socket.socket:
    """Return a connection on which a body was sent."""
    connection = socket.create_connection(server.address, timeout=20)
    headers = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")]
    connection.sendall(request_bytes("POST", path, headers, json.dumps(body).encode()))
    return connection
