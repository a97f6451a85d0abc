"""Connections that the network drops without a sign cost at most one deadline, not one for each connection of the pool."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from app.db.postgres import pool as pool_module
from app.db.postgres.connecting import Connector
from app.db.postgres.pool import Pool
from app.settings import Settings
from tests.conftest import Databases, Servers
from tests.db.guarded_postgres import guarded_postgres
from tests.db.helpers import pool_of
from tests.db.proxy import Proxy
from tests.drafts import draft_of, resource_of
from tests.parallel import at_once
from tests.serving import Server
from tests.waiting import wait_until

REFLECTIONS = resource_of("reflections")
STATEMENT_SECONDS, SIZE = 1.0, 8


@pytest.fixture
def database() -> str:
    return "postgresql"


@pytest.fixture
def proxy(databases: Databases) -> Iterator[Proxy]:
    with Proxy(databases.fresh("postgresql")) as proxy:
        yield proxy


@pytest.fixture
def server(servers: Servers, proxy: Proxy) -> Server:
    settings = servers.settings(
        "", database_url=proxy.url, database_pool=SIZE, statement_seconds=STATEMENT_SECONDS, pool_seconds=1
    )
    server = servers.start(settings)
    assert server.anyone.get("/livez").status_code == 200  # at its first request, the client makes the OpenAPI document
    return server


def fill(server: Server) -> None:
    """Open every connection of the server's pool."""
    pool = pool_of(server.db)

    async def work() -> None:
        connections = await asyncio.gather(*(pool.acquire() for _ in range(SIZE)))
        for connection in connections:
            pool.release(connection, None)

    server.run(work())


def seconds_of(statuses: list[int], request: Callable[[], int]) -> float:
    """Append a request's status to a list; return how long it took."""
    begun = time.monotonic()
    statuses.append(request())
    return time.monotonic() - begun


def test_dropped_connections_fail_one_request(server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "DOUBT_SECONDS", 5.0)  # a busy machine may need long to open a connection
    alice = server.person("alice")
    fill(server)
    proxy.drop()
    statuses: list[int] = []
    seconds = [seconds_of(statuses, lambda: alice.client.get("/v1/reflections").status_code) for _ in range(5)]
    assert statuses == [503, 200, 200, 200, 200]
    assert seconds[0] < STATEMENT_SECONDS + 0.5
    wait_until(lambda: pool_of(server.db).use.in_use == 0)  # a job of the server may use one for a moment


def test_every_answer_of_a_hung_database_comes_after_one_deadline(server: Server, proxy: Proxy) -> None:
    alice = server.person("alice")
    fill(server)
    login = {"email": alice.email, "password": "wisteria by the gate"}
    requests = [
        lambda: alice.client.get("/v1/reflections").status_code,
        lambda: alice.client.post("/v1/reflections", json=draft_of(REFLECTIONS)).status_code,
        lambda: server.anyone.post("/v1/auth/login", json=login).status_code,
        lambda: alice.client.patch("/v1/me", json={"display_name": "wisteria"}).status_code,
        lambda: alice.client.post("/v1/sync/push", json={"ops": []}).status_code,
    ]
    proxy.pause()
    for _ in range(2):
        statuses: list[int] = []
        seconds = [seconds_of(statuses, request) for request in requests]
        assert statuses == [503] * len(requests)
        assert max(seconds) < STATEMENT_SECONDS + 0.5
    proxy.resume()
    wait_until(lambda: alice.client.get("/v1/reflections").status_code == 200)


def test_parallel_requests_on_dropped_connections_each_wait_for_one_deadline(server: Server, proxy: Proxy) -> None:
    alice = server.person("alice")
    fill(server)
    proxy.drop()

    def request(_: int) -> float:
        client = server.client(alice.token)
        return seconds_of([], lambda: client.patch("/v1/me", json={"display_name": "wisteria"}).status_code)

    assert max(at_once(request, SIZE)) < STATEMENT_SECONDS + 0.5
    assert alice.client.get("/v1/reflections").status_code == 200


def test_a_connection_that_was_idle_for_long_is_checked_before_it_is_used(
    server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = server.person("alice")
    fill(server)
    monkeypatch.setattr(pool_module, "MAX_UNCHECKED_SECONDS", 0.0)
    assert alice.client.get("/v1/reflections").status_code == 200
    proxy.drop()
    assert [alice.client.get("/v1/reflections").status_code for _ in range(3)] == [200] * 3


def test_a_pool_that_is_closed_while_it_checks_ends_the_connections(
    settings: Settings, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "CHECK_SECONDS", 10.0)

    async def work() -> None:
        pool = Pool(settings.model_copy(update={"database_url": proxy.url, "database_pool": 2}))
        first, second = await pool.acquire(), await pool.acquire()
        pool.release(second, None)
        proxy.pause()
        pool.release(first, TimeoutError())
        await asyncio.sleep(0.05)
        assert pool.use.in_use == 0
        await pool.close()
        assert second.is_closed()

    asyncio.run(work())


def test_sockets_have_keepalive_and_a_user_timeout() -> None:
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")

    async def work(url: str) -> None:
        connection = await Connector(Settings(database_url=url, statement_seconds=3)).connect()
        peer = connection._transport.get_extra_info("socket")  # noqa: SLF001 - the driver has no public way to it
        assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        found = [peer.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
        assert found == [30, 10, 3, 3000]
        await connection.close()

    with guarded_postgres() as guarded:
        asyncio.run(work(guarded.url()))
