"""Every wait for the database has a deadline, after which the response is 503."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest

from app.db import Database
from app.identity.accounts import BY_EMAIL
from app.problems import Unavailable
from app.records.access import LOCK_FEED
from app.settings import Settings
from tests.conftest import Servers
from tests.db.helpers import ENDLESS, account_names, add_account, locked_feed, own_binds, with_database
from tests.drafts import draft_of, resource_of
from tests.serving import Server

SHORT = {"database_pool": 1, "pool_seconds": 1, "statement_seconds": 0.5}


@pytest.fixture
def short_deadline(settings: Settings) -> Settings:
    """Settings with a short deadline for statements."""
    return settings.model_copy(update={"statement_seconds": 0.5})


REFLECTIONS = resource_of("reflections")


def test_a_statement_that_takes_too_long_is_cancelled(short_deadline: Settings) -> None:
    async def in_a_transaction(db: Database) -> None:
        async with db.transaction() as tx:
            await add_account(tx, "alice")
            await tx.one(ENDLESS)

    async def work(db: Database) -> None:
        with pytest.raises(Unavailable):
            await db.one(ENDLESS)
        with pytest.raises(Unavailable):
            await in_a_transaction(db)
        assert await account_names(db) == []

    with_database(short_deadline, work)


def test_waiting_for_a_lock_has_a_deadline(short_deadline: Settings) -> None:
    async def work(db: Database) -> None:
        with pytest.raises(Unavailable):
            async with db.transaction() as tx:
                await tx.one(LOCK_FEED, **own_binds(alice))
        assert await account_names(db) == ["alice"]

    async def add(db: Database) -> UUID:
        async with db.transaction() as tx:
            return await add_account(tx, "alice")

    alice = with_database(short_deadline, add)
    with locked_feed(short_deadline.model_copy(update={"statement_seconds": 30}), alice):
        with_database(short_deadline, work)


def test_waiting_for_a_connection_has_a_deadline(settings: Settings) -> None:
    settings = settings.model_copy(update={"pool_seconds": 1, "statement_seconds": 3})

    async def begin(db: Database) -> None:
        async with db.transaction():
            pass

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            await asyncio.gather(*(refused(db) for _ in range(5)))
            await add_account(tx, "alice")
        await begin(db)
        assert await account_names(db) == ["alice"]

    async def refused(db: Database) -> None:
        with pytest.raises(Unavailable):
            await begin(db)

    with_database(settings, work)


@contextmanager
def busy(server: Server) -> Iterator[None]:
    """Hold the only connection that can write during the block."""
    transaction = server.db.transaction()
    server.run(transaction.__aenter__())
    try:
        yield
    finally:
        server.run(transaction.__aexit__(None, None, None))


def test_without_a_free_connection_the_answer_is_503_until_there_is_one(servers: Servers, database: str) -> None:
    seconds = 0.3 if database == "sqlite" else 20
    server = servers.start(servers.settings(database, **SHORT | {"statement_seconds": seconds}))
    alice = server.person("alice")
    draft = draft_of(REFLECTIONS)
    with busy(server):
        refused = alice.client.post("/v1/reflections", json=draft)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["code"] == "unavailable"
        assert alice.client.get("/v1/reflections").status_code == (503 if database == "postgresql" else 200)
        assert server.anyone.get("/readyz").status_code == 503
        assert server.anyone.get("/livez").status_code == 200
    assert server.anyone.get("/readyz").status_code == 200
    assert alice.client.get("/v1/reflections").json()["items"] == []
    assert alice.client.post("/v1/reflections", json=draft).status_code == 201


def test_while_another_process_holds_the_feed_reads_answer_and_writes_are_503(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database, **SHORT))
    alice, bob = server.person("alice"), server.person("bob")
    draft = draft_of(REFLECTIONS)
    with locked_feed(server.settings.model_copy(update={"statement_seconds": 30}), alice.id):
        assert alice.client.post("/v1/reflections", json=draft).status_code == 503
        assert alice.client.get("/v1/reflections").json()["items"] == []
        assert bob.client.post("/v1/reflections", json=draft).status_code == (201 if database == "postgresql" else 503)
    assert alice.client.post("/v1/reflections", json=draft).status_code == 201


def test_the_deadline_is_that_of_each_statement_not_of_the_transaction(settings: Settings) -> None:
    """A transaction may take longer than the deadline of a statement."""

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            for _ in range(3):
                for _ in range(200):
                    await tx.one(BY_EMAIL, email_key="nobody@example.com")

    with_database(settings, work)
