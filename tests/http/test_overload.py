"""Overload of the real application: its only slot is taken by a write that waits for a lock."""

import asyncio
import json
import socket
import time
from contextlib import closing

import sqlalchemy as sa

from app.db import Statement, bind
from app.identity import Feed
from tests.conftest import Servers
from tests.drafts import draft_of, resource_of
from tests.hostile.raw import RawConnection, RawResponse, request_bytes
from tests.serving import Person, Server

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
    locked, release = asyncio.Event(), asyncio.Event()

    async def hold_lock() -> None:
        async with server.db.transaction() as tx:
            await tx.run(LOCK_FEED, owner_id=alice.id)
            locked.set()
            await release.wait()

    async def wait_for_lock() -> None:
        await locked.wait()

    async def release_lock() -> None:
        release.set()

    holding = server.begin(hold_lock())
    server.run(wait_for_lock())
    with closing(post_intention(server, alice)) as waiting, RawConnection(server.address) as connection:
        while not is_refused(connection.request("GET", "/v1/me", [("Authorization", f"Bearer {bob.token}")])):
            time.sleep(0.01)
        assert is_refused(connection.request("GET", "/v1/me", [("Authorization", "Bearer of good news")]))
        assert connection.request("GET", "/livez").status == 200
        assert connection.request("GET", "/problems/unavailable").status == 200
        server.run(release_lock())
        holding.result(20)
        assert waiting.recv(65536).startswith(b"HTTP/1.1 201 ")
    assert bob.client.get("/v1/me").status_code == 200


def is_refused(reply: RawResponse) -> bool:
    return reply.status == 503 and reply.problem["code"] == "unavailable"


def post_intention(server: Server, person: Person) -> socket.socket:
    """Return a connection on which a draft was sent."""
    connection = socket.create_connection(server.address, timeout=20)
    headers = [("Authorization", f"Bearer {person.token}"), ("Content-Type", "application/json")]
    body = json.dumps(draft_of(resource_of("intentions"))).encode()
    connection.sendall(request_bytes("POST", "/v1/intentions", headers, body))
    return connection
