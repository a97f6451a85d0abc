"""Cursors of a pull: what each can serve, and a plain word where it cannot."""

import base64
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import Statement, bind, bulk_insert
from app.identity import Feed
from app.records.restoring import MAX_EPOCH_STEP, MAX_PROVEN_EPOCH
from app.records.tables import Change, Restoration
from tests.refusals import pointers, refused
from tests.rows import feed_of
from tests.serving import Person, Server
from tests.sync.phone import CHANGES, Json, Phone, delete, edit, upsert

_feed, _change = Feed.table(), Change.table()
_mine = _feed.c.owner_id == bind(_feed.c.owner_id)


def set_feed(server: Server, person: Person, **values: int) -> None:
    """Change a person's feed behind the server's back."""
    statement = Statement(sa.update(_feed).where(_mine).values({name: bind(_feed.c[name]) for name in values}))
    server.run(server.db.run(statement, owner_id=person.id, **values))


def purge(server: Server, person: Person) -> int:
    """Purge every tombstone of a person's; return the floor."""
    feed = feed_of(server, person)
    this = (_change.c.owner_id == bind(_change.c.owner_id), _change.c.deleted)
    server.run(server.db.run(Statement(sa.delete(_change).where(*this)), owner_id=person.id))
    set_feed(server, person, floor=feed["head"])
    return int(feed["head"])


def expired(phone: Phone, since: Any, **query: Any) -> Json:
    document = refused(phone.client.get(CHANGES, params={"since": since, **query}), 410, "cursor-expired")
    assert (document["resync"]["since"], document["resync"]["mode"]) == (0, "replace")
    return document


def test_cursors_that_the_feed_cannot_serve_are_410(phone: Phone, bob: Person, server: Server, alice: Person) -> None:
    record = phone.applied(upsert())
    feed = feed_of(server, alice)
    other_epoch = (feed["epoch"] % 8191 + 1) * 2**40 + 2
    for since in (other_epoch, 1, 2**40 - 1, 2**53 - 1):
        assert expired(phone, since)["reason"] == "expired"
        assert expired(phone, since)["resync"]["kept_through"] is None
    set_feed(server, bob, epoch=feed["epoch"] % 4096 + 1)
    assert expired(Phone(bob), record["version"])["reason"] == "expired"


def test_below_the_floor_only_a_pull_from_zero_is_served_until_the_next_purge(
    phone: Phone, server: Server, alice: Person
) -> None:
    records = [phone.applied(upsert()) for _ in range(4)]
    phone.one(delete(records[1]))
    floor = purge(server, alice)
    assert expired(phone, records[0]["version"])["reason"] == "expired"
    assert phone.pull(records[0]["version"] - records[0]["version"] % 2**40 + floor)[0] == []
    page = phone.page(limit=1)
    assert [each["id"] for each in phone.pull(page["cursor"], limit=1)[0]] == [records[2]["id"], records[3]["id"]]
    phone.one(delete(records[2]))
    assert len(phone.pull(page["cursor"], limit=1)[0]) == 2
    purge(server, alice)
    assert expired(phone, page["cursor"])["reason"] == "expired"
    assert [each["id"] for each in phone.pull()[0]] == [records[0]["id"], records[3]["id"]]


def test_a_later_pull_is_not_served_below_a_floor_that_rose_between_its_pages(
    phone: Phone, server: Server, alice: Person
) -> None:
    records = [phone.applied(upsert()) for _ in range(4)]
    page = phone.page(records[0]["version"], limit=1)
    phone.one(delete(records[3]))
    assert len(phone.pull(page["cursor"], limit=1)[0]) == 2
    purge(server, alice)
    expired(phone, page["cursor"], limit=1)


def test_after_a_restore_the_device_is_told_what_was_kept(phone: Phone, server: Server, alice: Person) -> None:
    record = phone.applied(upsert())
    feed = feed_of(server, alice)
    kept = {
        "epoch": feed["epoch"],
        "head": feed["head"] - 1,
        "restored_at": datetime.fromisoformat("2026-11-25T10:00Z"),
    }
    server.run(server.db.run(bulk_insert(Restoration.table()).one_row, owner_id=alice.id, **kept))
    set_feed(server, alice, epoch=feed["epoch"] + 3)
    kept_through = feed["epoch"] * 2**40 + feed["head"] - 1
    further = record["version"] + 5 * 2**40  # from another restore of the same backup, which went to a later epoch
    for since in (record["version"], record["version"] + 2**40, further):
        document = expired(phone, since)
        assert (document["reason"], document["resync"]["kept_through"]) == ("restored", kept_through)
    error = phone.rejected(edit(record, set={"why": "wisteria"}), 410, "cursor-expired")
    assert (error["reason"], error["resync"]["kept_through"]) == ("restored", kept_through)
    assert expired(phone, 2**40)["reason"] == "expired"
    assert phone.pull()[0][0]["version"] == (feed["epoch"] + 3) * 2**40 + feed["head"]


def test_a_cursor_beyond_the_head_proves_that_the_server_lost_history(
    phone: Phone, server: Server, alice: Person
) -> None:
    record = phone.applied(upsert())
    feed = feed_of(server, alice)
    for beyond in (record["version"] + 3, record["version"] + 1):
        document = expired(phone, beyond)
        assert (document["reason"], document["resync"]["kept_through"]) == ("restored", record["version"])
    raised = feed_of(server, alice)
    assert feed["epoch"] < raised["epoch"] <= feed["epoch"] + MAX_EPOCH_STEP
    assert raised | {"epoch": feed["epoch"]} == feed
    assert expired(phone, record["version"])["reason"] == "restored"
    (change,), cursor = phone.pull()
    assert change["version"] == int(cursor) == raised["epoch"] * 2**40 + raised["head"]


def test_made_up_cursors_do_not_use_up_the_epochs(phone: Phone, server: Server, alice: Person) -> None:
    set_feed(server, alice, epoch=MAX_PROVEN_EPOCH + 1)
    assert expired(phone, (MAX_PROVEN_EPOCH + 1) * 2**40 + 9)["reason"] == "expired"
    assert feed_of(server, alice)["epoch"] == MAX_PROVEN_EPOCH + 1


def test_a_base_that_the_feed_never_gave_out_is_410(phone: Phone) -> None:
    record = phone.applied(upsert())
    for base in (record["version"] + 1, 5, 2**53 - 1):
        error = phone.rejected(edit(record, base=base), 410, "cursor-expired")
        assert error["reason"] == "expired"
        phone.rejected(delete(record, base=base), 410, "cursor-expired")


def spelled(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "since",
    ["abc", "-1", str(2**53), "1" * 5000, "+5", " 5", "05", "5.0", "\u0665", "", spelled("5"), spelled("0 1 0 "),
     spelled("5 1 0 wisteria!"), spelled("5 1 0 ") + "=", "é"],
)  # fmt: skip
def test_a_cursor_of_no_pull_is_422(phone: Phone, since: str) -> None:
    response = phone.client.get(CHANGES, params={"since": since})
    assert pointers(response) == ["/since"]
    assert len(since) < 10 or since not in response.text
