"""Repeated operations: an operation with an op_id has one effect, however often it is sent."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from app.ids import new_id
from tests.serving import Person
from tests.sync.sync_client import INTENTION, PUSH, SyncClient, delete, edit, summary, upsert


def test_a_repeated_operation_has_one_effect(sync: SyncClient) -> None:
    op = upsert(op_id=str(new_id()))
    first = sync.push_one(op)
    assert (summary(first), first["op_id"], first["replayed"]) == (("applied", 201, None, []), op["op_id"], False)
    newer = sync.push_applied(edit(first["record"], set={"why": "wisteria climbs"}))
    again = sync.push_one(op)
    assert (summary(again), again["replayed"], again["record"]) == (("applied", 201, None, []), True, newer)
    gone = sync.push_one(delete(newer, op_id=str(new_id())))
    assert gone["status"] == 204
    again = sync.push_one(op)
    assert (summary(again), again["replayed"], again["record"]) == (("applied", 201, None, []), True, None)
    assert again["version"] == gone["version"]


def test_an_unchanged_operation_is_remembered_and_a_conflict_is_not(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    same = edit(record, set={"kind": "integration"}, op_id=str(new_id()))
    assert summary(sync.push_one(same))[0] == "unchanged"
    sync.push_applied(edit(record, set={"kind": "session"}))
    assert (summary(sync.push_one(same))[0], sync.push_one(same)["replayed"]) == ("unchanged", True)
    colliding_fields = edit(record, set={"kind": "integration"}, op_id=str(new_id()))
    assert summary(sync.push_one(colliding_fields))[0] == "conflict"
    resolved = sync.push_one(colliding_fields | {"on_conflict": "mine"})
    assert (summary(resolved)[0], resolved["replayed"]) == ("applied", False)


def test_an_operation_of_an_earlier_push_is_not_rolled_back(sync: SyncClient) -> None:
    done, other = upsert(op_id=str(new_id())), upsert(op_id=str(new_id()))
    record = sync.push_applied(done)
    colliding_fields = upsert(id=sync.push_applied(upsert())["id"], set={"why": "wisteria"})
    response = sync.client.post(PUSH, json={"atomic": True, "ops": [done, other, colliding_fields]})
    assert response.status_code == 409
    first, second, third = response.json()["results"]
    assert (summary(first), first["replayed"], first["record"]) == (("applied", 201, None, []), True, record)
    assert (summary(second)[:2], summary(third)[0]) == (("rolled-back", 424), "conflict")


def test_an_op_id_belongs_to_one_operation(sync: SyncClient, bob: Person) -> None:
    op = upsert(op_id=str(new_id()))
    sync.push_applied(op)
    for other in (upsert(op_id=op["op_id"]), op | {"set": INTENTION | {"why": "wisteria"}}, op | {"undelete": True}):
        sync.push_rejected(other, 422, "op-id-reused")
    twice = sync.push(upsert(op_id=(op_id := str(new_id()))), upsert(op_id=op_id))
    assert [each["status"] for each in twice] == [201, 422]
    assert summary(SyncClient(bob).push_one(op)) == ("applied", 201, None, [])


def test_a_creation_older_than_the_servers_memory_does_not_revive_what_was_removed(sync: SyncClient) -> None:
    long_ago = int((datetime.now(UTC) - timedelta(days=401)).timestamp() * 1000)
    old = upsert(op_id=str(UUID(int=long_ago << 80 | 7 << 76 | 2 << 62)))
    assert summary(sync.push_one(old)) == ("conflict", 409, "deleted", [])
    assert summary(sync.push_one(old | {"undelete": True})) == ("applied", 201, None, [])
    brought_back = upsert(op_id=str(UUID(int=long_ago << 80 | 7 << 76 | 2 << 62 | 1)), if_missing="create")
    assert summary(sync.push_one(brought_back)) == ("applied", 201, None, [])
    assert summary(sync.push_one(upsert(op_id=str(uuid4())))) == ("applied", 201, None, [])
