"""Merging: edits of different fields are merged, edits of one field conflict, and the device resolves conflicts."""

import pytest

from app.ids import new_id
from tests.sync.sync_client import Json, SyncClient, edit, summary, upsert

CHANGED = ("conflict", 409, "changed")
DOSE = {"medicine": "racemic-ketamine", "route": "oral", "dose_value": 60, "dose_unit": "mg"}


def test_a_new_record_is_created_and_returned_completely(sync: SyncClient) -> None:
    result = sync.push_one(op := upsert())
    assert summary(result) == ("applied", 201, None, [])
    assert result["record"] == sync.get(op)
    assert result["version"] == result["record"]["version"]
    assert (result["error"], result["warnings"], result["replayed"], result["op_id"]) == (None, [], False, None)


def test_edits_of_different_fields_merge(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    result = sync.push_one(edit(record, set={"domain": "nature"}))
    assert summary(result) == ("applied", 200, None, [])
    assert (result["record"]["why"], result["record"]["domain"]) == ("wisteria climbs", "nature")


def test_edits_of_one_field_conflict_and_the_second_is_not_applied(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    theirs = sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    result = sync.push_one(edit(record, set={"why": "wisteria hangs", "domain": "nature"}))
    assert summary(result) == (*CHANGED, ["why"])
    assert (result["record"], result["version"]) == (theirs, theirs["version"])
    assert sync.get(record) == theirs


def test_the_same_edit_twice_is_no_conflict(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    theirs = sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    result = sync.push_one(edit(record, set={"why": "wisteria climbs"}))
    assert (summary(result), result["record"]) == (("unchanged", 200, None, []), theirs)
    result = sync.push_one(edit(record, set={"why": "wisteria climbs", "domain": "mind"}))
    assert summary(result) == ("applied", 200, None, [])


@pytest.mark.parametrize("choice", ["mine", "theirs"])
@pytest.mark.parametrize("of_the_push", [False, True])
def test_on_conflict_resolves_a_conflict(sync: SyncClient, choice: str, of_the_push: bool) -> None:  # noqa: FBT001
    record = sync.push_applied(upsert())
    sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    op = edit(record, set={"why": "wisteria hangs", "domain": "nature"})
    result = sync.push_one(op, on_conflict=choice) if of_the_push else sync.push_one(op | {"on_conflict": choice})
    assert summary(result) == ("applied", 200, None, [])
    kept = "wisteria hangs" if choice == "mine" else "wisteria climbs"
    assert (result["record"]["why"], result["record"]["domain"]) == (kept, "nature")


def test_an_edit_resolved_completely_as_theirs_changes_nothing(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    theirs = sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    result = sync.push_one(edit(record, set={"why": "wisteria hangs"}, on_conflict="theirs"))
    assert (summary(result), result["record"]) == (("unchanged", 200, None, []), theirs)


def test_expected_values_replace_a_base(sync: SyncClient) -> None:
    record = sync.push_applied(upsert())
    sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    right = upsert(id=record["id"], set={"why": "wisteria hangs"}, was={"why": "wisteria climbs"})
    assert summary(sync.push_one(right)) == ("applied", 200, None, [])
    assert summary(sync.push_one(right)) == ("unchanged", 200, None, [])
    wrong = right | {"set": {"why": "wisteria sleeps"}}
    assert summary(sync.push_one(wrong)) == (*CHANGED, ["why"])
    beside_an_old_base = edit(record, set={"why": "wisteria sleeps"}, was={"why": "wisteria hangs"})
    assert summary(sync.push_one(beside_an_old_base)) == ("applied", 200, None, [])
    unknown = upsert(id=record["id"], set={"statement": "wisteria"}, was={"why": "wisteria sleeps"})
    assert summary(sync.push_one(unknown)) == (*CHANGED, ["statement"])


@pytest.mark.parametrize(
    "case",
    [
        ("sessions", DOSE, {"dose_value": 70}, {"dose_unit": "ug"}, ["dose_unit"]),
        ("sessions", DOSE, {"route": "buccal"}, {"dose_value": 70, "dose_unit": "mg"}, ["dose_value", "dose_unit"]),
        (
            "sessions",
            {"started_at": "2026-11-20T09:00:00Z"},
            {"ended_at": "2026-11-20T11:00:00Z"},
            {"started_at": "2026-11-20T10:00:00Z"},
            ["started_at"],
        ),
        (
            "sessions",
            {},
            {"status": "not-done", "status_reason": "wisteria was late"},
            {"status_reason": "wisteria"},
            ["status_reason"],
        ),
        (
            "action-items",
            {"title": "w", "change": "internal", "facet": "thought"},
            {"facet": "emotion"},
            {"change": "external", "facet": "work"},
            ["change", "facet"],
        ),
        (
            "action-items",
            {"title": "w", "change": "internal", "facet": "thought", "if_cue": "w", "then_response": "v"},
            {"if_cue": "x"},
            {"then_response": "y"},
            ["then_response"],
        ),
        (
            "action-items",
            {"title": "w", "change": "internal", "facet": "thought", "starts_on": "2026-11-20"},
            {"starts_on": "2026-11-25"},
            {"due_on": "2026-11-22"},
            ["due_on"],
        ),
        (
            "action-items",
            {"title": "w", "change": "internal", "facet": "thought", "status": "completed"},
            {"status": "in-progress"},
            {"completed_at": "2026-11-20T10:00:00Z"},
            ["completed_at"],
        ),
    ],
    ids=[
        "the number of a dose and its unit",
        "a route and a dose",
        "start and end",
        "status and its reason",
        "change and facet",
        "cue and response",
        "start and due date",
        "status and completion",
    ],
)
def test_coupled_fields_conflict_together(sync: SyncClient, case: tuple[str, Json, Json, Json, list[str]]) -> None:
    collection, first, theirs, mine, collide = case
    record = sync.push_applied(upsert(collection, set=first))
    sync.push_applied(edit(record, collection, set=theirs))
    before = sync.get(record, collection)
    assert summary(sync.push_one(edit(record, collection, set=mine))) == (*CHANGED, collide)
    assert summary(sync.push_one(edit(record, collection, set=mine, on_conflict="theirs"))) == (
        "unchanged",
        200,
        None,
        [],
    )
    assert sync.get(record, collection) == before


def test_a_coupled_field_set_to_its_value_conflicts_with_nothing(sync: SyncClient) -> None:
    session = sync.push_applied(upsert("sessions", set={}))
    element = sync.push_applied(upsert("elements", set={"session_id": session["id"], "kind": "memory", "title": "w"}))
    sync.push_applied(edit(element, "elements", set={"status": "exploring"}))
    op = edit(element, "elements", set={"status": "exploring", "meaning": "wisteria"})
    assert summary(sync.push_one(op)) == ("applied", 200, None, [])


def test_an_upsert_without_a_base_does_not_overwrite_a_record(sync: SyncClient) -> None:
    record = sync.push_applied(op := upsert())
    assert summary(sync.push_one(op)) == ("unchanged", 200, None, [])
    other = upsert(id=record["id"], set={"statement": "wisteria in winter"})
    assert summary(sync.push_one(other)) == (*CHANGED, ["statement"])
    assert summary(sync.push_one(other | {"on_conflict": "theirs"})) == ("unchanged", 200, None, [])
    assert summary(sync.push_one(other | {"on_conflict": "mine"})) == ("applied", 200, None, [])


def test_a_repeated_creation_may_set_fields_that_are_not_set_yet(sync: SyncClient) -> None:
    first = sync.push_applied(created := upsert("sessions", set={"title": "wisteria"}))
    repeated = created | {"set": {"title": "wisteria", "notes": "it climbs"}}
    record = sync.push_applied(repeated)
    assert (record["title"], record["notes"]) == ("wisteria", "it climbs")
    assert summary(sync.push_one(created)) == ("unchanged", 200, None, [])
    later = created | {"set": {"timezone": "Europe/Lisbon"}, "was": {"title": "wisteria"}}
    assert sync.push_applied(later)["timezone"] == "Europe/Lisbon"
    theirs = edit(first, "sessions", set={"status": "in-progress", "started_at": "2026-11-20T09:00:00Z"})
    sync.push_applied(theirs)
    mine = created | {"set": {"started_at": "2026-11-20T10:00:00Z"}, "was": {"title": "wisteria"}}
    assert summary(sync.push_one(mine)) == (*CHANGED, ["started_at"])
    assert summary(sync.push_one(created | {"set": {"notes": "it hangs"}})) == (*CHANGED, ["notes"])


def test_a_post_with_more_content_than_the_record_was_created_with_is_refused(sync: SyncClient) -> None:
    draft = {"id": str(new_id()), "kind": "integration", "statement": "wisteria"}
    assert sync.client.post("/v1/intentions", json=draft).status_code == 201
    assert sync.client.post("/v1/intentions", json=draft | {"why": "it climbs"}).status_code == 409


def test_an_expected_value_that_no_record_can_have_is_a_mismatch(sync: SyncClient) -> None:
    record = sync.push_applied(upsert("sessions", set={"title": "wisteria"}))
    wrong: Json = {"title": "w" * 201}
    repair = upsert("sessions", record["id"], set={"title": "wisteria climbs"}, was=wrong)
    assert summary(sync.push_one(repair)) == (*CHANGED, ["title"])
    beside = upsert("sessions", record["id"], set={"notes": "it climbs"}, was=wrong | {"notes": None})
    assert summary(sync.push_one(beside)) == ("applied", 200, None, [])


def test_a_completion_that_was_filled_in_is_no_conflict(sync: SyncClient) -> None:
    op = upsert("action-items", set={"title": "w", "change": "internal", "facet": "thought", "status": "completed"})
    op["set"]["completed_at"] = None
    record = sync.push_applied(op)
    again = sync.push_one(op)
    assert (summary(again), again["record"]) == (("unchanged", 200, None, []), record)
