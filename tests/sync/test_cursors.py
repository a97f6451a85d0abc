"""Cursors of a pull: which ones are served, and the problem for all others."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.db import Statement, bind, bulk_insert
from app.identity import Caller, Feed
from app.records.restorations import MAX_PROVEN_EPOCH
from app.records.restoring import MAX_EPOCH_STEP, start_epoch
from app.records.tables import Change, Restoration
from app.records.view import View
from tests.refusals import pointers, refused
from tests.rows import feed_of
from tests.serving import Person, Server
from tests.sync.sync_client import CHANGES, PUSH, Json, SyncClient, delete, edit, upsert

_feed, _change = Feed.table(), Change.table()
_mine = _feed.c.owner_id == bind(_feed.c.owner_id)


def set_feed(server: Server, person: Person, **values: int) -> None:
    """Change columns of a person's feed in the database."""
    statement = Statement(sa.update(_feed).where(_mine).values({name: bind(_feed.c[name]) for name in values}))
    server.run(server.db.run(statement, owner_id=person.id, **values))


def purge(server: Server, person: Person) -> int:
    """Purge all tombstones of a person; return the new floor."""
    feed = feed_of(server, person)
    this = (_change.c.owner_id == bind(_change.c.owner_id), _change.c.deleted)
    server.run(server.db.run(Statement(sa.delete(_change).where(*this)), owner_id=person.id))
    set_feed(server, person, floor=feed["head"])
    return int(feed["head"])


def pull_expired(sync: SyncClient, since: Any, **query: Any) -> Json:
    document = refused(sync.client.get(CHANGES, params={"since": since, **query}), 410, "cursor-expired")
    assert (document["resync"]["since"], document["resync"]["mode"]) == (0, "replace")
    return document


def test_cursors_that_the_feed_cannot_serve_are_410(
    sync: SyncClient, bob: Person, server: Server, alice: Person
) -> None:
    record = sync.push_applied(upsert())
    feed = feed_of(server, alice)
    other_epoch = (feed["epoch"] % 8191 + 1) * 2**40 + 2
    for since in (other_epoch, 1, 2**40 - 1, 2**53 - 1):
        assert pull_expired(sync, since)["reason"] == "expired"
        assert pull_expired(sync, since)["resync"]["kept_through"] is None
    set_feed(server, bob, epoch=feed["epoch"] % 4096 + 1)
    assert pull_expired(SyncClient(bob), record["version"])["reason"] == "expired"


def test_below_the_floor_a_pull_from_zero_is_served_until_the_next_purge(
    sync: SyncClient, server: Server, alice: Person
) -> None:
    records = [sync.push_applied(upsert()) for _ in range(4)]
    sync.push_one(delete(records[1]))
    floor = purge(server, alice)
    assert pull_expired(sync, records[0]["version"])["reason"] == "expired"
    assert sync.pull(records[0]["version"] - records[0]["version"] % 2**40 + floor)[0] == []
    page = sync.pull_page(limit=1)
    assert [each["id"] for each in sync.pull(page["cursor"], limit=1)[0]] == [records[2]["id"], records[3]["id"]]
    sync.push_one(delete(records[2]))
    assert len(sync.pull(page["cursor"], limit=1)[0]) == 2
    purge(server, alice)
    assert pull_expired(sync, page["cursor"])["reason"] == "expired"
    assert [each["id"] for each in sync.pull()[0]] == [records[0]["id"], records[3]["id"]]


def test_a_later_pull_is_not_served_below_a_floor_that_rose_between_its_pages(
    sync: SyncClient, server: Server, alice: Person
) -> None:
    records = [sync.push_applied(upsert()) for _ in range(4)]
    page = sync.pull_page(records[0]["version"], limit=1)
    sync.push_one(delete(records[3]))
    assert len(sync.pull(page["cursor"], limit=1)[0]) == 2
    purge(server, alice)
    pull_expired(sync, page["cursor"], limit=1)


def test_after_a_restore_the_problem_names_the_last_version_of_the_backup(
    sync: SyncClient, server: Server, alice: Person
) -> None:
    record = sync.push_applied(upsert())
    feed = feed_of(server, alice)
    kept = {
        "epoch": feed["epoch"],
        "head": feed["head"] - 1,
        "restored_at": datetime.fromisoformat("2026-11-25T10:00Z"),
    }
    server.run(server.db.run(bulk_insert(Restoration.table()).one_row, owner_id=alice.id, **kept))
    set_feed(server, alice, epoch=feed["epoch"] + 3)
    kept_through = feed["epoch"] * 2**40 + feed["head"] - 1
    further = record["version"] + 5 * 2**40  # from another restore of the same backup, to a later epoch
    for since in (record["version"], record["version"] + 2**40, further):
        document = pull_expired(sync, since)
        assert (document["reason"], document["resync"]["kept_through"]) == ("restored", kept_through)
    error = sync.push_rejected(edit(record, set={"why": "wisteria"}), 410, "cursor-expired")
    assert (error["reason"], error["resync"]["kept_through"]) == ("restored", kept_through)
    assert pull_expired(sync, 2**40)["reason"] == "expired"
    assert sync.pull()[0][0]["version"] == (feed["epoch"] + 3) * 2**40 + feed["head"]


