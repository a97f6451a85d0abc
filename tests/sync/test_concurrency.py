"""Writers and readers of one feed at the same time: a reader gets each acknowledged change once and in order."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from app.records.access import LOCK_FEED
from tests.parallel import DEVICES, at_once
from tests.serving import Person, Server
from tests.sync.sync_client import SyncClient, delete, edit, upsert

ROUNDS = 4
PAGES = (2, 7)


def write_changes(sync: SyncClient) -> list[int]:
    """Create, change and remove records, by pushes and by other requests; return the version of each change."""
    versions = []
    for _ in range(ROUNDS):
        first, second = (sync.push_applied(upsert()) for _ in range(2))
        posted = sync.client.post("/v1/intentions", json=upsert()["set"]).json()
        edited = sync.push_applied(edit(second, set={"why": "wisteria"}))
        gone = sync.push_one(delete(posted))["version"]
        versions += [first["version"], second["version"], posted["version"], edited["version"], gone]
    return versions


def read_changes(sync: SyncClient, limit: int, done: Event) -> list[int]:
    """Pull until the writers are done; return the versions in the order in which they arrived."""
    cursor, versions = "0", []
    while True:
        is_last = done.is_set()
        changes, cursor = sync.pull(cursor, limit=limit)
        versions += [each["version"] for each in changes]
        if is_last:
            return versions


def check_every_change_is_seen(alice: Person) -> None:
    """Let eight devices write while others pull; compare the acknowledged changes with the pulled ones."""
    done = Event()
    with ThreadPoolExecutor(len(PAGES)) as threads:
        readers = [threads.submit(read_changes, SyncClient(alice), limit, done) for limit in PAGES]
        try:
            acknowledged = [
                version for versions in at_once(lambda _: write_changes(SyncClient(alice))) for version in versions
            ]
        finally:
            done.set()
        seen = [reader.result() for reader in readers]
    latest = [change["version"] for change in SyncClient(alice).pull()[0]]
    first = min(acknowledged)
    assert sorted(acknowledged) == [*range(first, first + DEVICES * ROUNDS * 5)]
    for versions in seen:
        assert versions == sorted({*versions}), "each change once, in order"
        assert {*latest} <= {*versions} <= {*acknowledged}


def test_concurrent_readers_get_each_acknowledged_change_once(alice: Person) -> None:
    check_every_change_is_seen(alice)


def test_a_change_that_waits_for_the_feed_lock_sees_the_change_before_it(server: Server, alice: Person) -> None:
    record = alice.client.post("/v1/intentions", json=upsert()["set"])
    path, unchanged = f"/v1/intentions/{record.json()['id']}", {"If-Match": record.headers["etag"]}

    def change(device: int) -> int:
        return alice.client.patch(path, json={"why": f"wisteria {device}"}, headers=unchanged).status_code

    async def lock_feed() -> None:
        async with server.db.transaction() as tx:
            await tx.one(LOCK_FEED, owner_id=alice.id, account_id=alice.id, device_id=alice.id)
            locked.set()
            await asyncio.sleep(0.5)

    locked = Event()
    lock = server.begin(lock_feed())
    locked.wait()
    statuses = at_once(change)
    lock.result()
    assert sorted(statuses) == [200] + [412] * (DEVICES - 1)
