"""The event stream: the feed's head, at the start and after each change, while the device is signed in."""

import time
from collections.abc import Iterator

import pytest

from app.identity.device_sessions import sign_in
from app.sync import waiting
from tests.conftest import Databases, Servers
from tests.db.proxy import Proxy
from tests.drafts import etag
from tests.hostile.raw import RawConnection
from tests.serving import Person, Server
from tests.sync.event_stream import EVENTS, open_event_stream
from tests.sync.sync_client import INTENTION, SyncClient, edit, upsert
from tests.waiting import wait_until

READ_INTERVAL = 0.1


@pytest.fixture
def short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each stream read the feed ten times a second."""
    monkeypatch.setattr(waiting, "MAX_READ_INTERVAL", READ_INTERVAL)


def head_of(person: Person) -> int:
    return int(person.client.get("/v1/sync").json()["cursor"])


def test_the_head_is_sent_at_the_start_and_after_each_change_by_push_or_rest(alice: Person, sync: SyncClient) -> None:
    before = head_of(alice)
    with open_event_stream(alice.client) as stream:
        assert stream.next_head() == before
        record = sync.push_applied(upsert())
        assert stream.next_head() == record["version"] == before + 1
        changed = sync.push_applied(edit(record, set={"statement": "wisteria, and rain"}))
        assert stream.next_head() == changed["version"]
        url = f"/v1/intentions/{record['id']}"
        patched = alice.client.patch(url, json={"visibility": "shared"}, headers=etag(changed)).json()
        assert stream.next_head() == patched["version"]
        assert alice.client.delete(url, headers={"If-Match": "*"}).status_code == 204
        assert stream.next_head() == patched["version"] + 1 == head_of(alice)


@pytest.mark.usefixtures("short_interval")
def test_only_comments_are_sent_for_other_accounts_changes_and_for_unchanged_records(
    alice: Person, sync: SyncClient, bob: Person
) -> None:
    record = sync.push_applied(upsert())
    with open_event_stream(alice.client) as stream:
        assert stream.next_head() == record["version"]
        assert stream.next_event() is None
        SyncClient(bob).push_applied(upsert())
        assert sync.push_one(edit(record, set=INTENTION))["outcome"] == "unchanged"
        assert [stream.next_event() for _ in range(3)] == [None] * 3
        assert sync.push_applied(upsert())["version"] == stream.next_head()


def test_no_event_repeats_the_head_in_last_event_id(alice: Person, sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    with open_event_stream(alice.client, str(record["version"])) as stream:
        assert stream.next_event() is None
        sync.push_applied(upsert())
        assert stream.next_head() == record["version"] + 1


@pytest.mark.parametrize(
    "last_event_id",
    [
        pytest.param("{before}", id="an earlier head"),
        pytest.param("0", id="zero"),
        pytest.param("0{head}", id="a leading zero"),
        pytest.param("wisteria", id="a word"),
        pytest.param("", id="empty"),
        pytest.param("-1", id="negative"),
        pytest.param("9" * 400, id="400 digits"),
    ],
)
def test_any_other_last_event_id_gets_the_head_at_once(alice: Person, sync: SyncClient, last_event_id: str) -> None:
    before, record = head_of(alice), sync.push_applied(upsert())
    value = last_event_id.format(before=before, head=record["version"])
    with open_event_stream(alice.client, value) as stream:
        assert stream.next_head() == record["version"]


@pytest.mark.usefixtures("short_interval")
@pytest.mark.parametrize("path", ["/v1/auth/logout", "/v1/auth/logout-all"])
def test_the_stream_ends_when_the_device_is_signed_out(server: Server, alice: Person, path: str) -> None:
    with open_event_stream(alice.client) as stream:
        assert stream.next_event() is not None
        assert server.client(alice.token).post(path).status_code == 204
        assert stream.ends()
    assert alice.client.get(EVENTS).status_code == 401


def test_a_device_that_is_signed_out_gets_no_event(server: Server, alice: Person) -> None:
    tablet = server.run(sign_in(server.services, alice.id, "tablet"))
    with open_event_stream(alice.client) as stream:
        assert stream.next_event() is not None
        assert alice.client.post("/v1/auth/logout").status_code == 204
        written = server.client(tablet["access_token"]).post("/v1/intentions", json=INTENTION)
        assert written.status_code == 201
        assert stream.ends()


def test_a_head_request_is_answered_at_once_and_keeps_the_connection(
    server: Server, connection: RawConnection, alice: Person
) -> None:
    bearer = [("Authorization", f"Bearer {alice.token}")]
    for _ in range(2):
        reply = connection.request("HEAD", EVENTS, bearer)
        assert (reply.status, reply.headers["content-type"], reply.body) == (200, "text/event-stream", b"")
        assert connection.request("GET", "/v1/me", bearer).status == 200
    wait_until(lambda: server.db.notifier.subscribers(alice.id) == 0)


def test_a_closed_stream_ends_its_subscription(server: Server, alice: Person) -> None:
    for _ in range(3):
        with open_event_stream(alice.client) as stream:
            assert stream.next_event() is not None
            assert server.db.notifier.subscribers(alice.id) == 1
        wait_until(lambda: server.db.notifier.subscribers(alice.id) == 0)


def test_streams_of_one_account_are_limited(servers: Servers, database: str) -> None:
    server = servers.shared(database, max_waiting_each=2)
    alice, bob = server.person("alice"), server.person("bob")
    with open_event_stream(alice.client) as stream:
        assert stream.next_event() is not None
        with open_event_stream(alice.client):
            refused = alice.client.get(EVENTS)
            assert (refused.status_code, refused.json()["code"]) == (429, "too-many-waiting")
            assert refused.headers["retry-after"] == "30"
            assert bob.client.get(EVENTS).status_code == 200
            assert SyncClient(alice).push_one(upsert())["outcome"] == "applied"
        wait_until(lambda: alice.client.get(EVENTS).status_code == 200)
    server.end_test()


def test_when_all_streams_are_taken_an_account_gets_one_of_the_account_with_the_most(
    servers: Servers, database: str
) -> None:
    server = servers.start(servers.settings(database, max_waiting=2))
    alice, bob = server.person("alice"), server.person("bob")
    with open_event_stream(alice.client) as first, open_event_stream(alice.client) as second:
        assert [stream.next_event() is not None for stream in (first, second)] == [True, True]
        with open_event_stream(bob.client) as stream:
            assert stream.next_event() is not None
            assert first.ends()
            assert alice.client.get(EVENTS).status_code == 503
            record = SyncClient(alice).push_applied(upsert())
            assert second.next_head() == record["version"]


def test_streams_leave_room_for_requests_and_end_when_the_server_stops(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database, max_waiting=1, max_in_flight=1))
    alice, bob = server.person("alice"), server.person("bob")
    for _ in range(2):
        with open_event_stream(alice.client) as stream:
            assert stream.next_event() is not None
        wait_until(lambda: server.db.notifier.subscribers(alice.id) == 0)
    with open_event_stream(alice.client) as stream:
        assert stream.next_event() is not None
        assert bob.client.get("/v1/me").status_code == 200
        refused = bob.client.get(EVENTS)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        server.run(_start_draining(server))
        assert stream.ends()
    assert bob.client.get(EVENTS).status_code == 503
    assert bob.client.get("/readyz").status_code == 503
    assert bob.client.get("/v1/me").status_code == 200


async def _start_draining(server: Server) -> None:
    server.services.limiter.draining.set()


@pytest.fixture
def proxied(servers: Servers, databases: Databases) -> Iterator[tuple[Server, Proxy]]:
    with Proxy(databases.fresh("postgresql")) as proxy:
        yield servers.start(servers.settings("", database_url=proxy.url, pool_seconds=1, statement_seconds=1)), proxy


@pytest.mark.usefixtures("short_interval")
def test_the_stream_continues_after_the_database_was_unavailable(proxied: tuple[Server, Proxy]) -> None:
    server, proxy = proxied
    alice = server.person("alice")
    with open_event_stream(alice.client) as stream:
        assert stream.next_event() is not None
        proxy.cut()
        time.sleep(5 * READ_INTERVAL)
        assert [stream.next_event() for _ in range(3)] == [None] * 3
        proxy.resume()
        record = SyncClient(alice).push_applied(upsert())
        assert stream.next_head() == record["version"]
    proxy.cut()
    refused = alice.client.get(EVENTS)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    proxy.resume()
    server.end_test()
