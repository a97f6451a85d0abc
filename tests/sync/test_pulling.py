"""Pulling: every change once, in order, from one snapshot; and a plain word where a cursor cannot be served."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import Statement, given, schema
from app.identity import Feed
from app.ids import new_id
from app.records.tables import Change, Restoration
from app.resources import RESOURCES
from app.sync.pull import PAGE_BYTES
from tests.conftest import Databases, Servers
from tests.drafts import etag, written
from tests.refusals import pointers, refused
from tests.rows import feed_of
from tests.serving import Person, Server
from tests.sync.phone import CHANGES, COLLECTIONS, PUSH, SESSION, Json, Phone, delete, edit, upsert

_feed, _change, _restoration = Feed.table(), Change.table(), Restoration.table()
_mine = _feed.c.owner_id == given(_feed.c.owner_id)


def set_feed(server: Server, person: Person, **values: int) -> None:
    """Change a person's feed behind the server's back."""
    statement = Statement(sa.update(_feed).where(_mine).values({name: given(_feed.c[name]) for name in values}))
    server.run(server.db.run(statement, owner_id=person.id, **values))


def purge(server: Server, person: Person) -> int:
    """Purge every tombstone of a person's; return the floor."""
    feed = feed_of(server, person)
    this = (_change.c.owner_id == given(_change.c.owner_id), _change.c.deleted)
    server.run(server.db.run(Statement(sa.delete(_change).where(*this)), owner_id=person.id))
    set_feed(server, person, floor=feed["head"])
    return int(feed["head"])


def expired(phone: Phone, since: Any, **query: Any) -> Json:
    document = refused(phone.client.get(CHANGES, params={"since": since, **query}), 410, "cursor-expired")
    assert (document["resync"]["since"], document["resync"]["mode"]) == (0, "replace")
    return document


def test_everything_is_pulled_as_a_read_answers_it(phone: Phone, alice: Person) -> None:
    for resource in RESOURCES:
        written(alice.client, resource, alice)
    changes, cursor = phone.pull(limit=3)
    assert {each["collection"] for each in changes} == {*COLLECTIONS}
    for change in changes:
        read = alice.client.get(f"/v1/{change['collection']}/{change['id']}")
        assert change["record"] == read.json()
        assert list(change["record"]) == list(read.json())
        assert change["version"] == read.json()["version"]
    versions = [change["version"] for change in changes]
    assert versions == sorted(set(versions))
    assert cursor == versions[-1]
    assert phone.page(cursor) == {"changes": [], "cursor": cursor, "has_more": False}


def test_a_later_pull_brings_what_changed_since_each_record_once(phone: Phone) -> None:
    stays, changes_, goes = (phone.applied(upsert()) for _ in range(3))
    _, cursor = phone.pull()
    for why in ("wisteria", "wisteria climbs"):
        newest = phone.applied(upsert(id=changes_["id"], set={"why": why}, on_conflict="mine"))
    phone.one(delete(goes))
    changes, after = phone.pull(cursor)
    assert [(each["id"], each["deleted"]) for each in changes] == [(changes_["id"], False), (goes["id"], True)]
    assert changes[0]["record"] == newest
    assert changes[1] == {
        "collection": "intentions",
        "id": goes["id"],
        "version": after,
        "deleted": True,
        "record": None,
    }
    whole, _ = phone.pull()
    assert [each["id"] for each in whole] == [stays["id"], changes_["id"], goes["id"]]


def test_every_version_serves_as_a_cursor(phone: Phone) -> None:
    records = [phone.applied(upsert()) for _ in range(4)]
    for n, record in enumerate(records):
        assert [each["id"] for each in phone.pull(record["version"])[0]] == [each["id"] for each in records[n + 1 :]]


def test_pages_continue_by_a_text_that_goes_on_while_others_write(phone: Phone) -> None:
    records = [phone.applied(upsert()) for _ in range(5)]
    page = phone.page(limit=2)
    assert page["has_more"]
    assert isinstance(page["cursor"], str)
    phone.one(delete(records[3]))
    newest = phone.applied(upsert(id=records[0]["id"], set={"why": "wisteria"}, on_conflict="mine"))
    rest, cursor = phone.pull(page["cursor"], limit=2)
    found = [(each["id"], each["deleted"]) for each in rest]
    assert found == [
        (records[2]["id"], False),
        (records[4]["id"], False),
        (records[3]["id"], True),
        (records[0]["id"], False),
    ]
    assert cursor == newest["version"]


