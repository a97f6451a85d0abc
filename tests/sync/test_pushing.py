"""Pushing: many operations at once, each by itself or all together, in whatever order they were made."""

from typing import Any

import pytest

from app.ids import new_id
from tests.drafts import etag
from tests.rows import feed_of
from tests.serving import Person, Server
from tests.sync.phone import INTENTION, PUSH, SESSION, Json, Phone, delete, edit, told, upsert

REFERRING = {
    "elements": {"kind": "memory", "title": "wisteria"},
    "intentions": INTENTION,
    "reflections": {"body": "wisteria"},
    "action-items": {"title": "wisteria", "change": "internal", "facet": "thought"},
}


def test_children_may_come_before_their_parents(phone: Phone) -> None:
    session, element, first, second = (str(new_id()) for _ in range(4))
    results = phone.push(
        upsert("action-items", set=REFERRING["action-items"] | {"intention_id": second, "session_id": session}),
        upsert(id=second, set=INTENTION | {"derived_from_id": first, "element_id": element}),
        upsert(id=first, set=INTENTION | {"element_id": element}),
        upsert("elements", element, set=REFERRING["elements"] | {"session_id": session}),
        upsert("sessions", session, set=SESSION),
    )
    assert [told(each) for each in results] == [("applied", 201, None, [])] * 5
    assert results[1]["record"]["derived_from_id"] == first
    changes, _ = phone.pull()
    assert [each["collection"] for each in changes] == [
        "sessions",
        "elements",
        "intentions",
        "intentions",
        "action-items",
    ]


@pytest.mark.parametrize("collection", REFERRING)
def test_a_parent_that_is_not_there_yet_is_waited_for(phone: Phone, collection: str) -> None:
    session = str(new_id())
    op = upsert(collection, set=REFERRING[collection] | {"session_id": session})
    error = phone.rejected(op, 424, "parent-missing")
    assert (error["retryable"], [fault["pointer"] for fault in error["errors"]]) == (True, ["/session_id"])
    assert phone.client.get(f"/v1/{collection}/{op['id']}").status_code == 404
    failing = upsert("sessions", session, set={"status": "completed"})
    results = phone.push(op, failing)
    assert [each["status"] for each in results] == [424, 422]
    phone.applied(upsert("sessions", session, set=SESSION))
    assert phone.applied(op)["session_id"] == session


@pytest.mark.parametrize("collection", REFERRING)
def test_a_removed_parent_is_let_go_of_and_an_element_is_not_without_its_session(phone: Phone, collection: str) -> None:
    session, other = phone.applied(upsert("sessions", set=SESSION)), phone.applied(upsert("sessions", set=SESSION))
    there = phone.applied(upsert(collection, set=REFERRING[collection] | {"session_id": other["id"]}))
    phone.applied(delete(session, "sessions"))
    new = upsert(collection, set=REFERRING[collection] | {"session_id": session["id"]})
    moved = edit(there, collection, set={"session_id": session["id"]})
    if collection == "elements":
        gone, stays = phone.one(new), phone.one(moved)
        assert (told(gone), gone["record"]) == (("conflict", 409, "deleted", []), None)
        assert (told(stays), stays["record"]) == (("conflict", 409, "deleted", []), there)
        return
    created, freed = phone.one(new), phone.one(moved)
    for result, status in ((created, 201), (freed, 200)):
        assert told(result) == ("applied", status, None, [])
        assert result["record"]["session_id"] is None
        (warning,) = result["warnings"]
        assert (warning["code"], warning["pointer"]) == ("parent-deleted", "/session_id")
    again = phone.one(edit(freed["record"], collection, set={"session_id": session["id"]}))
    assert (told(again), len(again["warnings"])) == (("unchanged", 200, None, []), 1)


def test_lines_of_descent_cannot_be_closed_by_a_push(phone: Phone) -> None:
    ids = [str(new_id()) for _ in range(3)]
    ring = [upsert(id=id, set=INTENTION | {"derived_from_id": ids[n - 1]}) for n, id in enumerate(ids)]
    results = phone.push(*ring)
    codes = sorted(each["error"]["code"] for each in results)
    assert codes == ["derivation-cycle", "parent-missing", "parent-missing"]
    phone.rejected(upsert(id=ids[0], set=INTENTION | {"derived_from_id": ids[0]}), 422, "derivation-cycle")
    a, b = (phone.applied(upsert()) for _ in range(2))
    crossed = [edit(a, set={"derived_from_id": b["id"]}), edit(b, set={"derived_from_id": a["id"]})]
    assert sorted(each["status"] for each in phone.push(*crossed)) == [200, 422]
    one_way = [edit(phone.get(each), set={"derived_from_id": None}) for each in (a, b)]
    phone.push(*one_way)
    turned = [edit(phone.get(a), set={"derived_from_id": b["id"]}), edit(phone.get(b), set={"why": "wisteria"})]
    assert [each["status"] for each in phone.push(*turned)] == [200, 200]


def test_a_removal_comes_last_and_what_it_sets_free_is_answered_so(phone: Phone) -> None:
    session = phone.applied(upsert("sessions", set=SESSION))
    element = phone.applied(upsert("elements", set=REFERRING["elements"] | {"session_id": session["id"]}))
    fields = {"session_id": session["id"], "element_id": element["id"]}
    results = phone.push(
        delete(session, "sessions"),
        upsert("reflections", set=REFERRING["reflections"] | fields),
        upsert("elements", set=REFERRING["elements"] | {"session_id": session["id"]}),
        edit(element, "elements", set={"origin": "wisteria"}),
    )
    assert [each["status"] for each in results] == [204, 201, 201, 200]
    assert [each["record"] is None for each in results] == [True, False, True, True]
    record = results[1]["record"]
    assert (record["session_id"], record["element_id"]) == (None, None)
    assert record == phone.get(record, "reflections")
    changes, _ = phone.pull()
    assert {(each["id"], each["deleted"]) for each in changes} == {
        (record["id"], False),
        (session["id"], True),
        (element["id"], True),
        (results[2]["id"], True),
    }
    assert [each["version"] for each in changes[-2:]] == sorted(each["version"] for each in changes)[-2:]
    assert changes[-1]["id"] == session["id"]


def test_an_element_may_be_removed_beside_its_session(phone: Phone) -> None:
    session = phone.applied(upsert("sessions", set=SESSION))
    element = phone.applied(upsert("elements", set=REFERRING["elements"] | {"session_id": session["id"]}))
    results = phone.push(delete(session, "sessions"), delete(element, "elements"))
    assert [each["status"] for each in results] == [204, 204]
    changes, _ = phone.pull()
    assert [each["id"] for each in changes] == [element["id"], session["id"]]


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


def test_the_head_is_the_newest_version(phone: Phone) -> None:
    empty = phone.client.post(PUSH, json={"ops": []}).json()
    assert empty == {"head": phone.page()["cursor"], "results": []}
    body: dict[str, Any] = phone.client.post(PUSH, json={"ops": [upsert(), upsert()]}).json()
    assert body["head"] == body["results"][1]["version"] == empty["head"] + 2 == phone.page()["cursor"]
