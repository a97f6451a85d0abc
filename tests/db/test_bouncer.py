"""PgBouncer: the API works in session and in transaction mode, with the URL alone, and leaves nothing in a session."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from app.db import schema
from tests.conftest import Databases, Servers
from tests.db.bouncer import bouncing
from tests.drafts import draft_of, resource_of
from tests.serving import Person
from tests.waiting import wait_until

REFLECTIONS = resource_of("reflections")
MODES = ["session", "transaction"]


@pytest.fixture(params=[*MODES, "session&pool_mode=session", "transaction&statement_cache_size=0"])
def url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    mode, _, parameter = str(request.param).partition("&")
    with bouncing(databases.fresh("postgresql", migrated=False), mode) as found:
        yield f"{found}&{parameter}" if parameter else found


def test_many_requests_at_once_work_behind_a_pooler(url: str, servers: Servers) -> None:
    for _ in range(2):
        schema.migrate(url)
    server = servers.start(servers.settings("", database_url=url, database_pool=3, statement_seconds=30))
    assert server.anyone.get("/readyz").status_code == 200
    people = [server.person(name) for name in ("alice", "bob", "carol", "dave")]

    def work(person: Person) -> None:
        for _ in range(25):
            draft = draft_of(REFLECTIONS)
            created = person.client.post("/v1/reflections", json=draft)
            assert created.status_code == 201, created.text
            assert person.client.get(f"/v1/reflections/{draft['id']}").json()["body"] == draft["body"]
        page = person.client.get("/v1/reflections").json()["items"]
        assert len(page) == 25
        assert person.client.get("/v1/sync/changes?since=0").status_code == 200

    with ThreadPoolExecutor(len(people)) as threads:
        list(threads.map(work, people))


def test_nothing_is_left_in_the_sessions_of_a_pooler(databases: Databases, servers: Servers) -> None:
    with bouncing(databases.fresh("postgresql"), "transaction", server_connections=1) as url:
        server = servers.start(servers.settings("", database_url=url, database_pool=3))
        alice = server.person("alice")
        assert alice.client.post("/v1/reflections", json=draft_of(REFLECTIONS)).status_code == 201

        async def left() -> list[object]:
            connection = await asyncpg.connect(url, statement_cache_size=0)
            found = await connection.fetchrow(
                "SELECT current_setting('statement_timeout'), current_setting('enable_hashjoin'), "
                "(SELECT count(*) FROM pg_prepared_statements WHERE name <> ''), "
                "(SELECT count(*) FROM pg_listening_channels())"
            )
            await connection.close()
            return [*found]

        # a statement that the server's own jobs have just prepared is gone after their next one, within two seconds
        wait_until(lambda: asyncio.run(left()) == ["0", "on", 0, 0])
