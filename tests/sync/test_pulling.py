"""Pulls: each change once, in order, from one snapshot."""

from pathlib import Path

from app.db import schema
from app.ids import new_id
from app.records.codec import MAX_PAGE_BYTES
from app.resources import RESOURCES
from tests.conftest import Databases, Servers
from tests.drafts import FIRST_KINDS, create_record, etag
from tests.refusals import pointers
from tests.serving import Person
from tests.sync.sync_client import CHANGES, COLLECTIONS, SESSION, Json, SyncClient, delete, edit, upsert


def test_a_pull_contains_all_records_as_get_returns_them(sync: SyncClient, alice: Person) -> None:
    for resource in RESOURCES:
        create_record(alice.client, resource, alice)
    changes, cursor = sync.pull(limit=3)
    assert {each["collection"] for each in changes} == {*COLLECTIONS}
    for change in changes:
        read = alice.client.get(f"/v1/{change['collection']}/{change['id']}")
        assert change["record"] == read.json()
        assert list(change["record"]) == list(read.json())
        assert change["version"] == read.json()["version"]
    versions = [change["version"] for change in changes]
    assert versions == sorted(set(versions))
    assert cursor == str(versions[-1])
    assert sync.pull_page(cursor) == {"changes": [], "cursor": cursor, "has_more": False}


def test_a_later_pull_contains_each_record_that_changed_once(sync: SyncClient) -> None:
    stays, changes_, goes = (sync.push_applied(upsert()) for _ in range(3))
    _, cursor = sync.pull()
    for why in ("wisteria", "wisteria climbs"):
        newest = sync.push_applied(upsert(id=changes_["id"], set={"why": why}, on_conflict="mine"))
    sync.push_one(delete(goes))
    changes, after = sync.pull(cursor)
    assert [(each["id"], each["deleted"]) for each in changes] == [(changes_["id"], False), (goes["id"], True)]
    assert changes[0]["record"] == newest
    assert changes[1] == {
        "collection": "intentions",
        "id": goes["id"],
        "version": int(after),
        "deleted": True,
        "record": None,
    }
    whole, _ = sync.pull()
    assert [each["id"] for each in whole] == [stays["id"], changes_["id"], goes["id"]]


def test_every_version_is_a_valid_cursor(sync: SyncClient) -> None:
    records = [sync.push_applied(upsert()) for _ in range(4)]
    for n, record in enumerate(records):
        assert [each["id"] for each in sync.pull(record["version"])[0]] == [each["id"] for each in records[n + 1 :]]


def test_pages_continue_by_an_opaque_cursor_while_others_write(sync: SyncClient) -> None:
    records = [sync.push_applied(upsert()) for _ in range(5)]
    page = sync.pull_page(limit=2)
    assert page["has_more"]
    assert not page["cursor"].isdigit()
    sync.push_one(delete(records[3]))
    newest = sync.push_applied(upsert(id=records[0]["id"], set={"why": "wisteria"}, on_conflict="mine"))
    rest, cursor = sync.pull(page["cursor"], limit=2)
    found = [(each["id"], each["deleted"]) for each in rest]
    assert found == [
        (records[2]["id"], False),
        (records[4]["id"], False),
        (records[3]["id"], True),
        (records[0]["id"], False),
    ]
    assert cursor == str(newest["version"])


def test_a_pull_of_some_collections_moves_the_cursor_to_the_head(sync: SyncClient) -> None:
    session, _, other = (
        sync.push_applied(upsert("sessions", set=SESSION)),
        sync.push_applied(upsert()),
        sync.push_applied(upsert()),
    )
    changes, cursor = sync.pull(collections="sessions")
    assert ([each["id"] for each in changes], cursor) == ([session["id"]], str(other["version"]))
    changes, _ = sync.pull(collections="sessions,intentions,sessions", limit=1)
    assert len(changes) == 3
    assert len(sync.pull(collections="")[0]) == 3
    assert sync.pull(collections="reflections")[0] == []
    page = sync.pull_page(collections="intentions", limit=1)
    response = sync.client.get(CHANGES, params={"since": page["cursor"], "limit": 1})
    assert pointers(response) == ["/since"]