def test_some_collections_are_pulled_and_the_cursor_still_moves_to_the_head(phone: Phone) -> None:
    session, _, other = phone.applied(upsert("sessions", set=SESSION)), phone.applied(upsert()), phone.applied(upsert())
    changes, cursor = phone.pull(collections="sessions")
    assert ([each["id"] for each in changes], cursor) == ([session["id"]], other["version"])
    changes, _ = phone.pull(collections="sessions,intentions,sessions", limit=1)
    assert len(changes) == 3
    assert len(phone.pull(collections="")[0]) == 3
    assert phone.pull(collections="reflections")[0] == []
    page = phone.page(collections="intentions", limit=1)
    response = phone.client.get(CHANGES, params={"since": page["cursor"], "limit": 1})
    assert pointers(response) == ["/since"]


def test_every_page_without_more_holds_all_that_its_records_refer_to(phone: Phone) -> None:
    session = phone.applied(upsert("sessions", set=SESSION))
    phone.applied(upsert("reflections", set={"body": "wisteria", "session_id": session["id"]}))
    phone.applied(edit(session, "sessions", set={"title": "wisteria again"}))
    changes, _ = phone.pull()
    assert [each["collection"] for each in changes] == ["reflections", "sessions"]


def test_cursors_that_the_feed_cannot_serve_are_410(phone: Phone, bob: Person, server: Server, alice: Person) -> None:
    record = phone.applied(upsert())
    feed = feed_of(server, alice)
    beyond = record["version"] + 1
    other_epoch = (feed["epoch"] % 8191 + 1) * 2**40 + 2
    for since in (beyond, other_epoch, 1, 2**40 - 1, 2**53 - 1):
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
    note = Statement(sa.insert(_restoration).values({column.name: given(column) for column in _restoration.c}))
    kept = {
        "epoch": feed["epoch"],
        "head": feed["head"] - 1,
        "restored_at": datetime.fromisoformat("2026-11-25T10:00Z"),
    }
    server.run(server.db.run(note, owner_id=alice.id, **kept))
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


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "1001"), ("limit", "+5"), ("limit", "wisteria"), ("collections", "wisteria"),
     ("collections", "sessions,"), ("collections", "sessions, elements"), ("wisteria", "1")],
)  # fmt: skip
def test_what_a_pull_does_not_know_is_422(phone: Phone, name: str, value: str) -> None:
    assert pointers(phone.client.get(CHANGES, params={name: value})) == [f"/{name}"]


def bad_ops() -> Iterator[tuple[str, Any]]:
    good = upsert()
    for collection in ("wisteria", "Sessions", "session", "", None, 5):
        yield "/collection", good | {"collection": collection}
    for id in ("wisteria", good["id"].upper(), f"{{{good['id']}}}", f"urn:uuid:{good['id']}", None, 5):
        yield "/id", good | {"id": id}
        yield "/op_id", good | {"op_id": id if id is not None else ""}
    for op in ("wisteria", "Upsert", None, ["upsert"]):
        yield "/op", good | {"op": op}
    for base in (0, -1, 2**53, "5", True, 1.5, 1.0):
        yield "/base", good | {"base": base}
    yield "/set", good | {"set": []}
    yield "/set", delete(good, set={"why": "wisteria"})
    yield "/was", good | {"was": "wisteria"}
    yield "/was/wisteria", good | {"was": {"wisteria": 1}}
    yield "/was/statement", good | {"was": {"statement": "w" * 2001}}
    yield "/undelete", good | {"undelete": "true"}
    yield "/if_missing", good | {"if_missing": "merge"}
    yield "/on_conflict", good | {"on_conflict": "ours"}
    yield "/wisteria", good | {"wisteria": 1}
    for field, value in (
        *(("statement", text) for text in ("\0", "wisteria\0", "\ud800", "w" * 2001, "", None, 5)),
        *(("owner_id", good["id"]), ("version", 5), ("id", good["id"]), ("role", "admin"), ("created_at", None)),
        *(("session_id", "wisteria"), ("kind", "wisteria"), ("target_on", "2026-02-30")),
    ):
        yield f"/{field}", good | {"set": good["set"] | {field: value}}


@pytest.mark.parametrize(("pointer", "op"), [*bad_ops()])
def test_a_malformed_operation_is_rejected_where_it_is_wrong_and_its_neighbours_are_not(
    phone: Phone, pointer: str, op: Json
) -> None:
    neighbour = upsert()
    body = json.dumps({"ops": [op, neighbour]}).encode()  # escaped, so that what is no text can be said
    response = phone.client.post(PUSH, content=body, headers={"Content-Type": "application/json"})
    bad, good = response.json()["results"]
    assert (bad["outcome"], bad["status"], bad["error"]["code"]) == ("rejected", 422, "validation")
    assert [fault["pointer"] for fault in bad["error"]["errors"]] == [pointer]
    assert (good["outcome"], bad["record"], bad["version"]) == ("applied", None, None)
    assert len(phone.pull()[0]) == 1


