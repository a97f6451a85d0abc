"""Imports of our own archives: lossless, repeatable, and never a change of what exists."""

import json
import socket
import zipfile
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from app import clock
from app.archive import importing
from app.archive.format import MEDIA_TYPE, records_path
from app.db import Statement, bind
from app.identity.tables import DeviceRecord
from app.ids import new_id
from app.records import Resource
from app.records.view import View
from app.records.write import store
from app.records.write.ops import Op
from app.resources import RESOURCES
from tests.archive.packing import (
    RawEntry,
    archive_of,
    complete,
    files_of,
    imported,
    raw_entries,
    raw_zip,
    result,
    send,
    zipped,
)
from tests.conftest import Servers
from tests.drafts import Json, create_record, draft_of, reworded
from tests.hostile.conftest import State
from tests.hostile.raw import RawConnection, chunked_request_bytes, request_bytes
from tests.refusals import refused
from tests.rows import dump_database
from tests.serving import Person, Server
from tests.waiting import wait_until

CARRIED = {"version", "updated_at"}
"""The members that an import does not carry."""
MAX_BYTES = 32 * 2**20
SESSION = {
    "id": "019aa2c4-7b00-7000-8000-0000000000f2",
    "version": 1099511627781,
    "created_at": "2026-11-22T18:40:12.504118Z",
    "updated_at": "2026-11-22T18:40:12.504118Z",
}
OTHER = {"sqlite": "postgresql", "postgresql": "sqlite"}
_device = DeviceRecord.table()
END_DEVICES = Statement(
    sa.update(_device)
    .where(_device.c.account_id == bind(_device.c.account_id))
    .values(ended_at=bind(_device.c.ended_at))
)
each_kind = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)


def all_records(person: Person) -> dict[str, list[Json]]:
    """Return all records of a person by collection, in the order of an archive."""
    found = {}
    for resource in RESOURCES:
        items = person.client.get(resource.path, params={"limit": 200}).json()["items"]
        found[resource.collection] = sorted(items, key=lambda each: (each["created_at"], each["id"]))
    return found


def without_server_members(records: dict[str, list[Json]]) -> dict[str, list[Json]]:
    """Return records without what an import does not carry."""
    return {
        collection: [{name: each for name, each in record.items() if name not in CARRIED} for record in found]
        for collection, found in records.items()
    }


def write_everything(person: Person) -> dict[str, list[Json]]:
    """Create records of every kind, with references and a chain of intentions; return all of them."""
    for resource in RESOURCES:
        person.client.post(resource.path, json=draft_of(resource, person))
        create_record(person.client, resource, person)
    above = None
    for _ in range(4):
        intention = {"kind": "session", "statement": "wisteria\r\n\U0001f33f\u0301 ", "derived_from_id": above}
        above = person.client.post("/v1/intentions", json=intention).json()["id"]
    first = person.client.get("/v1/intentions", params={"limit": 200}).json()["items"][-1]
    person.client.patch(
        f"/v1/intentions/{first['id']}", json={"derived_from_id": above}, headers={"If-Match": "*"}
    )  # a parent that was created after its child
    return all_records(person)


def test_every_field_id_creation_and_reference_is_carried(alice: Person, bob: Person) -> None:
    records = write_everything(alice)
    count = sum(map(len, records.values()))

    assert imported(bob, archive_of(records)) == result(created=count)
    assert without_server_members(all_records(bob)) == without_server_members(records)
    assert all_records(alice) == records

    assert imported(bob, archive_of(records)) == result(unchanged=count)
    assert imported(alice, archive_of(records)) == result(unchanged=count)


def test_records_are_carried_to_another_kind_of_database_and_back(
    servers: Servers, database: str, alice: Person
) -> None:
    records = write_everything(alice)
    count = sum(map(len, records.values()))
    elsewhere = servers.shared(OTHER[database]).person("carol")

    assert imported(elsewhere, alice.client.get("/v1/export").content) == result(created=count)
    there = all_records(elsewhere)
    back = servers.shared(database).person("dave")
    assert imported(back, elsewhere.client.get("/v1/export").content) == result(created=count)

    assert without_server_members(there) == without_server_members(records)
    assert without_server_members(all_records(back)) == without_server_members(records)


def test_a_second_import_writes_nothing(alice: Person, bob: Person, state: State) -> None:
    archive = archive_of(write_everything(alice))
    imported(bob, archive)
    before = state()
    imported(bob, archive)
    assert state() == before


@each_kind
def test_a_record_that_exists_is_never_changed(alice: Person, resource: Resource) -> None:
    record = create_record(alice.client, resource, alice)
    path, changes = f"{resource.path}/{record['id']}", reworded(resource, "wisteria by the wall")
    alice.client.patch(path, json=changes, headers={"If-Match": "*"})
    before = alice.client.get(path).json()

    conflicts = [{"collection": resource.collection, "id": record["id"]}]
    assert imported(alice, archive_of({resource.collection: [record]})) == result(conflicts=conflicts)
    assert alice.client.get(path).json() == before


