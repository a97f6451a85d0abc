"""Overload, as callers of the application meet it."""

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
from tests.hostile.raw import Line, Reply, request
from tests.serving import Person, Server

_LOCK = Statement(
    sa.update(Feed.table())
    .where(Feed.table().c.owner_id == bind(Feed.table().c.owner_id))
    .values(epoch=Feed.table().c.epoch)
)


def test_the_application_with_its_one_place_taken(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database, max_in_flight=1))
    alice, bob = server.person("alice"), server.person("bob")
    intentions = resource_of("intentions")
    taken, let_go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with server.db.transaction() as tx:
            await tx.run(_LOCK, owner_id=alice.id)
            taken.set()
            await let_go.wait()

    async def until_taken() -> None:
        await taken.wait()

    def refused(reply: Reply) -> bool:
        return reply.status == 503 and reply.problem["code"] == "unavailable"

    holding = server.begin(hold())
    server.run(until_taken())
    written = _posted(server, alice, json.dumps(draft_of(intentions)).encode())
    with Line(server.address) as line:
        while not refused(line.ask("GET", "/v1/me", [("Authorization", f"Bearer {bob.token}")])):
            time.sleep(0.01)
        assert refused(line.ask("GET", "/v1/me", [("Authorization", "Bearer of good news")]))
        assert line.ask("GET", "/livez").status == 200
        assert line.ask("GET", "/problems/unavailable").status == 200
    server.run(_set(let_go))
    holding.result(20)
    with closing(written):
        assert written.recv(65536).startswith(b"HTTP/1.1 201 ")
    assert bob.client.get("/v1/me").status_code == 200


async def _set(event: asyncio.Event) -> None:
    event.set()


def _posted(server: Server, person: Person, body: bytes) -> socket.socket:
    connection = socket.create_connection(server.address, timeout=20)
    headers = [("Authorization", f"Bearer {person.token}"), ("Content-Type", "application/json")]
    connection.sendall(request("POST", "/v1/intentions", headers, body))
    return connection