def test_the_last_page_contains_all_records_that_are_referred_to(sync: SyncClient) -> None:
    session = sync.push_applied(upsert("sessions", set=SESSION))
    sync.push_applied(upsert("reflections", set={"body": "wisteria", "session_id": session["id"]}))
    sync.push_applied(edit(session, "sessions", set={"title": "wisteria again"}))
    changes, _ = sync.pull()
    assert [each["collection"] for each in changes] == ["reflections", "sessions"]


def test_the_sync_state_lists_collections_fields_and_limits(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    state = sync.client.get("/v1/sync").json()
    assert state["cursor"] == str(record["version"])
    assert state["limits"] == {"max_ops": 500, "max_bytes": 2**21, "max_page": 1000}
    assert sorted(state["collections"]) == sorted(COLLECTIONS)
    for resource in RESOURCES:
        assert state["collections"][resource.collection] == [*resource.patch.model_fields]


def test_rest_and_push_see_each_others_changes(sync: SyncClient, alice: Person) -> None:
    record = sync.push_applied(upsert())
    rest = alice.client.patch(f"/v1/intentions/{record['id']}", json={"why": "wisteria"}, headers=etag(record)).json()
    assert sync.push_one(edit(record, set={"why": "wisteria hangs"}))["record"] == rest
    created = alice.client.post("/v1/intentions", json=record_draft(record)).json()
    assert created == rest
    newest = sync.push_applied(edit(rest, set={"domain": "mind"}))
    assert alice.client.get(f"/v1/intentions/{record['id']}").json() == newest
    assert alice.client.delete(f"/v1/intentions/{record['id']}", headers=etag(newest)).status_code == 204
    assert sync.pull()[0][0]["deleted"]


def record_draft(record: Json) -> Json:
    return {"id": record["id"], "kind": record["kind"], "statement": record["statement"]}


def test_another_accounts_pull_is_empty(sync: SyncClient, bob: Person) -> None:
    sync.push_applied(upsert(id=str(new_id())))
    assert SyncClient(bob).pull()[0] == []


def test_records_from_before_sync_existed_are_pulled_after_the_migration(
    databases: Databases, servers: Servers, keyring: Path, database: str
) -> None:
    url = databases.fresh(database)
    server = servers.start(servers.settings(database, database_url=url))
    person = server.person("alice", "Europe/Berlin")
    for resource in RESOURCES:
        if resource.collection in FIRST_KINDS:
            create_record(person.client, resource, person, **FIRST_KINDS[resource.collection])
    gone = create_record(person.client, RESOURCES[0], person)
    person.client.delete(f"{RESOURCES[0].path}/{gone['id']}", headers=etag(gone))
    before = SyncClient(person).pull()
    schema.migrate(url, "0003", keyring=keyring)
    schema.migrate(url, keyring=keyring)
    server.services.data_keys.forget(person.id)  # on the way down they were dropped
    assert SyncClient(person).pull() == before
    assert before[0][-1]["deleted"]
    server.end_test()


def test_a_page_of_long_texts_ends_before_it_is_too_large(sync: SyncClient) -> None:
    long = {"body": "wisteria " * 11_000}
    gone = sync.push_applied(upsert())
    ops = [upsert("reflections", set=long) for _ in range(60)]
    for some in (ops[:15], ops[15:30], ops[30:45], ops[45:]):
        sync.push(*some)
    sync.push_applied(delete(gone))
    page = sync.pull_page(limit=1000)
    assert page["has_more"]
    assert (
        MAX_PAGE_BYTES
        < sum(len(each["record"]["body"]) for each in page["changes"])
        < MAX_PAGE_BYTES + 2 * len(long["body"])
    )
    rest, cursor = sync.pull(page["cursor"])
    assert [each["id"] for each in (*page["changes"], *rest)] == [*(op["id"] for op in ops), gone["id"]]
    assert sync.pull_page(cursor)["changes"] == []
