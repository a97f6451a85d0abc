"""History: the versions of a record that changes replaced, as they were, for its owner only."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.ids import new_id
from app.records import Resource
from tests.conftest import Servers
from tests.drafts import Json, create_record, draft_of, etag, reworded
from tests.promises.linked_records import create_linked_records
from tests.refusals import pointers, refused
from tests.rows import device_of, revisions_of, rows_of
from tests.serving import Person, Server
from tests.sync.sync_client import PUSH, SyncClient, delete, edit, upsert
from tests.waiting import later
from tests.witness import Client

ANY = {"If-Match": "*"}


def history_of(client: Client, path: str, record: Json, **query: Any) -> Json:
    """Return a page of the history of a record."""
    response = client.get(f"{path}/{record['id']}/history", params=query)
    assert response.status_code == 200, response.text
    page: Json = response.json()
    return page


def records_of(client: Client, path: str, record: Json) -> list[Json]:
    """Return the former versions of a record."""
    return [each["record"] for each in history_of(client, path, record)["items"]]


def patch(person: Person, resource: Resource, record: Json, text: str) -> Json:
    """Change the text of a record; return it as it is then."""
    changed: Json = person.client.patch(
        f"{resource.path}/{record['id']}", json=reworded(resource, text), headers=ANY
    ).json()
    assert changed == changed | reworded(resource, text)
    return changed


@pytest.fixture
def server(servers: Servers, database: str) -> Iterator[Server]:
    """A server whose access tokens outlast what the tests move the clock by."""
    shared = servers.shared(database, access_seconds=3600)
    yield shared
    shared.end_test()


@pytest.fixture
def tablet(server: Server, alice: Person) -> Person:
    """Alice on a second device."""
    return server.on_another_device(alice)


def test_a_history_has_the_former_versions_as_they_were_newest_first(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    versions = [create_record(alice.client, resource, alice)]
    assert history_of(alice.client, path, versions[0]) == {"items": [], "next_cursor": None}
    sealed = {}
    for text in ("wisteria one", "wisteria two", "wisteria three"):
        row = rows_of(server, alice, resource)[versions[0]["id"]]
        sealed[row["seq"]] = row["document"]
        with later(minutes=11 * len(versions)):
            versions.append(patch(alice, resource, versions[0], text))
    page = history_of(alice.client, path, versions[0])
    assert page == {
        "items": [
            {
                "version": record["version"],
                "written_at": record["updated_at"],
                "device_id": str(device_of(alice)),
                "record": record,
            }
            for record in reversed(versions[:-1])
        ],
        "next_cursor": None,
    }
    assert {row["seq"]: row["document"] for row in revisions_of(server, alice)} == sealed


def test_what_one_device_writes_in_ten_minutes_counts_as_one_change(
    alice: Person, resource: Resource, path: str
) -> None:
    first = create_record(alice.client, resource, alice)
    for minutes in range(10):
        with later(minutes=minutes):
            last = patch(alice, resource, first, f"wisteria {minutes}")
    assert records_of(alice.client, path, first) == [first]
    with later(minutes=10.5):
        patch(alice, resource, first, "wisteria again")
    assert records_of(alice.client, path, first) == [last, first]


def test_a_version_that_another_device_replaces_is_kept(
    alice: Person, tablet: Person, resource: Resource, path: str
) -> None:
    versions, writers = [create_record(alice.client, resource, alice)], [alice]
    for person in (tablet, alice, tablet, tablet, alice):
        versions.append(patch(person, resource, versions[0], f"wisteria {len(versions)}"))
        writers.append(person)
    items = history_of(alice.client, path, versions[0])["items"]
    replaced = [4, 2, 1, 0]  # the tablet's second change continues its first one
    assert [each["record"] for each in items] == [versions[number] for number in replaced]
    assert [each["device_id"] for each in items] == [str(device_of(writers[number])) for number in replaced]


def test_what_changes_nothing_adds_no_version(
    server: Server, alice: Person, tablet: Person, resource: Resource, path: str
) -> None:
    draft = draft_of(resource, alice)
    record = alice.client.post(path, json=draft).json()
    url = f"{path}/{record['id']}"
    same, other = {name: record[name] for name in reworded(resource, "")}, reworded(resource, "wisteria, otherwise")
    assert tablet.client.post(path, json=draft).json() == record
    assert tablet.client.patch(url, json=same, headers=etag(record)).json() == record
    assert tablet.client.patch(url, json={}, headers=etag(record)).json() == record
    stale = {"If-Match": f'"{record["version"] - 1}"'}
    refused(tablet.client.patch(url, json=other, headers=stale), 412, "outdated")
    refused(tablet.client.patch(url, json={"visibility": "wisteria"}, headers=ANY), 422, "validation")
    refused(tablet.client.post(path, json=draft | {"visibility": "shared"}), 409, "already-exists")
    sync = SyncClient(tablet)
    unequal = upsert(resource.collection, record["id"], set=other, was=reworded(resource, "wisteria before"))
    assert sync.push_one(unequal)["outcome"] == "conflict"
    assert sync.push_one(unequal | {"on_conflict": "theirs"})["outcome"] == "unchanged"
    wrong = edit(record, resource.collection, set=other | {"visibility": "wisteria"})
    assert sync.push_one(wrong)["outcome"] == "rejected"
    missing = delete({"id": str(new_id())}, resource.collection, base=record["version"] - 2**40)
    batch = {"ops": [edit(record, resource.collection, set=other), missing], "atomic": True}
    refused(tablet.client.post(PUSH, json=batch), 409, "batch-refused")
    assert revisions_of(server, alice) == []


def test_a_push_keeps_versions_and_its_repetition_does_not(
    server: Server, alice: Person, tablet: Person, resource: Resource, path: str
) -> None:
    record = create_record(alice.client, resource, alice)
    op = edit(record, resource.collection, set=reworded(resource, "wisteria, pushed"), op_id=str(new_id()))
    sync = SyncClient(tablet)
    pushed = sync.push_applied(op)
    assert sync.push_one(op)["replayed"] is True
    assert records_of(alice.client, path, record) == [record]
    merged = SyncClient(alice).push_applied(edit(record, resource.collection, set={"visibility": "shared"}))
    assert merged == merged | reworded(resource, "wisteria, pushed")
    assert records_of(alice.client, path, record) == [pushed, record]
    assert len(revisions_of(server, alice)) == 2


def test_the_version_before_a_reference_became_null_is_kept(
    alice: Person, tablet: Person, resource: Resource, path: str
) -> None:
    records = create_linked_records(alice)
    target = records[resource.collection]
    assert tablet.client.delete(f"{path}/{target['id']}", headers=ANY).status_code == 204
    for kind, record in records.items():
        collection = kind.rpartition(" ")[2]
        response = alice.client.get(f"/v1/{collection}/{record['id']}")
        if response.status_code == 200 and response.json() != record:
            assert records_of(alice.client, f"/v1/{collection}", record) == [record]


def test_a_history_is_gone_with_its_record(server: Server, alice: Person, resource: Resource, path: str) -> None:
    record, other = (create_record(alice.client, resource, alice) for _ in range(2))
    for each in (record, other):
        patch(alice, resource, each, "wisteria, again")
    assert alice.client.delete(f"{path}/{record['id']}", headers=ANY).status_code == 204
    refused(alice.client.get(f"{path}/{record['id']}/history"), 404, "not-found")
    assert {str(row["id"]) for row in revisions_of(server, alice)} == {other["id"]}
    again = upsert(resource.collection, record["id"], set=draft_of(resource, alice), undelete=True)
    del again["set"]["id"]
    back = SyncClient(alice).push_applied(again)
    assert records_of(alice.client, path, record) == []
    patch(alice, resource, back, "wisteria, once more")
    assert records_of(alice.client, path, record) == [back]


def test_another_persons_history_looks_like_a_missing_one(
    server: Server, alice: Person, bob: Person, resource: Resource, path: str
) -> None:
    record = create_record(alice.client, resource, alice)
    patch(alice, resource, record, "wisteria, again")
    headers = {"X-Request-Id": "the-same"}
    answers = {bob.client.get(f"{path}/{id}/history", headers=headers).content for id in (record["id"], str(new_id()))}
    assert len(answers) == 1
    refused(bob.client.get(f"{path}/{record['id']}/history"), 404, "not-found")
    refused(server.anyone.get(f"{path}/{record['id']}/history"), 401, "not-signed-in")


def test_a_history_is_read_in_pages(alice: Person, tablet: Person, resource: Resource, path: str) -> None:
    versions = [create_record(alice.client, resource, alice)]
    for person in (tablet, alice, tablet, alice, tablet):
        versions.append(patch(person, resource, versions[0], f"wisteria {len(versions)}"))
    for limit in (1, 2, 3, 5, 6, 200):
        found, cursor, sizes = list[Json](), None, list[int]()
        while cursor is not None or not sizes:
            query = {"limit": limit} | ({} if cursor is None else {"cursor": cursor})
            page = history_of(alice.client, path, versions[0], **query)
            found += [each["record"] for each in page["items"]]
            sizes.append(len(page["items"]))
            cursor = page["next_cursor"]
        assert found == versions[-2::-1], limit
        assert {*sizes[:-1]} <= {limit}


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "201"), ("limit", "wisteria"), ("limit", ""), ("status", "active")],
    ids=["no record", "too many", "no number", "empty", "unknown parameter"],
)
def test_a_wrong_parameter_of_a_history_is_refused(
    alice: Person, resource: Resource, path: str, *, name: str, value: str
) -> None:
    record = create_record(alice.client, resource, alice)
    assert pointers(alice.client.get(f"{path}/{record['id']}/history", params={name: value})) == [f"/{name}"]


def test_a_cursor_of_another_history_or_list_is_refused(
    alice: Person, tablet: Person, bob: Person, resource: Resource, path: str
) -> None:
    record, other = (create_record(alice.client, resource, alice) for _ in range(2))
    for person in (tablet, alice):
        patch(person, resource, record, f"wisteria {person.token[-5:]}")
    hers = create_record(bob.client, resource, bob)
    url = f"{path}/{record['id']}/history"
    cursor = history_of(alice.client, path, record, limit=1)["next_cursor"]
    of_list = alice.client.get(path, params={"limit": 1}).json()["next_cursor"]
    requests = {
        "another record's history": (alice.client, f"{path}/{other['id']}/history", cursor),
        "a list": (alice.client, path, cursor),
        "another person's history": (bob.client, f"{path}/{hers['id']}/history", cursor),
        "shortened": (alice.client, url, cursor[:-1]),
        "a cursor of a list": (alice.client, url, of_list),
    }
    codes = {
        case: client.get(asked, params={"cursor": wrong}).json().get("code")
        for case, (client, asked, wrong) in requests.items()
    }
    assert codes == dict.fromkeys(requests, "invalid-cursor")
    assert alice.client.get(url, params={"cursor": cursor}).status_code == 200
