"""Versions: every write takes the next sequence number of the owner's feed; a refused request takes none."""

from app.ids import new_id
from app.records import Resource
from tests.drafts import create_record, draft_of, etag, resource_of, reworded
from tests.promises.linked_records import create_linked_records
from tests.rows import changes_of, device_of, feed_of, rows_of, version_of
from tests.serving import Person, Server


def test_one_feed_numbers_the_writes_of_all_kinds(server: Server, alice: Person, bob: Person) -> None:
    feed = feed_of(server, alice)
    assert (feed["head"], feed["floor"]) == (1, 0)
    assert 1 <= feed["epoch"] <= 4096
    records = list(create_linked_records(alice).items())
    versions = [record["version"] for _, record in records]
    for kind, record in records:
        collection = kind.rpartition(" ")[2]
        url = f"/v1/{collection}/{record['id']}"
        changed = alice.client.patch(
            url, json=reworded(resource_of(collection), "wisteria, again"), headers=etag(record)
        ).json()
        versions.append(changed["version"])
    assert versions == [feed["epoch"] * 2**40 + seq for seq in range(2, 2 + len(versions))]
    assert max(versions) < 2**53
    assert feed_of(server, alice)["head"] == versions[-1] % 2**40
    assert feed_of(server, bob)["head"] == 1


def test_a_change_row_follows_each_record(server: Server, alice: Person, resource: Resource, path: str) -> None:
    record = create_record(alice.client, resource, alice)
    url = f"{path}/{record['id']}"
    for _ in range(2):
        feed, change = feed_of(server, alice), changes_of(server, alice)[record["id"]]
        assert version_of(feed, change) == record["version"]
        assert change["seq"] == rows_of(server, alice, resource)[record["id"]]["seq"] == feed["head"]
        assert (change["collection"], change["deleted"]) == (resource.collection, False)
        assert (change["actor_id"], change["visibility"]) == (device_of(alice), record["visibility"])
        record = alice.client.patch(url, json={"visibility": "shared"}, headers={"If-Match": "*"}).json()
    assert record["visibility"] == "shared"


def test_a_row_has_the_sequence_number_of_each_fields_last_change(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    record = create_record(alice.client, resource, alice)
    field_seq: dict[str, int] = {}
    assert rows_of(server, alice, resource)[record["id"]]["field_seq"] == field_seq
    first, second = reworded(resource, "wisteria one"), reworded(resource, "wisteria two")
    edits = ({"visibility": "shared"}, first, second | {"visibility": "shared"})
    for edit in edits:
        changed = alice.client.patch(f"{path}/{record['id']}", json=edit, headers={"If-Match": "*"}).json()
        field_seq |= {name: changed["version"] % 2**40 for name in edit if changed[name] != record[name]}
        assert rows_of(server, alice, resource)[record["id"]]["field_seq"] == field_seq
        record = changed
    assert {field_seq["visibility"] + 2} == {field_seq[field] for field in first}


def test_a_refused_request_takes_no_number(server: Server, alice: Person, resource: Resource, path: str) -> None:
    draft = draft_of(resource, alice)
    record = alice.client.post(path, json=draft).json()
    url, head = f"{path}/{record['id']}", feed_of(server, alice)["head"]
    patch, tag = reworded(resource, "wisteria, but late"), {"If-Match": '"1"'}
    responses = [
        alice.client.post(path, json=draft),
        alice.client.post(path, json=draft | patch),
        alice.client.post(path, json=draft | {"id": str(new_id()), "visibility": "wisteria"}),
        alice.client.patch(url, json=patch, headers=tag),
        alice.client.patch(url, json=patch),
        alice.client.patch(url, json=dict.fromkeys(patch, 1), headers=etag(record)),
        alice.client.patch(f"{path}/{new_id()}", json=patch, headers=tag),
        alice.client.delete(url, headers=tag),
    ]
    assert [response.status_code for response in responses] == [200, 409, 422, 412, 428, 422, 404, 412]
    assert feed_of(server, alice)["head"] == head
    assert alice.client.get(url).json() == record
