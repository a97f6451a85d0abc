"""Removing by a push, and coming back: what was removed stays removed, unless a person says otherwise."""

from typing import Any

from tests.sync.phone import Json, Phone, delete, edit, told, upsert

CHANGED = ("conflict", 409, "changed")


def test_a_removal_collides_with_what_was_changed_since(phone: Phone) -> None:
    record = phone.applied(upsert())
    newer = phone.applied(edit(record, set={"why": "wisteria climbs"}))
    for known in ({"base": record["version"]}, {"was": {"why": None}}):
        result = phone.one(delete(record, **known))
        assert (told(result), result["record"]) == ((*CHANGED, ["why"]), newer)
        assert told(phone.one(delete(record, **known, on_conflict="theirs"))) == ("unchanged", 200, None, [])
    assert told(phone.one(delete(record, was={"why": "wisteria climbs"}))) == ("applied", 204, None, [])


def removed(phone: Phone, **known: Any) -> Json:
    record = phone.applied(upsert())
    result = phone.one(delete(record, **{name: record[name] for name in known.values()}))
    assert (told(result), result["record"]) == (("applied", 204, None, []), None)
    assert result["version"] == record["version"] + 1
    return record


def test_a_removal_without_a_base_removes_and_removing_again_changes_nothing(phone: Phone) -> None:
    record = removed(phone)
    again = phone.one(delete(record))
    assert (told(again), again["record"], again["version"]) == (
        ("unchanged", 204, None, []),
        None,
        record["version"] + 1,
    )
    unheard = phone.one(delete(upsert()))
    assert (told(unheard), unheard["version"]) == (("unchanged", 204, None, []), None)
    forced = phone.applied(upsert())
    phone.applied(edit(forced, set={"why": "wisteria"}))
    assert told(phone.one(delete(forced, base=forced["version"], on_conflict="mine"))) == ("applied", 204, None, [])


def test_what_was_removed_comes_back_only_by_undelete(phone: Phone) -> None:
    record = removed(phone)
    for op in (upsert(id=record["id"]), edit(record, set={"why": "wisteria"}), edit(record, if_missing="create")):
        result = phone.one(op)
        assert (told(result), result["record"]) == (("conflict", 409, "deleted", []), None)
    back = phone.one(edit(record, undelete=True, set={"statement": "wisteria again"}))
    assert back["error"]["errors"][0]["pointer"] == "/kind"
    back = phone.one(edit(record, undelete=True))
    assert told(back) == ("applied", 201, None, [])
    assert back["record"] == phone.get(record)
    assert told(phone.one(edit(record, set={"statement": "wisteria"}))) == (*CHANGED, ["statement"])
    assert told(phone.one(edit(back["record"], set={"statement": "wisteria"}))) == ("applied", 200, None, [])


def test_a_record_that_the_server_does_not_know_is_created_only_on_demand(phone: Phone) -> None:
    base = phone.applied(upsert())["version"]
    op = upsert(base=base)
    assert told(phone.one(op)) == ("conflict", 409, "deleted", [])
    assert told(phone.one(op | {"base": None, "was": {"why": None}})) == ("conflict", 409, "deleted", [])
    assert told(phone.one(op | {"if_missing": "create"})) == ("applied", 201, None, [])