def test_a_push_that_is_none_is_refused_as_a_whole(phone: Phone) -> None:
    for body, pointer in (
        ({}, "/ops"),
        ({"ops": {}}, "/ops"),
        ({"ops": [], "atomic": 1}, "/atomic"),
        ({"ops": [], "on_conflict": "ours"}, "/on_conflict"),
        ({"ops": [], "wisteria": 1}, "/wisteria"),
    ):
        assert pointers(phone.client.post(PUSH, json=body)) == [pointer]


def test_a_push_has_its_limits(phone: Phone) -> None:
    many = refused(phone.client.post(PUSH, json={"ops": [upsert() for _ in range(501)]}), 413, "too-many-ops")
    assert many["limits"] == {"max_ops": 500, "max_bytes": 2**21}
    padding = {"Content-Type": "application/json"}
    body = b'{"ops": []}'
    assert phone.client.post(PUSH, content=body.ljust(2**21), headers=padding).status_code == 200
    large = refused(phone.client.post(PUSH, content=body.ljust(2**21 + 1), headers=padding), 413, "body-too-large")
    assert large["limit"] == 2**21
    assert phone.pull()[0] == []


def test_the_state_of_sync_says_what_can_be_synced(phone: Phone) -> None:
    record = phone.applied(upsert())
    state = phone.client.get("/v1/sync").json()
    assert state["cursor"] == record["version"]
    assert state["limits"] == {"max_ops": 500, "max_bytes": 2**21, "max_page": 1000}
    assert sorted(state["collections"]) == sorted(COLLECTIONS)
    for resource in RESOURCES:
        assert state["collections"][resource.collection] == [*resource.patch.model_fields]


def test_rest_and_push_are_one_engine(phone: Phone, alice: Person) -> None:
    record = phone.applied(upsert())
    rest = alice.client.patch(f"/v1/intentions/{record['id']}", json={"why": "wisteria"}, headers=etag(record)).json()
    assert phone.one(edit(record, set={"why": "wisteria hangs"}))["record"] == rest
    created = alice.client.post("/v1/intentions", json=record_draft(record)).json()
    assert created == rest
    newest = phone.applied(edit(rest, set={"domain": "mind"}))
    assert alice.client.get(f"/v1/intentions/{record['id']}").json() == newest
    assert alice.client.delete(f"/v1/intentions/{record['id']}", headers=etag(newest)).status_code == 204
    assert phone.pull()[0][0]["deleted"]


def record_draft(record: Json) -> Json:
    return {"id": record["id"], "kind": record["kind"], "statement": record["statement"]}


def test_a_pull_of_a_stranger_is_empty(phone: Phone, bob: Person) -> None:
    phone.applied(upsert(id=str(new_id())))
    assert Phone(bob).pull()[0] == []


def test_records_of_before_there_was_syncing_are_pulled_as_they_are_read(
    databases: Databases, servers: Servers, database: str
) -> None:
    url = databases.fresh(database)
    server = servers.start(servers.settings(database, database_url=url))
    person = server.person("alice", "Europe/Berlin")
    for resource in RESOURCES:
        written(person.client, resource, person)
    gone = written(person.client, RESOURCES[0], person)
    person.client.delete(f"{RESOURCES[0].path}/{gone['id']}", headers=etag(gone))
    before = Phone(person).pull()
    schema.migrate(url, "0003")
    schema.migrate(url)
    assert Phone(person).pull() == before
    assert before[0][-1]["deleted"]
    server.end_test()


def test_a_page_of_long_texts_ends_before_it_is_too_large(phone: Phone) -> None:
    long = {"body": "wisteria " * 11_000}
    ops = [upsert("reflections", set=long) for _ in range(60)]
    for some in (ops[:15], ops[15:30], ops[30:45], ops[45:]):
        phone.push(*some)
    page = phone.page(limit=1000)
    assert page["has_more"]
    assert (
        PAGE_BYTES < sum(len(each["record"]["body"]) for each in page["changes"]) < PAGE_BYTES + 2 * len(long["body"])
    )
    rest, cursor = phone.pull(page["cursor"])
    assert [each["id"] for each in (*page["changes"], *rest)] == [op["id"] for op in ops]
    assert phone.page(cursor)["changes"] == []
