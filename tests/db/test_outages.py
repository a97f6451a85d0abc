"""Outages of the database: requests get 503 and Retry-After, never 500, and work again when it is back."""

import asyncio
import time
from pathlib import Path

import asyncpg
import pytest

from app.db import schema
from app.db.postgres import pool as pool_module
from app.jobs import Jobs
from tests.conftest import Databases, Servers
from tests.db.helpers import execute_sql
from tests.db.proxy import Proxy
from tests.drafts import draft_of, resource_of
from tests.serving import Person, Server
from tests.waiting import wait_until

REFLECTIONS = resource_of("reflections")


def assert_unavailable(server: Server, alice: Person) -> None:
    draft = draft_of(REFLECTIONS)
    login = {"email": alice.email, "password": "wisteria by the gate"}
    for response in (
        alice.client.get("/v1/reflections"),
        alice.client.get(f"/v1/reflections/{draft['id']}"),
        alice.client.post("/v1/reflections", json=draft),
        server.anyone.post("/v1/auth/login", json=login),
        server.anyone.get("/readyz"),
    ):
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.json()["code"] == "unavailable"
    assert server.anyone.get("/livez").status_code == 200


def assert_available(server: Server, alice: Person) -> None:
    """Assert that requests succeed as soon as the server is ready.

    The first request after an outage may still get the error of an attempt to connect that began before its end.
    """
    wait_until(lambda: server.anyone.get("/readyz").status_code == 200)
    draft = draft_of(REFLECTIONS)
    assert alice.client.post("/v1/reflections", json=draft).status_code == 201
    assert alice.client.get(f"/v1/reflections/{draft['id']}").json()["body"] == draft["body"]


def test_requests_recover_when_postgresql_comes_back(servers: Servers, databases: Databases) -> None:
    with Proxy(databases.fresh("postgresql")) as proxy:
        settings = servers.settings("", database_url=proxy.url, pool_seconds=1.5, statement_seconds=1)
        server = servers.start(settings)
        alice = server.person("alice")
        assert_available(server, alice)
        proxy.cut()
        assert_unavailable(server, alice)
        proxy.resume()
        assert_available(server, alice)
        proxy.pause()
        assert_unavailable(server, alice)
        proxy.resume()
        assert_available(server, alice)


def test_requests_recover_when_postgresql_ends_every_connection(servers: Servers, databases: Databases) -> None:
    url = databases.fresh("postgresql")
    name = url.partition("?")[0].rpartition("/")[2]
    server = servers.start(servers.settings("", database_url=url))
    alice = server.person("alice")
    execute_sql(
        databases.fresh("postgresql"),
        f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'",  # noqa: S608 - ours
    )
    assert_unavailable(server, alice)
    execute_sql(databases.fresh("postgresql"), f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert_available(server, alice)


def test_a_connection_that_postgresql_ended_fails_one_request_even_if_its_end_is_not_received(
    servers: Servers, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "DOUBT_SECONDS", 5.0)  # a busy machine may need long to open a connection
    url = databases.fresh("postgresql")
    with Proxy(url) as proxy:
        server = servers.start(servers.settings("", database_url=proxy.url, database_pool=1, statement_seconds=2))
        alice = server.person("alice")
        assert_available(server, alice)
        proxy.hold_ends()
        execute_sql(
            url,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'afterglow' AND datname = current_database()",
        )
        time.sleep(0.2)
        assert [alice.client.get("/v1/reflections").status_code for _ in range(3)] == [503, 200, 200]
        proxy.resume()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@127.0.0.1:1/nothing",
        "postgresql://nobody@/nothing?host=/nowhere",
        "postgresql://nobody@nowhere.invalid/nothing",
        "sqlite:////nowhere/wisteria.db",
        "sqlite:////",
        "sqlite:////dev/null",
    ],
)
def test_a_server_starts_and_is_not_ready_if_its_database_is_unreachable(servers: Servers, url: str) -> None:
    server = servers.start(servers.settings("", database_url=url))
    assert server.anyone.get("/livez").status_code == 200
    for _ in range(2):
        response = server.anyone.get("/readyz")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
    login = {"email": "wisteria@example.com", "password": "wisteria by the gate"}
    assert server.anyone.post("/v1/auth/login", json=login).status_code == 503


def test_a_database_that_does_not_exist_is_503(servers: Servers, databases: Databases) -> None:
    url = databases.fresh("postgresql")
    server = servers.start(servers.settings("", database_url=url.replace("/fresh_", "/gone_")))
    assert server.anyone.get("/readyz").status_code == 503


def test_a_file_that_is_created_later_is_opened(servers: Servers, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/later/wisteria.db"
    server = servers.start(servers.settings("", database_url=url))
    assert server.anyone.get("/readyz").status_code == 503
    (tmp_path / "later").mkdir()
    assert server.anyone.get("/readyz").status_code == 503
    schema.migrate(url)
    assert server.anyone.get("/readyz").status_code == 200


def test_a_file_that_is_no_database_is_503(servers: Servers, tmp_path: Path) -> None:
    path = tmp_path / "wisteria.db"
    path.write_bytes(b"wisteria " * 1_000)
    server = servers.start(servers.settings("", database_url=f"sqlite:///{path}"))
    assert server.anyone.get("/readyz").status_code == 503
    assert path.read_bytes() == b"wisteria " * 1_000


def test_a_schema_that_is_behind_is_not_ready(servers: Servers, databases: Databases, database: str) -> None:
    url = databases.fresh(database, migrated=False)
    server = servers.start(servers.settings("", database_url=url))
    for revision, status in (("0001", 503), ("head", 200), ("-1", 503), ("base", 503), ("head", 200)):
        schema.migrate(url, revision)
        assert server.anyone.get("/readyz").status_code == status


def test_livez_never_touches_the_database(
    servers: Servers, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "start", lambda _self: None)  # it would look for due jobs
    file = tmp_path / "wisteria.db"
    server = servers.start(servers.settings("", database_url=f"sqlite:///{file}"))
    assert server.anyone.get("/livez").json() == {"status": "ok"}
    assert not file.exists()

    url = databases.fresh("postgresql")
    server = servers.start(servers.settings("", database_url=url))
    assert server.anyone.get("/livez").json() == {"status": "ok"}

    async def connections() -> int:
        watcher = await asyncpg.connect(url)
        count = await watcher.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await watcher.close()
        return int(count)

    assert asyncio.run(connections()) == 0
