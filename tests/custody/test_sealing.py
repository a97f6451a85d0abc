"""Sealing: no word is stored in clear, and a document that was moved or changed does not open."""

import pytest
import sqlalchemy as sa

from app.db import Statement, bind
from app.records import Resource
from app.resources import RESOURCES
from app.sealing import DataKeyRecord, data_keys
from tests.drafts import Json, create_record, draft_of, etag, reworded
from tests.refusals import refused
from tests.rows import dump_database, rows_of
from tests.serving import Person, Server
from tests.sync.sync_client import SyncClient, edit, upsert

_data_key = DataKeyRecord.table()
INTENTIONS = RESOURCES[2]
_intention = INTENTIONS.table
SET_DOCUMENT = Statement(
    sa.update(_intention).where(_intention.c.id == bind(_intention.c.id)).values(document=bind(_intention.c.document))
)
SET_WRAPPED = Statement(
    sa.update(_data_key)
    .where(_data_key.c.owner_id == bind(_data_key.c.owner_id))
    .values(wrapped=bind(_data_key.c.wrapped))
)

each_kind = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)


def store(server: Server, statement: Statement, **values: object) -> None:
    """Execute a statement on the server's database."""
    server.run(server.db.run(statement, **values))


@each_kind
def test_no_word_is_stored_in_clear(server: Server, alice: Person, resource: Resource) -> None:
    said = [f"wisteria {alice.id} {part}" for part in ("post", "patch", "push", "mine", "theirs")]
    draft = draft_of(resource, alice)
    texts = {name: said[0] for name in resource.word_names if isinstance(draft.get(name, ""), str)}
    record = alice.client.post(resource.path, json=draft | texts).json()
    change = reworded(resource, said[1])
    record = alice.client.patch(f"{resource.path}/{record['id']}", json=change, headers=etag(record)).json()
    sync = SyncClient(alice)
    sync.push(edit(record, resource.collection, set=reworded(resource, said[3])))
    sync.push(edit(record, resource.collection, set=reworded(resource, said[4])))  # a conflict
    refused(alice.client.patch(f"{resource.path}/{record['id']}", json=change, headers=etag(record)), 412, "outdated")
    stored = dump_database(server)
    for word in said:
        assert word.encode() not in stored
        assert word.encode("utf-16-le") not in stored


def test_equal_texts_are_sealed_differently(server: Server, alice: Person) -> None:
    sync = SyncClient(alice)
    ids = [each["record"]["id"] for each in sync.push(*(upsert() for _ in range(10)))]
    rows = rows_of(server, alice, INTENTIONS)
    documents = [rows[id]["document"] for id in ids]
    assert len({document[3:15] for document in documents}) == len(documents)  # the nonces
    assert all(document[:3] == b"\x01\x00\x01" for document in documents)


def broken(server: Server, alice: Person, how: str) -> tuple[Json, Json]:
    """Create two intentions, and make the first one unreadable; return both."""
    first, second = (create_record(alice.client, INTENTIONS, alice) for _ in range(2))
    rows = rows_of(server, alice, INTENTIONS)
    document = rows[first["id"]]["document"]
    values = {
        "another record's": rows[second["id"]]["document"],
        "a flipped bit": document[:-1] + bytes([document[-1] ^ 1]),
        "another format": b"\x02" + document[1:],
        "an unknown generation": document[:1] + b"\xff\xff" + document[3:],
        "cut off": document[:10],
        "empty": b"",
    }
    store(server, SET_DOCUMENT, id=rows[first["id"]]["id"], document=values[how])
    return first, second


@pytest.mark.parametrize(
    "how", ["another record's", "a flipped bit", "another format", "an unknown generation", "cut off", "empty"]
)
def test_a_document_that_does_not_open_is_a_clear_problem(
    server: Server, alice: Person, how: str, every_log_line: list[str]
) -> None:
    first, second = broken(server, alice, how)
    path = f"/v1/intentions/{first['id']}"
    begin = len(every_log_line)
    for response in (
        alice.client.get(path),
        alice.client.get("/v1/intentions"),
        alice.client.get("/v1/sync/changes"),
        alice.client.patch(path, json={"why": "wisteria"}, headers={"If-Match": "*"}),
        alice.client.delete(path, headers={"If-Match": "*"}),
    ):
        refused(response, 503, "unreadable-record")
    logged = [line for line in every_log_line[begin:] if "record-unreadable" in line]
    assert logged
    assert all(first["id"] in line for line in logged)
    assert alice.client.get(f"/v1/intentions/{second['id']}").json() == second


def test_a_data_key_that_does_not_open_is_a_clear_problem(server: Server, alice: Person, bob: Person) -> None:
    record = create_record(alice.client, INTENTIONS, alice)
    store(server, SET_WRAPPED, owner_id=alice.id, wrapped=b"wisteria" * 8)
    server.services.data_keys.forget(alice.id)
    refused(alice.client.get(f"/v1/intentions/{record['id']}"), 503, "unreadable-record")
    refused(alice.client.post("/v1/intentions", json=draft_of(INTENTIONS)), 503, "unreadable-record")
    create_record(bob.client, INTENTIONS, bob)


def test_a_worker_caches_a_limited_number_of_data_keys(
    alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_keys, "MAX_CACHED", 1)
    records = [(person, create_record(person.client, INTENTIONS, person)) for person in (alice, bob)]
    for person, record in (*records, *records):
        assert person.client.get(f"/v1/intentions/{record['id']}").json() == record
