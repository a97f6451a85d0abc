"""Pushing what refers to each other: in whatever order it was made, beside parents that are not there yet or no more."""

import pytest

from app.ids import new_id
from tests.sync.phone import INTENTION, SESSION, Phone, delete, edit, told, upsert

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