def test_a_field_that_nobody_has_set_yet_is_not_set_by_an_import(alice: Person) -> None:
    bare = alice.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    richer = bare | {"title": "wisteria", "mood": 3}

    conflicts = [{"collection": "reflections", "id": bare["id"]}]
    assert imported(alice, archive_of({"reflections": [richer]})) == result(conflicts=conflicts)
    assert alice.client.get(f"/v1/reflections/{bare['id']}").json() == bare


@each_kind
def test_a_record_that_was_removed_does_not_come_back(alice: Person, resource: Resource) -> None:
    record = create_record(alice.client, resource, alice)
    alice.client.delete(f"{resource.path}/{record['id']}", headers={"If-Match": "*"})

    conflicts = [{"collection": resource.collection, "id": record["id"]}]
    assert imported(alice, archive_of({resource.collection: [record]})) == result(conflicts=conflicts)
    refused(alice.client.get(f"{resource.path}/{record['id']}"), 404, "not-found")


def test_a_reference_to_a_removed_record_becomes_null_and_stays_so(alice: Person) -> None:
    session = create_record(alice.client, RESOURCES[0], alice)
    reflection = alice.client.post("/v1/reflections", json={"body": "wisteria", "session_id": session["id"]}).json()
    alice.client.delete(f"/v1/sessions/{session['id']}", headers={"If-Match": "*"})
    moved = reflection | {"id": str(new_id())}

    assert imported(alice, archive_of({"reflections": [moved]})) == result(created=1)
    assert alice.client.get(f"/v1/reflections/{moved['id']}").json()["session_id"] is None
    assert imported(alice, archive_of({"reflections": [moved]})) == result(unchanged=1)


def test_an_id_of_another_person_is_free(alice: Person, bob: Person) -> None:
    records = {"reflections": [alice.client.post("/v1/reflections", json={"body": "wisteria"}).json()]}
    other = {"reflections": [records["reflections"][0] | {"body": "wisteria by the gate"}]}
    missing = {"reflections": [other["reflections"][0] | {"id": str(new_id())}]}

    assert imported(bob, archive_of(other)) == imported(bob, archive_of(missing)) == result(created=1)
    assert all_records(alice)["reflections"] == records["reflections"]


def test_a_reference_to_a_record_of_another_person_is_missing(alice: Person, bob: Person) -> None:
    session = create_record(alice.client, RESOURCES[0], alice)["id"]
    template = bob.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    answers = []
    for id in (session, str(new_id())):
        record = template | {"id": str(new_id()), "session_id": id}
        answer = imported(bob, archive_of({"reflections": [record]}))
        rejected = {"path": "records/reflections.jsonl", "id": record["id"], "code": "parent-missing"}
        assert answer == result(rejected=[rejected])
        answers.append(answer)


