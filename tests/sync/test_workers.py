"""Several processes on one database: a change in one wakes the polls and streams of another."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from app.sync import waiting
from tests.db.helpers import execute_sql
from tests.house.starting import started_server
from tests.serving import Person, Server
from tests.sync.event_stream import open_event_stream
from tests.sync.sync_client import CHANGES, SyncClient, upsert
from tests.waiting import wait_until
from tests.witness import Client

AFTERGLOW = str(Path(sys.executable).with_name("afterglow"))
SHARED_SETTINGS = ("database_url", "keyring", "pool_seconds")
TERMINATE = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'afterglow notifications'"
)


@pytest.fixture
def other_process(server: Server, alice: Person, tmp_path: Path) -> Iterator[Client]:
    """Alice's client at another process on the same database."""
    environment = {f"AFTERGLOW_{name.upper()}": str(getattr(server.settings, name)) for name in SHARED_SETTINGS}
    with started_server([AFTERGLOW, "serve"], tmp_path, **environment) as url, Client(url, alice.token) as client:
        yield client


@pytest.fixture(autouse=True)
def no_read_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the feed only after a notification, so that nothing else can deliver a change."""
    monkeypatch.setattr(waiting, "MAX_READ_INTERVAL", 3600.0)


def sync_with(client: Client, person: Person) -> SyncClient:
    return SyncClient(replace(person, client=client))


def test_a_change_reaches_polls_and_streams_of_another_process(
    server: Server, alice: Person, other_process: Client
) -> None:
    here, there = SyncClient(alice), sync_with(other_process, alice)
    with (
        open_event_stream(alice.client) as stream,
        open_event_stream(other_process) as other,
        ThreadPoolExecutor() as threads,
    ):
        head = stream.next_head()
        assert other.next_head() == head
        poll = {"since": head, "wait": 30}
        answers = [
            threads.submit(client.get, CHANGES, params=poll) for client in (server.client(alice.token), other_process)
        ]
        wait_until(lambda: server.db.notifier.subscribers(alice.id) == 2)
        record = there.push_applied(upsert())
        assert stream.next_head() == other.next_head() == record["version"]
        for answer in answers:
            assert answer.result().json()["cursor"] == str(record["version"])
        record = here.push_applied(upsert())
        assert stream.next_head() == other.next_head() == record["version"]


@pytest.mark.parametrize("database", ["postgresql"])
def test_changes_arrive_after_all_notification_connections_were_lost(
    server: Server, alice: Person, other_process: Client
) -> None:
    here, there = SyncClient(alice), sync_with(other_process, alice)
    with open_event_stream(alice.client) as stream, open_event_stream(other_process) as other:
        assert stream.next_head() == other.next_head()
        execute_sql(server.settings.database_url, f"{TERMINATE} AND datname = current_database()")
        for sync in (here, there, here):
            record = sync.push_applied(upsert())
            assert stream.next_head() == other.next_head() == record["version"]
