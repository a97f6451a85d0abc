"""Several processes on one database: whoever waits at one is woken by what is written at another."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.sync import waiting
from tests.db.helpers import execute_sql
from tests.house.starting import started_server
from tests.serving import Person, Server
from tests.sync.following import following
from tests.sync.phone import CHANGES, Phone, upsert
from tests.waiting import awaited
from tests.witness import Client

AFTERGLOW = str(Path(sys.executable).with_name("afterglow"))
SAME = ("database_url", "keyring", "pool_seconds")
TERMINATE = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'afterglow notifications'"
)


@pytest.fixture
def elsewhere(server: Server, alice: Person, tmp_path: Path) -> Iterator[Client]:
    """Alice's client at another process on the same database."""
    environment = {f"AFTERGLOW_{name.upper()}": str(getattr(server.settings, name)) for name in SAME}
    with started_server([AFTERGLOW, "serve"], tmp_path, **environment) as url, Client(url, alice.token) as client:
        yield client


@pytest.fixture(autouse=True)
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whoever waits look only when they are woken: nothing else may bring them the news."""
    monkeypatch.setattr(waiting, "MAX_READ_INTERVAL", 3600.0)


def at(client: Client, person: Person) -> Phone:
    return Phone(Person(person.id, person.email, person.tokens, client))


def test_news_wakes_who_waits_at_another_process(server: Server, alice: Person, elsewhere: Client) -> None:
    here, there = Phone(alice), at(elsewhere, alice)
    with following(alice.client) as stream, following(elsewhere) as other, ThreadPoolExecutor() as threads:
        head = stream.head()
        assert other.head() == head
        poll = {"since": head, "wait": 30}
        answers = [
            threads.submit(client.get, CHANGES, params=poll) for client in (server.client(alice.token), elsewhere)
        ]
        awaited(lambda: server.db.notifier.subscribers(alice.id) == 2)
        record = there.applied(upsert())
        assert stream.head() == other.head() == record["version"]
        for answer in answers:
            assert answer.result().json()["cursor"] == str(record["version"])
        record = here.applied(upsert())
        assert stream.head() == other.head() == record["version"]


@pytest.mark.parametrize("database", ["postgresql"])
def test_news_goes_on_after_every_connection_for_wake_ups_was_lost(
    server: Server, alice: Person, elsewhere: Client
) -> None:
    here, there = Phone(alice), at(elsewhere, alice)
    with following(alice.client) as stream, following(elsewhere) as other:
        assert stream.head() == other.head()
        execute_sql(server.settings.database_url, f"{TERMINATE} AND datname = current_database()")
        for phone in (here, there, here):
            record = phone.applied(upsert())
            assert stream.head() == other.head() == record["version"]
