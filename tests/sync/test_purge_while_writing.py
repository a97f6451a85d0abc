"""Purges during writes: four writers, a client that pulls, and a purge of every tombstone at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from app import clock
from app.db import Database
from app.records import purging
from tests.db.helpers import with_database
from tests.drafts import etag
from tests.parallel import at_once
from tests.rows import changes_of, feed_of
from tests.serving import Person, Server
from tests.sync.sync_client import CHANGES, Json, SyncClient

WRITERS = 4
ROUNDS = 20


async def purged(db: Database) -> int:
    return sum([each async for each in purging.purge(db, clock.now())])


def purging_until(server: Server, done: Event) -> int:
    """Purge repeatedly, as another process does; return how many tombstones were deleted."""
    gone = 0
    while not done.is_set():
        gone += with_database(server.settings, purged)
    return gone


def pulling_until(sync: SyncClient, done: Event) -> dict[str, Json]:
    """Pull repeatedly, and once more at the end; return the records that the client has then."""
    held: dict[str, Json] = {}
    since: int | str = 0
    while True:
        last = done.is_set()
        response = sync.client.get(CHANGES, params={"since": since, "limit": 7})
        if response.status_code == 410:
            since, held = 0, {}
            continue
        page = response.json()
        for change in page["changes"]:
            held.pop(change["id"], None)
            if not change["deleted"]:
                held[change["id"]] = change["record"]
        since = page["cursor"]
        if last and not page["has_more"]:
            return held


def test_no_change_is_lost_while_tombstones_are_purged(server: Server, alice: Person, sync: SyncClient) -> None:
    clients = [server.client(alice.token) for _ in range(WRITERS)]
    removed: list[str] = []
    kept: dict[str, Json] = {}

    def write(writer: int) -> None:
        for number in range(ROUNDS):
            response = clients[writer].post(
                "/v1/intentions", json={"kind": "session", "statement": f"wisteria {number}"}
            )
            assert response.status_code == 201
            record = response.json()
            if number % 2:
                url = f"/v1/intentions/{record['id']}"
                assert clients[writer].delete(url, headers=etag(record)).status_code == 204
                removed.append(record["id"])
            else:
                kept[record["id"]] = record

    done = Event()
    with ThreadPoolExecutor(2) as pool:
        purger, puller = pool.submit(purging_until, server, done), pool.submit(pulling_until, sync, done)
        try:
            at_once(write, WRITERS)
        finally:
            done.set()
        gone, held = purger.result(), puller.result()
    assert held == kept
    assert gone + with_database(server.settings, purged) >= len(removed) == WRITERS * ROUNDS // 2
    changes, feed = changes_of(server, alice), feed_of(server, alice)
    assert set(changes) == set(kept)
    assert feed["head"] == 1 + WRITERS * (ROUNDS + ROUNDS // 2)
    assert feed["floor"] == max(set(range(2, feed["head"] + 1)) - {row["seq"] for row in changes.values()})
