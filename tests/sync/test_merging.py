"""Merging: edits of different fields meet, edits of one field collide, and no collision is resolved unseen."""

import pytest

from app.ids import new_id
from tests.sync.phone import Json, Phone, edit, told, upsert

CHANGED = ("conflict", 409, "changed")
DOSE = {"medicine": "racemic-ketamine", "route": "oral", "dose_value": 60, "dose_unit": "mg"}


def test_a_new_record_is_created_and_answered_whole(phone: Phone) -> None:
    result = phone.one(op := upsert())
    assert told(result) == ("applied", 201, None, [])
    assert result["record"] == phone.get(op)
    assert result["version"] == result["record"]["version"]
    assert (result["error"], result["warnings"], result["replayed"], result["op_id"]) == (None, [], False, None)


def test_edits_of_different_fields_merge(phone: Phone) -> None:
    record = phone.applied(upsert())
    phone.applied(edit(record, set={"why": "wisteria climbs"}))
    result = phone.one(edit(record, set={"domain": "nature"}))
    assert told(result) == ("applied", 200, None, [])
    assert (result["record"]["why"], result["record"]["domain"]) == ("wisteria climbs", "nature")


def test_edits_of_one_field_collide_and_nothing_of_the_second_is_applied(phone: Phone) -> None:
    record = phone.applied(upsert())
    theirs = phone.applied(edit(record, set={"why": "wisteria climbs"}))
    result = phone.one(edit(record, set={"why": "wisteria hangs", "domain": "nature"}))
    assert told(result) == (*CHANGED, ["why"])
    assert (result["record"], result["version"]) == (theirs, theirs["version"])
    assert phone.get(record) == theirs


def test_the_same_edit_twice_is_no_conflict(phone: Phone) -> None:
    record = phone.applied(upsert())
    theirs = phone.applied(edit(record, set={"why": "wisteria climbs"}))
    result = phone.one(edit(record, set={"why": "wisteria climbs"}))
    assert (told(result), result["record"]) == (("unchanged", 200, None, []), theirs)
    result = phone.one(edit(record, set={"why": "wisteria climbs", "domain": "mind"}))
    assert told(result) == ("applied", 200, None, [])


@pytest.mark.parametrize("choice", ["mine", "theirs"])
@pytest.mark.parametrize("of_the_push", [False, True])
def test_a_conflict_is_resolved_as_the_device_says(phone: Phone, choice: str, of_the_push: bool) -> None:  # noqa: FBT001
    record = phone.applied(upsert())
    phone.applied(edit(record, set={"why": "wisteria climbs"}))
    op = edit(record, set={"why": "wisteria hangs", "domain": "nature"})
    result = phone.one(op, on_conflict=choice) if of_the_push else phone.one(op | {"on_conflict": choice})
    assert told(result) == ("applied", 200, None, [])
    kept = "wisteria hangs" if choice == "mine" else "wisteria climbs"
    assert (result["record"]["why"], result["record"]["domain"]) == (kept, "nature")


def test_what_is_all_theirs_changes_nothing(phone: Phone) -> None:
    record = phone.applied(upsert())
    theirs = phone.applied(edit(record, set={"why": "wisteria climbs"}))
    result = phone.one(edit(record, set={"why": "wisteria hangs"}, on_conflict="theirs"))
    assert (told(result), result["record"]) == (("unchanged", 200, None, []), theirs)


def test_was_stands_for_a_base(phone: Phone) -> None:
    record = phone.applied(upsert())
    phone.applied(edit(record, set={"why": "wisteria climbs"}))
    right = upsert(id=record["id"], set={"why": "wisteria hangs"}, was={"why": "wisteria climbs"})
    assert told(phone.one(right)) == ("applied", 200, None, [])
    assert told(phone.one(right)) == ("unchanged", 200, None, [])
    wrong = right | {"set": {"why": "wisteria sleeps"}}
    assert told(phone.one(wrong)) == (*CHANGED, ["why"])
    beside_an_old_base = edit(record, set={"why": "wisteria sleeps"}, was={"why": "wisteria hangs"})
    assert told(phone.one(beside_an_old_base)) == ("applied", 200, None, [])
    unknown = upsert(id=record["id"], set={"statement": "wisteria"}, was={"why": "wisteria sleeps"})
    assert told(phone.one(unknown)) == (*CHANGED, ["statement"])


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
)
def test_coupled_fields_collide_as_one(phone: Phone, case: tuple[str, Json, Json, Json, list[str]]) -> None:
    collection, first, theirs, mine, collide = case
    record = phone.applied(upsert(collection, set=first))
    phone.applied(edit(record, collection, set=theirs))
    before = phone.get(record, collection)
    assert told(phone.one(edit(record, collection, set=mine))) == (*CHANGED, collide)
    assert told(phone.one(edit(record, collection, set=mine, on_conflict="theirs"))) == ("unchanged", 200, None, [])
    assert phone.get(record, collection) == before


