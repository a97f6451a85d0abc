"""Pulling: every change once, in order, from one snapshot."""

from app.db import schema
from app.ids import new_id
from app.resources import RESOURCES
from app.sync.pull import MAX_PAGE_BYTES
from tests.conftest import Databases, Servers
from tests.drafts import create_record, etag
from tests.refusals import pointers
from tests.serving import Person
from tests.sync.phone import CHANGES, COLLECTIONS, SESSION, Json, Phone, delete, edit, upsert


def test_everything_is_pulled_as_a_read_answers_it(phone: Phone, alice: Person) -> None:
    for resource in RESOURCES:
        create_record(alice.client, resource, alice)
    changes, cursor = phone.pull(limit=3)
    assert {each["collection"] for each in changes} == {*COLLECTIONS}
    for change in changes:
        read = alice.client.get(f"/v1/{change['collection']}/{change['id']}")
        assert change["record"] == read.json()
        assert list(change["record"]) == list(read.json())
        assert change["version"] == read.json()["version"]
    versions = [change["version"] for change in changes]
    assert versions == sorted(set(versions))
    assert cursor == str(versions[-1])
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
        "version": int(after),
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
    assert not page["cursor"].isdigit()
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
    assert cursor == str(newest["version"])


def test_some_collections_are_pulled_and_the_cursor_still_moves_to_the_head(phone: Phone) -> None:
    session, _, other = phone.applied(upsert("sessions", set=SESSION)), phone.applied(upsert()), phone.applied(upsert())
    changes, cursor = phone.pull(collections="sessions")
    assert ([each["id"] for each in changes], cursor) == ([session["id"]], str(other["version"]))
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


def test_the_state_of_sync_says_what_can_be_synced(phone: Phone) -> None:
    record = phone.applied(upsert())
    state = phone.client.get("/v1/sync").json()
    assert state["cursor"] == str(record["version"])
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
        create_record(person.client, resource, person)
    gone = create_record(person.client, RESOURCES[0], person)
    person.client.delete(f"{RESOURCES[0].path}/{gone['id']}", headers=etag(gone))
    before = Phone(person).pull()
    schema.migrate(url, "0003")
    schema.migrate(url)
    assert Phone(person).pull() == before
    assert before[0][-1]["deleted"]
    server.end_test()


def test_a_page_of_long_texts_ends_before_it_is_too_large(phone: Phone) -> None:
    long = {"body": "wisteria " * 11_000}
    gone = phone.applied(upsert())
    ops = [upsert("reflections", set=long) for _ in range(60)]
    for some in (ops[:15], ops[15:30], ops[30:45], ops[45:]):
        phone.push(*some)
    phone.applied(delete(gone))
    page = phone.page(limit=1000)
    assert page["has_more"]
    assert (
        MAX_PAGE_BYTES
        < sum(len(each["record"]["body"]) for each in page["changes"])
        < MAX_PAGE_BYTES + 2 * len(long["body"])
    )
    rest, cursor = phone.pull(page["cursor"])
    assert [each["id"] for each in (*page["changes"], *rest)] == [*(op["id"] for op in ops), gone["id"]]
    assert phone.page(cursor)["changes"] == []
