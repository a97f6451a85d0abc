"""Versions: every write of a person takes the next number of their one feed, and no refusal takes any."""

from app.ids import new_id
from app.records import Resource
from tests.drafts import WORDS, draft_of, etag, written
from tests.promises.journeys import journey
from tests.rows import changes_of, device_of, feed_of, rows_of, version_of
from tests.serving import Person, Server


def test_one_feed_numbers_every_write_on_every_kind(server: Server, alice: Person, bob: Person) -> None:
    feed = feed_of(server, alice)
    assert (feed["head"], feed["floor"]) == (1, 0)
    assert 1 <= feed["epoch"] <= 4096
    records = list(journey(alice).items())
    written_ = [record["version"] for _, record in records]
    for kind, record in records:
        collection = kind.rpartition(" ")[2]
        address = f"/v1/{collection}/{record['id']}"
        changed = alice.client.patch(address, json={WORDS[collection]: "wisteria, again"}, headers=etag(record)).json()
        written_.append(changed["version"])
    assert written_ == [feed["epoch"] * 2**40 + seq for seq in range(2, 2 + len(written_))]
    assert max(written_) < 2**53
    assert feed_of(server, alice)["head"] == written_[-1] % 2**40
    assert feed_of(server, bob)["head"] == 1


def test_a_change_row_follows_each_record(server: Server, alice: Person, resource: Resource, path: str) -> None:
    record = written(alice.client, resource, alice)
    address = f"{path}/{record['id']}"
    for _ in range(2):
        feed, change = feed_of(server, alice), changes_of(server, alice)[record["id"]]
        assert version_of(feed, change) == record["version"]
        assert change["seq"] == rows_of(server, alice, resource)[record["id"]]["seq"] == feed["head"]
        assert (change["collection"], change["deleted"]) == (resource.collection, False)
        assert (change["actor_id"], change["visibility"]) == (device_of(alice), record["visibility"])
        record = alice.client.patch(address, json={"visibility": "shared"}, headers={"If-Match": "*"}).json()
    assert record["visibility"] == "shared"


def test_a_record_knows_the_number_of_each_fields_last_change(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    record, field = written(alice.client, resource, alice), WORDS[resource.collection]
    known: dict[str, int] = {}
    assert rows_of(server, alice, resource)[record["id"]]["field_seq"] == known
    edits = ({"visibility": "shared"}, {field: "wisteria one"}, {field: "wisteria two", "visibility": "shared"})
    for edit in edits:
        changed = alice.client.patch(f"{path}/{record['id']}", json=edit, headers={"If-Match": "*"}).json()
        known |= {name: changed["version"] % 2**40 for name in edit if changed[name] != record[name]}
        assert rows_of(server, alice, resource)[record["id"]]["field_seq"] == known
        record = changed
    assert known["visibility"] + 2 == known[field]


def test_a_refusal_takes_no_number(server: Server, alice: Person, resource: Resource, path: str) -> None:
    draft = draft_of(resource, alice)
    record = alice.client.post(path, json=draft).json()
    address, field, head = f"{path}/{record['id']}", WORDS[resource.collection], feed_of(server, alice)["head"]
    patch, tag = {field: "wisteria, but late"}, {"If-Match": '"1"'}
    answers = [
        alice.client.post(path, json=draft),
        alice.client.post(path, json=draft | patch),
        alice.client.post(path, json=draft | {"id": str(new_id()), "visibility": "wisteria"}),
        alice.client.patch(address, json=patch, headers=tag),
        alice.client.patch(address, json=patch),
        alice.client.patch(address, json={field: 1}, headers=etag(record)),
        alice.client.patch(f"{path}/{new_id()}", json=patch, headers=tag),
        alice.client.delete(address, headers=tag),
    ]
    assert [answer.status_code for answer in answers] == [200, 409, 422, 412, 428, 422, 404, 412]
    assert feed_of(server, alice)["head"] == head
    assert alice.client.get(address).json() == record
