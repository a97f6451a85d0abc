"""Repeating: an operation under an op_id has one effect, however often it is sent."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from app.ids import new_id
from tests.serving import Person
from tests.sync.phone import INTENTION, PUSH, Phone, delete, edit, told, upsert


def test_a_repeated_operation_has_one_effect(phone: Phone) -> None:
    op = upsert(op_id=str(new_id()))
    first = phone.one(op)
    assert (told(first), first["op_id"], first["replayed"]) == (("applied", 201, None, []), op["op_id"], False)
    newer = phone.applied(edit(first["record"], set={"why": "wisteria climbs"}))
    again = phone.one(op)
    assert (told(again), again["replayed"], again["record"]) == (("applied", 201, None, []), True, newer)
    gone = phone.one(delete(newer, op_id=str(new_id())))
    assert gone["status"] == 204
    again = phone.one(op)
    assert (told(again), again["replayed"], again["record"]) == (("applied", 201, None, []), True, None)
    assert again["version"] == gone["version"]


def test_an_unchanged_operation_is_remembered_and_a_conflict_is_not(phone: Phone) -> None:
    record = phone.applied(upsert())
    same = edit(record, set={"kind": "integration"}, op_id=str(new_id()))
    assert told(phone.one(same))[0] == "unchanged"
    phone.applied(edit(record, set={"kind": "session"}))
    assert (told(phone.one(same))[0], phone.one(same)["replayed"]) == ("unchanged", True)
    colliding_fields = edit(record, set={"kind": "integration"}, op_id=str(new_id()))
    assert told(phone.one(colliding_fields))[0] == "conflict"
    resolved = phone.one(colliding_fields | {"on_conflict": "mine"})
    assert (told(resolved)[0], resolved["replayed"]) == ("applied", False)


def test_what_was_done_before_is_not_rolled_back_with_a_later_batch(phone: Phone) -> None:
    done, other = upsert(op_id=str(new_id())), upsert(op_id=str(new_id()))
    record = phone.applied(done)
    colliding_fields = upsert(id=phone.applied(upsert())["id"], set={"why": "wisteria"})
    response = phone.client.post(PUSH, json={"atomic": True, "ops": [done, other, colliding_fields]})
    assert response.status_code == 409
    first, second, third = response.json()["results"]
    assert (told(first), first["replayed"], first["record"]) == (("applied", 201, None, []), True, record)
    assert (told(second)[:2], told(third)[0]) == (("rolled-back", 424), "conflict")


def test_an_op_id_names_one_operation(phone: Phone, bob: Person) -> None:
    op = upsert(op_id=str(new_id()))
    phone.applied(op)
    for other in (upsert(op_id=op["op_id"]), op | {"set": INTENTION | {"why": "wisteria"}}, op | {"undelete": True}):
        phone.rejected(other, 422, "op-id-reused")
    twice = phone.push(upsert(op_id=(op_id := str(new_id()))), upsert(op_id=op_id))
    assert [each["status"] for each in twice] == [201, 422]
    assert told(Phone(bob).one(op)) == ("applied", 201, None, [])


def test_a_creation_older_than_the_servers_memory_does_not_revive_what_was_removed(phone: Phone) -> None:
    long_ago = int((datetime.now(UTC) - timedelta(days=401)).timestamp() * 1000)
    old = upsert(op_id=str(UUID(int=long_ago << 80 | 7 << 76 | 2 << 62)))
    assert told(phone.one(old)) == ("conflict", 409, "deleted", [])
    assert told(phone.one(old | {"undelete": True})) == ("applied", 201, None, [])
    brought_back = upsert(op_id=str(UUID(int=long_ago << 80 | 7 << 76 | 2 << 62 | 1)), if_missing="create")
    assert told(phone.one(brought_back)) == ("applied", 201, None, [])
    assert told(phone.one(upsert(op_id=str(uuid4())))) == ("applied", 201, None, [])
