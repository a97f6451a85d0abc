"""Removals by a push, and `undelete`: a removed record is restored only on request."""

from typing import Any

import pytest

from tests.sync.sync_client import Json, SyncClient, delete, edit, summary, upsert

CHANGED = ("conflict", 409, "changed")


@pytest.mark.parametrize("has_base", [True, False], ids=["base", "expected values"])
def test_a_removal_conflicts_with_changes_since_its_base(sync: SyncClient, *, has_base: bool) -> None:
    record = sync.push_applied(upsert())
    newer = sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    known = {"base": record["version"]} if has_base else {"was": {"why": None}}
    result = sync.push_one(delete(record, **known))
    assert (summary(result), result["record"]) == ((*CHANGED, ["why"]), newer)
    assert summary(sync.push_one(delete(record, **known, on_conflict="theirs"))) == ("unchanged", 200, None, [])
    assert summary(sync.push_one(delete(record, was={"why": "wisteria climbs"}))) == ("applied", 204, None, [])


def create_and_remove(sync: SyncClient, **known: Any) -> Json:
    record = sync.push_applied(upsert())
    result = sync.push_one(delete(record, **{name: record[name] for name in known.values()}))
    assert (summary(result), result["record"]) == (("applied", 204, None, []), None)
    assert result["version"] == record["version"] + 1
    return record


def test_a_removal_without_a_base_removes_and_a_second_one_changes_nothing(sync: SyncClient) -> None:
    record = create_and_remove(sync)
    again = sync.push_one(delete(record))
    assert (summary(again), again["record"], again["version"]) == (
        ("unchanged", 204, None, []),
        None,
        record["version"] + 1,
    )
    unknown = sync.push_one(delete(upsert()))
    assert (summary(unknown), unknown["version"]) == (("unchanged", 204, None, []), None)
    forced = sync.push_applied(upsert())
    sync.push_applied(edit(forced, set={"why": "wisteria"}))
    assert summary(sync.push_one(delete(forced, base=forced["version"], on_conflict="mine"))) == (
        "applied",
        204,
        None,
        [],
    )


def test_a_removed_record_is_restored_only_by_undelete(sync: SyncClient) -> None:
    record = create_and_remove(sync)
    for op in (upsert(id=record["id"]), edit(record, set={"why": "wisteria"}), edit(record, if_missing="create")):
        result = sync.push_one(op)
        assert (summary(result), result["record"]) == (("conflict", 409, "deleted", []), None)
    back = sync.push_one(edit(record, undelete=True, set={"statement": "wisteria again"}))
    assert back["error"]["errors"][0]["pointer"] == "/kind"
    back = sync.push_one(edit(record, undelete=True))
    assert summary(back) == ("applied", 201, None, [])
    assert back["record"] == sync.get(record)
    assert summary(sync.push_one(edit(record, set={"statement": "wisteria"}))) == (*CHANGED, ["statement"])
    assert summary(sync.push_one(edit(back["record"], set={"statement": "wisteria"}))) == ("applied", 200, None, [])


def test_an_edit_of_an_unknown_record_creates_it_only_with_if_missing(sync: SyncClient) -> None:
    base = sync.push_applied(upsert())["version"]
    op = upsert(base=base)
    assert summary(sync.push_one(op)) == ("conflict", 409, "deleted", [])
    assert summary(sync.push_one(op | {"base": None, "was": {"why": None}})) == ("conflict", 409, "deleted", [])
    assert summary(sync.push_one(op | {"if_missing": "create"})) == ("applied", 201, None, [])
