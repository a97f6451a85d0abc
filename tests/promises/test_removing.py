"""Removing: a record is removed with its text and what belongs to it; other references to it become null."""

from app.records import Resource
from app.records.tables import Change
from app.resources import RESOURCES
from tests.drafts import Json, create_record, draft_of, etag, resource_of, reworded
from tests.promises.linked_records import create_linked_records
from tests.refusals import refused
from tests.rows import changes_of, device_of, dump_database, feed_of, rows_of, version_of
from tests.serving import Person, Server


def test_a_removed_record_is_not_found(server: Server, alice: Person, resource: Resource, path: str) -> None:
    stays, goes = (create_record(alice.client, resource, alice) for _ in range(2))
    url = f"{path}/{goes['id']}"
    response = alice.client.delete(url, headers=etag(goes))
    assert (response.status_code, response.content) == (204, b"")
    assert "etag" not in response.headers
    refused(alice.client.get(url), 404, "not-found")
    refused(alice.client.patch(url, json={}, headers=etag(goes)), 404, "not-found")
    refused(alice.client.delete(url, headers=etag(goes)), 404, "not-found")
    assert [item["id"] for item in alice.client.get(path).json()["items"]] == [stays["id"]]
    assert set(rows_of(server, alice, resource)) == {stays["id"]}


def test_a_tombstone_has_a_sequence_number_and_no_content(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    record = create_record(alice.client, resource, alice)
    alice.client.delete(f"{path}/{record['id']}", headers=etag(record))
    feed, tombstone = feed_of(server, alice), changes_of(server, alice)[record["id"]]
    assert version_of(feed, tombstone) == record["version"] + 1
    assert tombstone["seq"] == feed["head"]
    assert tombstone["deleted"] is True
    assert (tombstone["actor_id"], tombstone["visibility"]) == (device_of(alice), None)
    assert tombstone["revised_at"] is None
    assert tombstone["happened_at"] is None
    names = {"owner_id", "collection", "id", "seq", "deleted", "written_at", "actor_id", "visibility", "revised_at"}
    assert tombstone.keys() == set(Change.table().c.keys()) == names | {"happened_at"}


def test_what_belongs_to_a_record_is_removed_with_it_and_other_references_become_null(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    records = create_linked_records(alice)
    before = {record["id"]: (kind.rpartition(" ")[2], record) for kind, record in records.items()}
    unlinked = {kind.collection: create_record(alice.client, kind, alice) for kind in RESOURCES}
    head = feed_of(server, alice)["head"]
    removed = {records[resource.collection]["id"]}
    removed |= {
        records[kind.collection]["id"]
        for kind in RESOURCES
        if kind.on_delete_cascade and kind.targets[kind.on_delete_cascade] is resource
    }
    target = records[resource.collection]
    assert alice.client.delete(f"{path}/{target['id']}", headers=etag(target)).status_code == 204

    feed, changes = feed_of(server, alice), changes_of(server, alice)
    touched = set(removed)
    for id, (collection, record) in before.items():
        response = alice.client.get(f"/v1/{collection}/{id}")
        if id in removed:
            refused(response, 404, "not-found")
            assert changes[id]["deleted"]
            continue
        kind = resource_of(collection)
        nulled = {field: None for field in kind.references if record[field] in removed}
        after: Json = response.json()
        if not nulled:
            assert after == record
            continue
        touched.add(id)
        row = rows_of(server, alice, kind)[id]
        assert after["updated_at"] >= record["updated_at"]
        assert after == record | nulled | {"version": version_of(feed, row), "updated_at": after["updated_at"]}
        assert row["field_seq"] == dict.fromkeys(nulled, row["seq"])
        assert (changes[id]["seq"], changes[id]["deleted"]) == (row["seq"], False)
    numbers = sorted(changes[id]["seq"] for id in touched)
    assert numbers == list(range(head + 1, feed["head"] + 1))
    assert changes[target["id"]]["seq"] == feed["head"]
    for kind in RESOURCES:
        record = unlinked[kind.collection]
        assert alice.client.get(f"/v1/{kind.collection}/{record['id']}").json() == record


def test_a_removed_text_is_nowhere_in_the_database(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    kept, secret = (draft_of(resource, alice) for _ in range(2))
    texts = [f"wisteria {secret['id']} {part}" for part in ("said", "meant")]
    record = alice.client.post(path, json=secret | reworded(resource, texts[0] * 25)).json()
    alice.client.post(path, json=kept)
    changes = reworded(resource, texts[1])
    record = alice.client.patch(f"{path}/{record['id']}", json=changes, headers=etag(record)).json()
    rows = rows_of(server, alice, resource)
    sealed, kept_sealed = rows[record["id"]]["document"], rows[kept["id"]]["document"]
    assert sealed in dump_database(server)
    alice.client.delete(f"{path}/{record['id']}", headers=etag(record))
    stored = dump_database(server)
    assert kept_sealed in stored
    assert sealed not in stored
    for word in (*texts, "wisteria at the gate"):
        assert word.encode() not in stored
