"""The stream of events: where the feed is, at once and whenever it moves, to whoever is signed in and reads."""

import time
from collections.abc import Iterator

import pytest

from app.identity.device_sessions import sign_in
from app.sync import waiting
from tests.conftest import Databases, Servers
from tests.db.proxy import Proxy
from tests.drafts import etag
from tests.hostile.raw import Line
from tests.serving import Person, Server
from tests.sync.following import EVENTS, following
from tests.sync.phone import INTENTION, Phone, edit, upsert
from tests.waiting import awaited

OFTEN = 0.1


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whoever waits look at the feed ten times a second."""
    monkeypatch.setattr(waiting, "MAX_READ_INTERVAL", OFTEN)


def head_of(person: Person) -> int:
    return int(person.client.get("/v1/sync").json()["cursor"])


def test_it_tells_where_the_feed_is_and_whenever_it_moves_whichever_door_was_used(alice: Person, phone: Phone) -> None:
    before = head_of(alice)
    with following(alice.client) as stream:
        assert stream.head() == before
        record = phone.applied(upsert())
        assert stream.head() == record["version"] == before + 1
        changed = phone.applied(edit(record, set={"statement": "wisteria, and rain"}))
        assert stream.head() == changed["version"]
        address = f"/v1/intentions/{record['id']}"
        patched = alice.client.patch(address, json={"visibility": "shared"}, headers=etag(changed)).json()
        assert stream.head() == patched["version"]
        assert alice.client.delete(address, headers={"If-Match": "*"}).status_code == 204
        assert stream.head() == patched["version"] + 1 == head_of(alice)


@pytest.mark.usefixtures("often")
def test_between_events_come_comments_and_nothing_of_what_others_do_or_what_changes_nothing(
    alice: Person, phone: Phone, bob: Person
) -> None:
    record = phone.applied(upsert())
    with following(alice.client) as stream:
        assert stream.head() == record["version"]
        assert stream.next() is None
        Phone(bob).applied(upsert())
        assert phone.one(edit(record, set=INTENTION))["outcome"] == "unchanged"
        assert [stream.next() for _ in range(3)] == [None] * 3
        assert phone.applied(upsert())["version"] == stream.head()


def test_the_id_of_the_last_event_spares_an_event_that_would_tell_nothing_new(alice: Person, phone: Phone) -> None:
    before, record = head_of(alice), phone.applied(upsert())
    with following(alice.client, str(record["version"])) as stream:
        assert stream.next() is None
        phone.applied(upsert())
        assert stream.head() == record["version"] + 1
    for given in (str(before), "0", f"0{record['version']}", "wisteria", "", "-1", "9" * 400):
        with following(alice.client, given) as stream:
            assert stream.head() == record["version"] + 1


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("path", ["/v1/auth/logout", "/v1/auth/logout-all"])
def test_it_ends_when_the_device_is_signed_out(server: Server, alice: Person, path: str) -> None:
    with following(alice.client) as stream:
        assert stream.next() is not None
        assert server.client(alice.token).post(path).status_code == 204
        assert stream.ends()
    assert alice.client.get(EVENTS).status_code == 401


def test_no_news_reaches_a_device_that_is_signed_out(server: Server, alice: Person) -> None:
    tablet = server.run(sign_in(server.services, alice.id, "tablet"))
    with following(alice.client) as stream:
        assert stream.next() is not None
        assert alice.client.post("/v1/auth/logout").status_code == 204
        written = server.client(tablet["access_token"]).post("/v1/intentions", json=INTENTION)
        assert written.status_code == 201
        assert stream.ends()


def test_head_is_answered_at_once_and_the_connection_goes_on(server: Server, line: Line, alice: Person) -> None:
    bearer = [("Authorization", f"Bearer {alice.token}")]
    for _ in range(2):
        reply = line.ask("HEAD", EVENTS, bearer)
        assert (reply.status, reply.headers["content-type"], reply.body) == (200, "text/event-stream", b"")
        assert line.ask("GET", "/v1/me", bearer).status == 200
    awaited(lambda: server.db.notifier.subscribers(alice.id) == 0)


def test_who_hangs_up_leaves_nothing_behind(server: Server, alice: Person) -> None:
    for _ in range(3):
        with following(alice.client) as stream:
            assert stream.next() is not None
            assert server.db.notifier.subscribers(alice.id) == 1
        awaited(lambda: server.db.notifier.subscribers(alice.id) == 0)


def test_one_person_waits_only_so_often_at_once(servers: Servers, database: str) -> None:
    server = servers.shared(database, max_waiting_each=2)
    alice, bob = server.person("alice"), server.person("bob")
    with following(alice.client) as stream:
        assert stream.next() is not None
        with following(alice.client):
            refused = alice.client.get(EVENTS)
            assert (refused.status_code, refused.json()["code"]) == (429, "too-many-waiting")
            assert refused.headers["retry-after"] == "30"
            assert bob.client.get(EVENTS).status_code == 200
            assert Phone(alice).one(upsert())["outcome"] == "applied"
        awaited(lambda: alice.client.get(EVENTS).status_code == 200)
    server.end_test()


def test_who_waits_keeps_nobody_from_being_served_and_lets_go_when_the_server_stops(
    servers: Servers, database: str
) -> None:
    server = servers.start(servers.settings(database, max_waiting=1, max_in_flight=1))
    alice, bob = server.person("alice"), server.person("bob")
    for _ in range(2):
        with following(alice.client) as stream:
            assert stream.next() is not None
        awaited(lambda: server.db.notifier.subscribers(alice.id) == 0)
    with following(alice.client) as stream:
        assert stream.next() is not None
        assert bob.client.get("/v1/me").status_code == 200
        refused = bob.client.get(EVENTS)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        server.run(_about_to_stop(server))
        assert stream.ends()
    assert bob.client.get(EVENTS).status_code == 503
    assert bob.client.get("/readyz").status_code == 503
    assert bob.client.get("/v1/me").status_code == 200


async def _about_to_stop(server: Server) -> None:
    server.services.limiter.draining.set()


@pytest.fixture
def relayed(servers: Servers, databases: Databases) -> Iterator[tuple[Server, Proxy]]:
    with Proxy(databases.fresh("postgresql")) as proxy:
        yield servers.start(servers.settings("", database_url=proxy.url, pool_seconds=1, statement_seconds=1)), proxy


@pytest.mark.usefixtures("often")
def test_it_outlives_a_database_that_is_away_for_a_while(relayed: tuple[Server, Proxy]) -> None:
    server, proxy = relayed
    alice = server.person("alice")
    with following(alice.client) as stream:
        assert stream.next() is not None
        proxy.cut()
        time.sleep(5 * OFTEN)
        assert [stream.next() for _ in range(3)] == [None] * 3
        proxy.resume()
        record = Phone(alice).applied(upsert())
        assert stream.head() == record["version"]
    proxy.cut()
    refused = alice.client.get(EVENTS)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    proxy.resume()
    server.end_test()