def test_a_coupled_field_set_to_what_it_is_collides_with_nothing(phone: Phone) -> None:
    session = phone.applied(upsert("sessions", set={}))
    element = phone.applied(upsert("elements", set={"session_id": session["id"], "kind": "memory", "title": "w"}))
    phone.applied(edit(element, "elements", set={"status": "exploring"}))
    op = edit(element, "elements", set={"status": "exploring", "meaning": "wisteria"})
    assert told(phone.one(op)) == ("applied", 200, None, [])


def test_a_record_never_read_is_never_overwritten(phone: Phone) -> None:
    record = phone.applied(op := upsert())
    assert told(phone.one(op)) == ("unchanged", 200, None, [])
    other = upsert(id=record["id"], set={"statement": "wisteria in winter"})
    assert told(phone.one(other)) == (*CHANGED, ["statement"])
    assert told(phone.one(other | {"on_conflict": "theirs"})) == ("unchanged", 200, None, [])
    assert told(phone.one(other | {"on_conflict": "mine"})) == ("applied", 200, None, [])


def test_a_field_that_nobody_has_set_yet_may_be_set_by_the_device_that_created_the_record(phone: Phone) -> None:
    first = phone.applied(created := upsert("sessions", set={"title": "wisteria"}))
    repeated = created | {"set": {"title": "wisteria", "notes": "it climbs"}}
    record = phone.applied(repeated)
    assert (record["title"], record["notes"]) == ("wisteria", "it climbs")
    assert told(phone.one(created)) == ("unchanged", 200, None, [])
    later = created | {"set": {"timezone": "Europe/Lisbon"}, "was": {"title": "wisteria"}}
    assert phone.applied(later)["timezone"] == "Europe/Lisbon"
    theirs = edit(first, "sessions", set={"status": "in-progress", "started_at": "2026-11-20T09:00:00Z"})
    phone.applied(theirs)
    mine = created | {"set": {"started_at": "2026-11-20T10:00:00Z"}, "was": {"title": "wisteria"}}
    assert told(phone.one(mine)) == (*CHANGED, ["started_at"])
    assert told(phone.one(created | {"set": {"notes": "it hangs"}})) == (*CHANGED, ["notes"])


def test_a_post_with_more_content_than_the_record_was_created_with_is_refused(phone: Phone) -> None:
    draft = {"id": str(new_id()), "kind": "integration", "statement": "wisteria"}
    assert phone.client.post("/v1/intentions", json=draft).status_code == 201
    assert phone.client.post("/v1/intentions", json=draft | {"why": "it climbs"}).status_code == 409


def test_an_expected_value_that_no_record_can_have_is_a_mismatch(phone: Phone) -> None:
    record = phone.applied(upsert("sessions", set={"title": "wisteria"}))
    wrong: Json = {"title": "w" * 201}
    repair = upsert("sessions", record["id"], set={"title": "wisteria climbs"}, was=wrong)
    assert told(phone.one(repair)) == (*CHANGED, ["title"])
    beside = upsert("sessions", record["id"], set={"notes": "it climbs"}, was=wrong | {"notes": None})
    assert told(phone.one(beside)) == ("applied", 200, None, [])


def test_a_completion_that_was_filled_in_is_no_conflict(phone: Phone) -> None:
    op = upsert("action-items", set={"title": "w", "change": "internal", "facet": "thought", "status": "completed"})
    op["set"]["completed_at"] = None
    record = phone.applied(op)
    again = phone.one(op)
    assert (told(again), again["record"]) == (("unchanged", 200, None, []), record)