def test_a_cursor_beyond_the_head_proves_that_the_server_lost_history(
    sync: SyncClient, server: Server, alice: Person
) -> None:
    record = sync.push_applied(upsert())
    feed = feed_of(server, alice)
    for beyond in (record["version"] + 3, record["version"] + 1):
        document = pull_expired(sync, beyond)
        assert (document["reason"], document["resync"]["kept_through"]) == ("restored", record["version"])
    raised = feed_of(server, alice)
    assert feed["epoch"] < raised["epoch"] <= feed["epoch"] + MAX_EPOCH_STEP
    assert raised | {"epoch": feed["epoch"]} == feed
    assert pull_expired(sync, record["version"])["reason"] == "restored"
    (change,), cursor = sync.pull()
    assert change["version"] == int(cursor) == raised["epoch"] * 2**40 + raised["head"]


def test_invented_cursors_do_not_use_up_the_epochs(sync: SyncClient, server: Server, alice: Person) -> None:
    set_feed(server, alice, epoch=MAX_PROVEN_EPOCH + 1)
    assert pull_expired(sync, (MAX_PROVEN_EPOCH + 1) * 2**40 + 9)["reason"] == "expired"
    assert feed_of(server, alice)["epoch"] == MAX_PROVEN_EPOCH + 1


def test_a_base_that_the_feed_never_had_is_410(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    for base in (5, 2**53 - 1):
        error = sync.push_rejected(edit(record, base=base), 410, "cursor-expired")
        assert error["reason"] == "expired"
        sync.push_rejected(delete(record, base=base), 410, "cursor-expired")


@pytest.mark.parametrize("atomic", [False, True], ids=["each by itself", "atomic"])
@pytest.mark.parametrize("make", [edit, delete], ids=["edit", "removal"])
def test_a_base_beyond_the_head_proves_that_the_server_lost_history(
    sync: SyncClient, server: Server, alice: Person, make: Callable[..., Json], *, atomic: bool
) -> None:
    record, feed = sync.push_applied(upsert()), feed_of(server, alice)
    lost, new = record["version"] + 1, upsert()
    results = sync.client.post(PUSH, json={"ops": [make(record, base=lost), new], "atomic": atomic}).json()["results"]
    assert results[0]["error"]["reason"] == "restored"
    assert results[0]["error"]["resync"]["kept_through"] == record["version"]
    raised = feed_of(server, alice)
    assert feed["epoch"] < raised["epoch"] <= feed["epoch"] + MAX_EPOCH_STEP
    assert results[1]["outcome"] == ("rolled-back" if atomic else "applied")
    assert pull_expired(sync, lost)["resync"]["kept_through"] == record["version"]
    sync.push_rejected(make(record, base=lost), 410, "cursor-expired")
    assert feed_of(server, alice)["epoch"] == raised["epoch"]


def test_lost_history_that_several_requests_notice_raises_the_epoch_once(
    sync: SyncClient, server: Server, alice: Person
) -> None:
    record, feed = sync.push_applied(upsert()), feed_of(server, alice)
    device_id = UUID(alice.client.get("/v1/auth/devices").json()["items"][0]["id"])
    view = View(Caller(server.services, alice.id, device_id), alice.id)
    server.run(start_epoch(view, record["version"] + 1))
    raised = feed_of(server, alice)
    assert raised["epoch"] > feed["epoch"]
    server.run(start_epoch(view, record["version"] + 1))
    assert feed_of(server, alice) == raised


def test_invented_bases_do_not_use_up_the_epochs(sync: SyncClient, server: Server, alice: Person) -> None:
    record = sync.push_applied(upsert())
    set_feed(server, alice, epoch=MAX_PROVEN_EPOCH + 1)
    error = sync.push_rejected(edit(record, base=(MAX_PROVEN_EPOCH + 1) * 2**40 + 9), 410, "cursor-expired")
    assert error["reason"] == "expired"
    assert feed_of(server, alice)["epoch"] == MAX_PROVEN_EPOCH + 1


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "since",
    ["abc", "-1", str(2**53), "1" * 5000, "+5", " 5", "05", "5.0", "\u0665", "", encoded("5"), encoded("0 1 0 "),
     encoded("5 1 0 wisteria!"), encoded("5 1 0 ") + "=", "é"],
    ids=["a word", "negative", "2**53", "5000 digits", "a sign", "a space", "a leading zero", "a fraction", "an Arabic digit",
         "empty", "too few parts", "a zero", "too many parts", "padding", "beyond ASCII"],
)  # fmt: skip
def test_a_malformed_cursor_is_422(sync: SyncClient, since: str) -> None:
    response = sync.client.get(CHANGES, params={"since": since})
    assert pointers(response) == ["/since"]
    assert len(since) < 10 or since not in response.text
