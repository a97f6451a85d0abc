"""A disk that is full or read-only: writes are refused, and stored records can be read."""

import pytest
import sqlalchemy as sa

from app.db import Database, Statement
from app.problems import StorageFull
from app.settings import Settings
from tests.conftest import Databases, Servers
from tests.db.helpers import execute_sql, with_database
from tests.drafts import draft_of, resource_of
from tests.serving import Server

REFLECTIONS = resource_of("reflections")
LONG_TEXT = "wisteria " * 2_000


def run_pragma(server: Server, pragma: str) -> int:
    """Run a PRAGMA on SQLite's writing connection; return its result."""
    writer = vars(server.db)["_writer"].connection

    async def result() -> int:
        async with server.db.transaction():
            return int(next(iter(writer.execute(pragma)), [0])[0])

    return server.run(result())


def test_a_full_disk_is_507_and_leaves_no_trace(servers: Servers) -> None:
    server = servers.start(servers.settings("sqlite"))
    alice = server.person("alice")
    pages = run_pragma(server, "PRAGMA page_count")
    run_pragma(server, f"PRAGMA max_page_count={pages + 4}")
    written = []
    for _ in range(20):
        draft = draft_of(REFLECTIONS) | {"body": LONG_TEXT}
        response = alice.client.post("/v1/reflections", json=draft)
        if response.status_code == 507:
            break
        written.append(draft["id"])
    assert response.json()["code"] == "storage-full"
    listed = alice.client.get("/v1/reflections").json()["items"]
    assert sorted(item["id"] for item in listed) == sorted(written)
    assert alice.client.get(f"/v1/reflections/{draft['id']}").status_code == 404
    run_pragma(server, "PRAGMA max_page_count=100000")
    assert alice.client.post("/v1/reflections", json=draft).status_code == 201


def test_a_full_disk_of_postgresql_is_reported_as_such(databases: Databases) -> None:
    url = databases.fresh("postgresql")
    execute_sql(
        url,
        "CREATE FUNCTION full_disk() RETURNS int LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$",
    )

    async def work(db: Database) -> None:
        with pytest.raises(StorageFull):
            await db.one(Statement(sa.select(sa.func.full_disk())))

    with_database(Settings(database_url=url), work)


def test_a_disk_that_takes_no_writes_is_not_ready_and_still_read(servers: Servers) -> None:
    server = servers.start(servers.settings("sqlite"))
    alice = server.person("alice")
    assert server.anyone.get("/readyz").status_code == 200
    draft = draft_of(REFLECTIONS)
    assert alice.client.post("/v1/reflections", json=draft).status_code == 201
    run_pragma(server, "PRAGMA query_only=ON")
    assert server.anyone.get("/readyz").status_code == 503
    assert alice.client.post("/v1/reflections", json=draft_of(REFLECTIONS)).status_code == 503
    (kept,) = alice.client.get("/v1/reflections").json()["items"]
    assert kept == alice.client.get(f"/v1/reflections/{draft['id']}").json()
    assert kept["body"] == draft["body"]
