"""Pushing: many operations at once, each by itself or all together."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.ids import new_id
from app.resources.intentions import INTENTIONS
from tests.drafts import etag
from tests.rows import copied, feed_of
from tests.serving import Person, Server
from tests.sync.phone import INTENTION, PUSH, SESSION, Json, Phone, delete, edit, told, upsert


def test_one_bad_operation_fails_none_of_its_neighbours(phone: Phone) -> None:
    good, other = upsert(), upsert()
    response = phone.client.post(PUSH, json={"ops": [good, upsert(set={"kind": "wisteria"}), "wisteria", {}, other]})
    results = response.json()["results"]
    assert [each["status"] for each in results] == [201, 422, 422, 422, 201]
    assert [each["id"] is None for each in results] == [False, False, True, True, False]


def test_an_atomic_push_is_whole_or_nothing(phone: Phone, server: Server, alice: Person) -> None:
    record = phone.applied(upsert())
    newer = phone.applied(edit(record, set={"why": "wisteria climbs"}))
    before = feed_of(server, alice)
    failing: list[tuple[Json, int]] = [
        (edit(record, set={"why": "wisteria hangs"}), 409),
        (upsert(set={}), 422),
        (upsert(set={"kind": 5}), 422),
    ]
    for op, status in failing:
        good = upsert(op_id=str(new_id()))
        ops = [good, delete(phone.applied(upsert())), op]
        before = feed_of(server, alice)
        response = phone.client.post(PUSH, json={"atomic": True, "ops": ops})
        problem = response.json()
        assert (response.status_code, problem["code"]) == (409, "batch-refused")
        assert [each["status"] for each in problem["results"]] == [424, 424, status]
        assert [each["outcome"] for each in problem["results"][:2]] == ["rolled-back"] * 2
        assert problem["head"] % 2**40 == before["head"]
        assert feed_of(server, alice) == before
        assert phone.get(newer) == newer
        assert not phone.one(good)["replayed"]
    results = phone.push(upsert(), delete(newer), atomic=True)
    assert [each["status"] for each in results] == [201, 204]


def test_a_status_may_be_pushed_as_far_as_its_transitions_lead(phone: Phone) -> None:
    session = phone.applied(upsert("sessions", set=SESSION))
    started = {"started_at": "2026-11-20T09:00:00Z"}
    stopped = edit(session, "sessions", set={"status": "stopped", "status_reason": "wisteria", **started})
    assert (
        phone.client.patch(f"/v1/sessions/{session['id']}", json=stopped["set"], headers=etag(session)).status_code
        == 409
    )
    record = phone.applied(stopped)
    error = phone.rejected(edit(record, "sessions", set={"status": "planned"}), 409, "invalid-transition")
    assert error["allowed"] == ["entered-in-error"]
    done = phone.applied(edit(record, "sessions", set={"status": "entered-in-error"}))
    error = phone.rejected(edit(done, "sessions", set={"status": "planned"}), 409, "invalid-transition")
    assert error["allowed"] == []


def test_a_rule_of_the_room_rejects_one_operation(phone: Phone) -> None:
    error = phone.rejected(upsert("sessions", set={"dose_value": 5}), 422, "validation")
    assert [(fault["pointer"], fault["code"]) for fault in error["errors"]] == [("/dose_unit", "both-or-neither")]


def test_two_operations_on_one_record_are_one_too_many(phone: Phone) -> None:
    record = phone.applied(upsert())
    results = phone.push(edit(record, set={"why": "wisteria"}), delete(record))
    assert [each["status"] for each in results] == [200, 422]
    assert results[1]["error"]["code"] == "duplicate-target"
    same_id = [
        upsert(id=record["id"], set={"why": "wisteria"}, base=results[0]["version"]),
        upsert("sessions", record["id"], set={}),
    ]
    assert [each["status"] for each in phone.push(*same_id)] == [200, 201]


def test_another_persons_records_are_not_there(phone: Phone, bob: Person) -> None:
    theirs = Phone(bob).applied(upsert("sessions", set=SESSION))
    phone.rejected(upsert(set=INTENTION | {"session_id": theirs["id"]}), 424, "parent-missing")
    assert told(phone.one(delete(theirs, "sessions"))) == ("unchanged", 204, None, [])
    assert told(phone.one(upsert("sessions", theirs["id"], set=SESSION))) == ("applied", 201, None, [])
    assert Phone(bob).get(theirs, "sessions") == theirs


def test_a_change_is_never_dated_before_the_creation(phone: Phone, server: Server, alice: Person) -> None:
    record = phone.applied(upsert())
    ahead = datetime.now(UTC) + timedelta(minutes=5)
    (id,) = copied(server, alice, INTENTIONS, record, [{"created_at": ahead, "updated_at": ahead}])
    changed = phone.applied(edit(phone.get({"id": id}), set={"why": "wisteria"}))
    assert changed["updated_at"] == changed["created_at"] > record["created_at"]


def test_the_head_is_the_newest_version(phone: Phone) -> None:
    empty = phone.client.post(PUSH, json={"ops": []}).json()
    assert empty == {"head": int(phone.page()["cursor"]), "results": []}
    body: dict[str, Any] = phone.client.post(PUSH, json={"ops": [upsert(), upsert()]}).json()
    assert body["head"] == body["results"][1]["version"] == empty["head"] + 2 == int(phone.page()["cursor"])
