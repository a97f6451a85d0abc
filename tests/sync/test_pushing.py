"""Pushes: many operations at once, each independent or all atomic."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.ids import new_id
from app.resources.intentions import INTENTIONS
from tests.drafts import etag
from tests.rows import feed_of, insert_copies
from tests.serving import Person, Server
from tests.sync.sync_client import INTENTION, PUSH, SESSION, Json, SyncClient, delete, edit, summary, upsert


def test_a_bad_operation_does_not_affect_the_others(sync: SyncClient) -> None:
    good, other = upsert(), upsert()
    response = sync.client.post(PUSH, json={"ops": [good, upsert(set={"kind": "wisteria"}), "wisteria", {}, other]})
    results = response.json()["results"]
    assert [each["status"] for each in results] == [201, 422, 422, 422, 201]
    assert [each["id"] is None for each in results] == [False, False, True, True, False]


def test_an_atomic_push_applies_all_operations_or_none(sync: SyncClient, server: Server, alice: Person) -> None:
    record = sync.push_applied(upsert())
    newer = sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    before = feed_of(server, alice)
    failing: list[tuple[Json, int]] = [
        (edit(record, set={"why": "wisteria hangs"}), 409),
        (upsert(set={}), 422),
        (upsert(set={"kind": 5}), 422),
    ]
    for op, status in failing:
        good = upsert(op_id=str(new_id()))
        ops = [good, delete(sync.push_applied(upsert())), op]
        before = feed_of(server, alice)
        response = sync.client.post(PUSH, json={"atomic": True, "ops": ops})
        problem = response.json()
        assert (response.status_code, problem["code"]) == (409, "batch-refused")
        assert [each["status"] for each in problem["results"]] == [424, 424, status]
        assert [each["outcome"] for each in problem["results"][:2]] == ["rolled-back"] * 2
        assert problem["head"] % 2**40 == before["head"]
        assert feed_of(server, alice) == before
        assert sync.get(newer) == newer
        assert not sync.push_one(good)["replayed"]
    results = sync.push(upsert(), delete(newer), atomic=True)
    assert [each["status"] for each in results] == [201, 204]


def test_a_push_may_skip_intermediate_statuses(sync: SyncClient) -> None:
    session = sync.push_applied(upsert("sessions", set=SESSION))
    started = {"started_at": "2026-11-20T09:00:00Z"}
    stopped = edit(session, "sessions", set={"status": "stopped", "status_reason": "wisteria", **started})
    assert (
        sync.client.patch(f"/v1/sessions/{session['id']}", json=stopped["set"], headers=etag(session)).status_code
        == 409
    )
    record = sync.push_applied(stopped)
    error = sync.push_rejected(edit(record, "sessions", set={"status": "planned"}), 409, "invalid-transition")
    assert error["allowed"] == ["entered-in-error"]
    done = sync.push_applied(edit(record, "sessions", set={"status": "entered-in-error"}))
    error = sync.push_rejected(edit(done, "sessions", set={"status": "planned"}), 409, "invalid-transition")
    assert error["allowed"] == []


def test_a_broken_rule_rejects_one_operation(sync: SyncClient) -> None:
    error = sync.push_rejected(upsert("sessions", set={"dose_value": 5}), 422, "validation")
    assert [(fault["pointer"], fault["code"]) for fault in error["errors"]] == [("/dose_unit", "both-or-neither")]


def test_a_second_operation_on_one_record_is_rejected(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    results = sync.push(edit(record, set={"why": "wisteria"}), delete(record))
    assert [each["status"] for each in results] == [200, 422]
    assert results[1]["error"]["code"] == "duplicate-target"
    same_id = [
        upsert(id=record["id"], set={"why": "wisteria"}, base=results[0]["version"]),
        upsert("sessions", record["id"], set={}),
    ]
    assert [each["status"] for each in sync.push(*same_id)] == [200, 201]


def test_another_accounts_records_do_not_exist(sync: SyncClient, bob: Person) -> None:
    theirs = SyncClient(bob).push_applied(upsert("sessions", set=SESSION))
    sync.push_rejected(upsert(set=INTENTION | {"session_id": theirs["id"]}), 424, "parent-missing")
    assert summary(sync.push_one(delete(theirs, "sessions"))) == ("unchanged", 204, None, [])
    assert summary(sync.push_one(upsert("sessions", theirs["id"], set=SESSION))) == ("applied", 201, None, [])
    assert SyncClient(bob).get(theirs, "sessions") == theirs


def test_a_change_is_never_dated_before_the_creation(sync: SyncClient, server: Server, alice: Person) -> None:
    record = sync.push_applied(upsert())
    ahead = datetime.now(UTC) + timedelta(minutes=5)
    (id,) = insert_copies(server, alice, INTENTIONS, record, [{"created_at": ahead, "updated_at": ahead}])
    changed = sync.push_applied(edit(sync.get({"id": id}), set={"why": "wisteria"}))
    assert changed["updated_at"] == changed["created_at"] > record["created_at"]


def test_the_head_is_the_newest_version(sync: SyncClient) -> None:
    empty = sync.client.post(PUSH, json={"ops": []}).json()
    assert empty == {"head": int(sync.pull_page()["cursor"]), "results": []}
    body: dict[str, Any] = sync.client.post(PUSH, json={"ops": [upsert(), upsert()]}).json()
    assert body["head"] == body["results"][1]["version"] == empty["head"] + 2 == int(sync.pull_page()["cursor"])