def test_parents_are_created_first_across_batches(alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    template = alice.client.post("/v1/intentions", json={"kind": "session", "statement": "wisteria"}).json()
    ids = [str(new_id()) for _ in range(30)]
    chain = [template | {"id": id, "derived_from_id": above} for id, above in zip(ids, [*ids[1:], None], strict=True)]
    sessions = [create_record(alice.client, RESOURCES[0], alice) for _ in range(3)]
    monkeypatch.setattr(importing, "MAX_OPS", 4)
    records = {"intentions": [each | {"session_id": sessions[2]["id"]} for each in chain], "sessions": sessions}

    assert imported(bob, archive_of(records)) == result(created=33)
    assert all_records(bob)["intentions"][0]["session_id"] == sessions[2]["id"]


def test_a_batch_is_limited_by_its_bytes(alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    records = all_records(alice) | {
        "reflections": [alice.client.post("/v1/reflections", json={"body": "wisteria" * 20}).json() for _ in range(5)]
    }
    monkeypatch.setattr(importing, "MAX_BATCH_BYTES", 1000)
    assert imported(bob, archive_of(records)) == result(created=5)


def test_a_cycle_of_intentions_is_rejected_and_the_rest_created(alice: Person) -> None:
    template = alice.client.post("/v1/intentions", json={"kind": "session", "statement": "wisteria"}).json()
    a, b, c = (str(new_id()) for _ in range(3))
    records = [template | {"id": id, "derived_from_id": above} for id, above in ((a, b), (b, a), (c, None))]
    answer = imported(alice, archive_of({"intentions": records}))
    assert answer["created"] == 1
    assert {each["id"] for each in answer["rejected"]} == {a, b}
    assert {each["code"] for each in answer["rejected"]} <= {"derivation-cycle", "parent-missing"}


REJECTED: dict[str, tuple[Json, str]] = {
    "no id": ({"id": None}, "id"),
    "an id that is none": ({"id": "wisteria"}, "id"),
    "no time of creation": ({"created_at": None}, "time"),
    "a time of creation that is none": ({"created_at": "yesterday"}, "time"),
    "no words": ({"body": ""}, "string-too-short"),
    "too many words": ({"body": "w" * 100_001}, "string-too-long"),
    "NUL": ({"body": "\0"}, "string-pattern-mismatch"),
    "an unknown field": ({"wisteria": 1}, "unknown-field"),
    "an unknown capture": ({"capture": "wisteria"}, "enum"),
    "a field of another type": ({"mood": "5"}, "int-type"),
    "a time zone that is none": ({"timezone": "wisteria"}, "timezone"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_an_invalid_record_is_rejected_and_its_neighbours_are_created(alice: Person, bob: Person, name: str) -> None:
    change, code = REJECTED[name]
    record = alice.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    others = [record | {"id": str(new_id())} for _ in range(2)]
    answer = imported(bob, archive_of({"reflections": [others[0], record | change, others[1]]}))
    id = None if "id" in change or "created_at" in change else record["id"]
    assert answer == result(created=2, rejected=[{"path": "records/reflections.jsonl", "id": id, "code": code}])


@pytest.mark.parametrize("member", ["id", "created_at"])
def test_a_record_without_a_member_of_the_server_is_rejected(alice: Person, member: str) -> None:
    record = alice.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    del record[member]
    answer = imported(alice, archive_of({"reflections": [record]}))
    assert [each["code"] for each in answer["rejected"]] == ["required"]


def test_a_rule_of_a_kind_holds(alice: Person) -> None:
    session = create_record(alice.client, RESOURCES[0], alice)
    broken = session | {"id": str(new_id()), "status": "completed", "started_at": None, "ended_at": None}
    rejected = {"path": "records/sessions.jsonl", "id": broken["id"], "code": "start-required"}
    assert imported(alice, archive_of({"sessions": [broken]})) == result(rejected=[rejected])


def test_a_record_that_is_there_twice_is_rejected_the_second_time(alice: Person, bob: Person) -> None:
    record = alice.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    twice = [record, record | {"id": record["id"].upper(), "body": "wisteria by the gate"}]
    rejected = {"path": "records/reflections.jsonl", "id": record["id"], "code": "duplicate-target"}
    assert imported(bob, archive_of({"reflections": twice})) == result(created=1, rejected=[rejected])
    assert all_records(bob)["reflections"][0]["body"] == "wisteria"


def test_a_time_of_creation_in_the_future_is_kept(alice: Person) -> None:
    record = alice.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    future = record | {"id": str(new_id()), "created_at": "2199-01-01T00:00:00.000001Z"}
    imported(alice, archive_of({"reflections": [future]}))
    read = alice.client.get(f"/v1/reflections/{future['id']}").json()
    assert (read["created_at"], read["updated_at"]) == (future["created_at"],) * 2


def test_other_devices_pull_what_was_imported(alice: Person, bob: Person) -> None:
    records = write_everything(alice)
    cursor = bob.client.get("/v1/sync").json()["cursor"]
    imported(bob, archive_of(records))
    pulled = bob.client.get("/v1/sync/changes", params={"since": cursor, "limit": 1000}).json()["changes"]
    assert {each["id"] for each in pulled} == {each["id"] for found in records.values() for each in found}


def test_an_empty_archive_creates_nothing(alice: Person) -> None:
    assert imported(alice, archive_of({"sessions": []})) == result()


def test_a_last_line_may_end_without_a_line_break(alice: Person) -> None:
    record = alice.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    files = complete({records_path("reflections"): json.dumps(record).encode()})
    assert imported(alice, zipped(files)) == result(unchanged=1)


@pytest.mark.parametrize(
    "write",
    [
        lambda files: zipped(files, zipfile.ZIP_STORED),
        lambda files: raw_zip([RawEntry(b"records/", method=0), *raw_entries(files)]),
        lambda files: raw_zip(
            RawEntry(
                path.encode(),
                content,
                flags=0x0808,
                descriptor=b"PK\7\x08" + b"\0" * 12,
                local={"crc": 0, "packed": 0, "size": 0},
            )
            for path, content in files.items()
        ),
        lambda files: raw_zip(
            RawEntry(
                path.encode(),
                content,
                flags=0x0808,
                descriptor=b"PK\7\x08" + b"\0" * 20,
                local={"crc": 0, "packed": 0xFFFFFFFF, "size": 0xFFFFFFFF, "extra": b"\1\0\x10\0" + b"\0" * 16},
            )
            for path, content in files.items()
        ),
    ],
    ids=["stored", "with folders", "streamed", "streamed with ZIP64"],
)
def test_an_archive_that_another_program_packed_again_is_read(alice: Person, write: object) -> None:
    record = alice.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    assert callable(write)
    assert imported(alice, write(files_of({"reflections": [record]}))) == result(unchanged=1)


def test_a_connection_that_ends_within_the_body_leaves_nothing(server: Server, alice: Person, state: State) -> None:
    headers = [("Authorization", f"Bearer {alice.token}"), ("Content-Type", MEDIA_TYPE)]
    content, before = request_bytes("POST", "/v1/import", headers, archive_of({"sessions": [SESSION]})), state()
    with socket.create_connection(server.address) as connection:
        connection.sendall(content[:-10])
        wait_until(lambda: server.services.imports.taken == 1)
    wait_until(lambda: server.services.imports.taken == 0)
    assert state() == before


def test_a_body_above_32_mib_is_too_large(alice: Person, connection: RawConnection, state: State) -> None:
    headers = [("Authorization", f"Bearer {alice.token}"), ("Content-Type", MEDIA_TYPE)]
    before = state()
    reply = connection.send(request_bytes("POST", "/v1/import", [*headers, ("Content-Length", str(MAX_BYTES + 1))]))
    assert (reply.status, reply.problem["code"], reply.problem["limit"]) == (413, "body-too-large", MAX_BYTES)
    connection.close()
    too_large = chunked_request_bytes("POST", "/v1/import", headers, b"\0" * (MAX_BYTES + 1), size=2**20)
    assert connection.send(too_large).problem["code"] == "body-too-large"
    connection.close()
    largest = request_bytes("POST", "/v1/import", headers, b"\0" * MAX_BYTES)
    assert connection.send(largest).problem["code"] == "bad-archive"
    assert state() == before


def test_a_body_of_another_type_is_refused(alice: Person) -> None:
    for media_type in ("application/json", "application/x-zip-compressed", "multipart/form-data; boundary=wisteria"):
        response = alice.client.post("/v1/import", content=archive_of({}), headers={"Content-Type": media_type})
        refused(response, 415, "unsupported-media-type")


@pytest.mark.parametrize("origin", ["", "wisteria", "Afterglow", "day_one"])
def test_an_unknown_origin_is_refused(alice: Person, origin: str) -> None:
    problem = refused(send(alice, archive_of({}), origin), 422, "validation")
    assert problem["errors"][0]["pointer"] == "/from"


def test_a_third_import_at_once_is_refused_before_its_body_is_read(
    server: Server, alice: Person, connection: RawConnection, state: State
) -> None:
    headers = [("Authorization", f"Bearer {alice.token}"), ("Content-Type", MEDIA_TYPE)]
    before = state()
    with server.services.imports.take(""), server.services.imports.take(""):
        reply = connection.send(request_bytes("POST", "/v1/import", headers, archive_of({})))
        assert (reply.status, reply.problem["code"]) == (503, "unavailable")
        assert int(reply.headers["retry-after"]) >= 1
    assert state() == before
    assert imported(alice, archive_of({})) == result()
    assert server.services.imports.taken == 0


def test_a_device_that_is_signed_out_during_an_import_imports_nothing_more(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = {"sessions": [create_record(alice.client, RESOURCES[0], alice) for _ in range(2)]}
    moved = {"sessions": [each | {"id": str(new_id())} for each in records["sessions"]]}
    monkeypatch.setattr(importing, "MAX_OPS", 1)
    write = store.write

    async def write_and_sign_out(view: View, ops: Sequence[Op]) -> store.Written:
        written = await write(view, ops)
        await server.db.run(END_DEVICES, account_id=alice.id, ended_at=clock.now())
        return written

    monkeypatch.setattr(store, "write", write_and_sign_out)
    refused(send(alice, archive_of(moved)), 401, "not-signed-in")


def test_no_word_of_an_archive_is_stored_in_clear(server: Server, alice: Person) -> None:
    words = f"wisteria {new_id()}"
    record = alice.client.post("/v1/reflections", json={"body": "wisteria"}).json()
    imported(alice, archive_of({"reflections": [record | {"id": str(new_id()), "body": words}]}))
    assert words.encode() not in dump_database(server)


def test_a_long_chain_of_intentions_is_created(alice: Person) -> None:
    template = alice.client.post("/v1/intentions", json={"kind": "session", "statement": "wisteria"}).json()
    ids = [str(new_id()) for _ in range(2000)]
    chain = [template | {"id": id, "derived_from_id": above} for id, above in zip(ids, [*ids[1:], None], strict=True)]
    assert imported(alice, archive_of({"intentions": chain})) == result(created=2000)
