"""Pushes of records that refer to each other: in any order, and to records that are missing or removed."""

import pytest

from app.ids import new_id
from tests.sync.sync_client import INTENTION, SESSION, Json, SyncClient, delete, edit, summary, upsert

REFERRING: dict[str, Json] = {
    "elements": {"kind": "memory", "title": "wisteria"},
    "intentions": INTENTION,
    "reflections": {"body": "wisteria"},
    "action-items": {"title": "wisteria", "change": "internal", "facet": "thought"},
    "assessments": {"instrument": "pgi-c", "answers": [2]},
}


def test_operations_may_come_before_those_that_they_refer_to(sync: SyncClient) -> None:
    session, element, first, second = (str(new_id()) for _ in range(4))
    results = sync.push(
        upsert("action-items", set=REFERRING["action-items"] | {"intention_id": second, "session_id": session}),
        upsert(id=second, set=INTENTION | {"derived_from_id": first, "element_id": element}),
        upsert(id=first, set=INTENTION | {"element_id": element}),
        upsert("elements", element, set=REFERRING["elements"] | {"session_id": session}),
        upsert("sessions", session, set=SESSION),
    )
    assert [summary(each) for each in results] == [("applied", 201, None, [])] * 5
    assert results[1]["record"]["derived_from_id"] == first
    changes, _ = sync.pull()
    assert [each["collection"] for each in changes] == [
        "sessions",
        "elements",
        "intentions",
        "intentions",
        "action-items",
    ]


@pytest.mark.parametrize("collection", REFERRING)
def test_a_reference_to_a_missing_record_can_be_retried(sync: SyncClient, collection: str) -> None:
    session = str(new_id())
    op = upsert(collection, set=REFERRING[collection] | {"session_id": session})
    error = sync.push_rejected(op, 424, "parent-missing")
    assert (error["retryable"], [fault["pointer"] for fault in error["errors"]]) == (True, ["/session_id"])
    assert sync.client.get(f"/v1/{collection}/{op['id']}").status_code == 404
    failing = upsert("sessions", session, set={"status": "completed"})
    results = sync.push(op, failing)
    assert [each["status"] for each in results] == [424, 422]
    sync.push_applied(upsert("sessions", session, set=SESSION))
    assert sync.push_applied(op)["session_id"] == session


@pytest.mark.parametrize("collection", REFERRING)
def test_a_reference_to_a_removed_record_is_set_to_null_or_a_conflict_for_elements(
    sync: SyncClient, collection: str
) -> None:
    session, other = (
        sync.push_applied(upsert("sessions", set=SESSION)),
        sync.push_applied(upsert("sessions", set=SESSION)),
    )
    there = sync.push_applied(upsert(collection, set=REFERRING[collection] | {"session_id": other["id"]}))
    sync.push_applied(delete(session, "sessions"))
    new = upsert(collection, set=REFERRING[collection] | {"session_id": session["id"]})
    moved = edit(there, collection, set={"session_id": session["id"]})
    if collection == "elements":
        gone, stays = sync.push_one(new), sync.push_one(moved)
        assert (summary(gone), gone["record"]) == (("conflict", 409, "deleted", []), None)
        assert (summary(stays), stays["record"]) == (("conflict", 409, "deleted", []), there)
        return
    created, freed = sync.push_one(new), sync.push_one(moved)
    for result, status in ((created, 201), (freed, 200)):
        assert summary(result) == ("applied", status, None, [])
        assert result["record"]["session_id"] is None
        (warning,) = result["warnings"]
        assert (warning["code"], warning["pointer"]) == ("parent-deleted", "/session_id")
    again = sync.push_one(edit(freed["record"], collection, set={"session_id": session["id"]}))
    assert (summary(again), len(again["warnings"])) == (("unchanged", 200, None, []), 1)


def test_a_push_cannot_close_a_cycle_of_derivations(sync: SyncClient) -> None:
    ids = [str(new_id()) for _ in range(3)]
    ring = [upsert(id=id, set=INTENTION | {"derived_from_id": ids[n - 1]}) for n, id in enumerate(ids)]
    results = sync.push(*ring)
    codes = sorted(each["error"]["code"] for each in results)
    assert codes == ["derivation-cycle", "parent-missing", "parent-missing"]
    sync.push_rejected(upsert(id=ids[0], set=INTENTION | {"derived_from_id": ids[0]}), 422, "derivation-cycle")
    a, b = (sync.push_applied(upsert()) for _ in range(2))
    crossed = [edit(a, set={"derived_from_id": b["id"]}), edit(b, set={"derived_from_id": a["id"]})]
    assert sorted(each["status"] for each in sync.push(*crossed)) == [200, 422]
    one_way = [edit(sync.get(each), set={"derived_from_id": None}) for each in (a, b)]
    sync.push(*one_way)
    turned = [edit(sync.get(a), set={"derived_from_id": b["id"]}), edit(sync.get(b), set={"why": "wisteria"})]
    assert [each["status"] for each in sync.push(*turned)] == [200, 200]


def test_removals_are_executed_last_and_results_show_their_effects(sync: SyncClient) -> None:
    session = sync.push_applied(upsert("sessions", set=SESSION))
    element = sync.push_applied(upsert("elements", set=REFERRING["elements"] | {"session_id": session["id"]}))
    fields = {"session_id": session["id"], "element_id": element["id"]}
    results = sync.push(
        delete(session, "sessions"),
        upsert("reflections", set=REFERRING["reflections"] | fields),
        upsert("elements", set=REFERRING["elements"] | {"session_id": session["id"]}),
        edit(element, "elements", set={"origin": "wisteria"}),
    )
    assert [each["status"] for each in results] == [204, 201, 201, 200]
    assert [each["record"] is None for each in results] == [True, False, True, True]
    record = results[1]["record"]
    assert (record["session_id"], record["element_id"]) == (None, None)
    assert record == sync.get(record, "reflections")
    changes, _ = sync.pull()
    assert {(each["id"], each["deleted"]) for each in changes} == {
        (record["id"], False),
        (session["id"], True),
        (element["id"], True),
        (results[2]["id"], True),
    }
    assert [each["version"] for each in changes[-2:]] == sorted(each["version"] for each in changes)[-2:]
    assert changes[-1]["id"] == session["id"]


def test_an_element_may_be_removed_together_with_its_session(sync: SyncClient) -> None:
    session = sync.push_applied(upsert("sessions", set=SESSION))
    element = sync.push_applied(upsert("elements", set=REFERRING["elements"] | {"session_id": session["id"]}))
    results = sync.push(delete(session, "sessions"), delete(element, "elements"))
    assert [each["status"] for each in results] == [204, 204]
    changes, _ = sync.pull()
    assert [each["id"] for each in changes] == [element["id"], session["id"]]


def test_a_referrer_may_be_removed_together_with_the_record_that_it_refers_to(sync: SyncClient) -> None:
    session = sync.push_applied(upsert("sessions", set=SESSION))
    body = REFERRING["reflections"] | {"session_id": session["id"]}
    reflection = sync.push_applied(upsert("reflections", set=body))
    results = sync.push(delete(session, "sessions"), delete(reflection, "reflections"))
    assert [each["status"] for each in results] == [204, 204]
    changes, _ = sync.pull()
    assert {(each["id"], each["deleted"]) for each in changes} == {(reflection["id"], True), (session["id"], True)}
    assert len(changes) == 2
