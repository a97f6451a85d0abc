"""Writers and readers of one feed at the same time: every acknowledged change is seen, once, in its order."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from app.records.access import LOCK_FEED
from tests.parallel import DEVICES, at_once
from tests.serving import Person, Server
from tests.sync.phone import Phone, delete, edit, upsert

TURNS = 4
PAGES = (2, 7)


def writes(phone: Phone) -> list[int]:
    """Create, change and remove, by pushes and by plain requests; return the version of every change."""
    versions = []
    for _ in range(TURNS):
        first, second = (phone.applied(upsert()) for _ in range(2))
        posted = phone.client.post("/v1/intentions", json=upsert()["set"]).json()
        edited = phone.applied(edit(second, set={"why": "wisteria"}))
        gone = phone.one(delete(posted))["version"]
        versions += [first["version"], second["version"], posted["version"], edited["version"], gone]
    return versions


def reads(phone: Phone, limit: int, enough: Event) -> list[int]:
    """Pull, page after page and again and again, until nobody writes any more; return every version that came."""
    cursor, versions = "0", []
    while True:
        is_last = enough.is_set()
        changes, cursor = phone.pull(cursor, limit=limit)
        versions += [each["version"] for each in changes]
        if is_last:
            return versions


def every_change_is_seen(alice: Person) -> None:
    """Let eight devices write, and others read meanwhile; compare what was acknowledged with what was seen."""
    enough = Event()
    with ThreadPoolExecutor(len(PAGES)) as threads:
        readers = [threads.submit(reads, Phone(alice), limit, enough) for limit in PAGES]
        try:
            acknowledged = [version for versions in at_once(lambda _: writes(Phone(alice))) for version in versions]
        finally:
            enough.set()
        seen = [reader.result() for reader in readers]
    latest = [change["version"] for change in Phone(alice).pull()[0]]
    first = min(acknowledged)
    assert sorted(acknowledged) == [*range(first, first + DEVICES * TURNS * 5)]
    for versions in seen:
        assert versions == sorted({*versions}), "each once, in its order"
        assert {*latest} <= {*versions} <= {*acknowledged}


def test_every_acknowledged_change_is_seen_once_by_readers_that_page_meanwhile(alice: Person) -> None:
    every_change_is_seen(alice)


def test_a_change_that_waited_for_another_sees_what_that_did(server: Server, alice: Person) -> None:
    record = alice.client.post("/v1/intentions", json=upsert()["set"])
    path, unchanged = f"/v1/intentions/{record.json()['id']}", {"If-Match": record.headers["etag"]}

    def change(device: int) -> int:
        return alice.client.patch(path, json={"why": f"wisteria {device}"}, headers=unchanged).status_code

    async def keep_the_feed() -> None:
        async with server.db.transaction() as tx:
            await tx.one(LOCK_FEED, owner_id=alice.id, account_id=alice.id, device_id=alice.id)
            kept.set()
            await asyncio.sleep(0.5)

    kept = Event()
    keeping = server.begin(keep_the_feed())
    kept.wait()
    statuses = at_once(change)
    keeping.result()
    assert sorted(statuses) == [200] + [412] * (DEVICES - 1)
