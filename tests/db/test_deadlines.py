"""Deadlines: every wait for the database ends, and the answer is then 503, never a hang and never 500."""

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
from tests.db.opened import ENDLESS, added, addresses, holding, over, own_binds
from tests.drafts import draft_of, resource_of
from tests.serving import Server

SHORT = {"database_pool": 1, "pool_seconds": 1, "statement_seconds": 0.5}


@pytest.fixture
def hasty(settings: Settings) -> Settings:
    """Settings whose statements end soon."""
    return settings.model_copy(update={"statement_seconds": 0.5})


REFLECTIONS = resource_of("reflections")


def test_a_statement_that_takes_too_long_is_given_up(hasty: Settings) -> None:
    async def in_a_transaction(db: Database) -> None:
        async with db.transaction() as tx:
            await added(tx, "alice")
            await tx.one(ENDLESS)

    async def work(db: Database) -> None:
        with pytest.raises(Unavailable):
            await db.one(ENDLESS)
        with pytest.raises(Unavailable):
            await in_a_transaction(db)
        assert await addresses(db) == []

    over(hasty, work)


def test_a_lock_that_somebody_else_holds_is_given_up(hasty: Settings) -> None:
    async def work(db: Database) -> None:
        with pytest.raises(Unavailable):
            async with db.transaction() as tx:
                await tx.one(LOCK_FEED, **own_binds(alice))
        assert await addresses(db) == ["alice"]

    async def add(db: Database) -> UUID:
        async with db.transaction() as tx:
            return await added(tx, "alice")

    alice = over(hasty, add)
    with holding(hasty.model_copy(update={"statement_seconds": 30}), alice):
        over(hasty, work)


def test_a_turn_that_does_not_come_is_given_up(settings: Settings) -> None:
    settings = settings.model_copy(update={"pool_seconds": 1, "statement_seconds": 3})

    async def begin(db: Database) -> None:
        async with db.transaction():
            pass

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            await asyncio.gather(*(refused(db) for _ in range(5)))
            await added(tx, "alice")
        await begin(db)
        assert await addresses(db) == ["alice"]

    async def refused(db: Database) -> None:
        with pytest.raises(Unavailable):
            await begin(db)

    over(settings, work)


@contextmanager
def busy(server: Server) -> Iterator[None]:
    """Keep the only connection that may write busy."""
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
    with holding(server.settings.model_copy(update={"statement_seconds": 30}), alice.id):
        assert alice.client.post("/v1/reflections", json=draft).status_code == 503
        assert alice.client.get("/v1/reflections").json()["items"] == []
        assert bob.client.post("/v1/reflections", json=draft).status_code == (201 if database == "postgresql" else 503)
    assert alice.client.post("/v1/reflections", json=draft).status_code == 201


def test_a_statement_has_its_deadline_to_itself(settings: Settings) -> None:
    """A transaction may be longer than a statement: what is counted is each wait."""

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            for _ in range(3):
                for _ in range(200):
                    await tx.one(BY_EMAIL, email_key="nobody@example.com")

    over(settings, work)
