"""`"return": "minimal"`: results without the records that a device knows already."""

from typing import Any

import pytest

from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from tests.drafts import create_record, etag, resource_of, reworded
from tests.serving import Person
from tests.sync.local_store import fields_of
from tests.sync.sync_client import INTENTION, PUSH, Json, SyncClient, delete, edit, summary, upsert

MINIMAL = {"return": "minimal"}
FIELDS = resource_of("intentions").field_names


def known(result: Json) -> bool:
    """Return whether a result has left its record out, and has what the device needs instead."""
    assert (result["record"] is None) >= (result["updated_at"] is not None)
    return result["updated_at"] is not None


@pytest.fixture
def record(sync: SyncClient) -> Json:
    return sync.push_applied(upsert(set=INTENTION | {"why": "wisteria"}))


def test_a_creation_of_all_fields_leaves_the_record_out(sync: SyncClient, record: Json) -> None:
    op = upsert(set=fields_of(record))
    result = sync.push_one(op, **MINIMAL)
    assert (summary(result), result["id"], known(result)) == (("applied", 201, None, []), op["id"], True)
    stored = sync.get(op)
    assert stored == fields_of(record) | {
        "id": op["id"],
        "version": result["version"],
        "created_at": result["updated_at"],
        "updated_at": result["updated_at"],
    }
    without_nulls = {name: value for name, value in fields_of(record).items() if value is not None}
    assert known(sync.push_one(upsert(set=without_nulls), **MINIMAL))


def test_what_the_server_completes_is_returned(sync: SyncClient) -> None:
    result = sync.push_one(upsert(), **MINIMAL)
    assert (result["status"], known(result), result["record"]["visibility"]) == (201, False, "private")


def test_without_minimal_every_record_is_returned(sync: SyncClient, record: Json) -> None:
    op = upsert(set=fields_of(record))
    for options in ({}, {"return": "representation"}):
        result = sync.push_one(op, **options)
        assert (result["record"]["id"], result["updated_at"]) == (op["id"], None)


@pytest.mark.parametrize("said", ["base", "was", "both"])
def test_an_edit_of_what_the_device_knows_leaves_the_record_out(sync: SyncClient, record: Json, said: str) -> None:
    basis = {"base": {"base": record["version"]}, "was": {"was": fields_of(record)}}
    members = basis[said] if said != "both" else basis["base"] | basis["was"]
    op = upsert(id=record["id"], set={"why": "wisteria climbs", "domain": None}, **members)
    result = sync.push_one(op, **MINIMAL)
    assert (summary(result), known(result)) == (("applied", 200, None, []), True)
    assert sync.get(record) == record | {
        "why": "wisteria climbs",
        "version": result["version"],
        "updated_at": result["updated_at"],
    }
    again = sync.push_one(op, **MINIMAL)
    assert (summary(again), again["version"], known(again)) == (("unchanged", 200, None, []), result["version"], True)


@pytest.mark.parametrize("said", ["base", "was"])
def test_a_merged_record_is_returned(sync: SyncClient, record: Json, said: str) -> None:
    sync.push_applied(edit(record, set={"domain": "relationships"}))
    members = {"base": record["version"]} if said == "base" else {"was": fields_of(record)}
    result = sync.push_one(upsert(id=record["id"], set={"why": "wisteria climbs"}, **members), **MINIMAL)
    assert (summary(result), known(result)) == (("applied", 200, None, []), False)
    assert (result["record"]["why"], result["record"]["domain"]) == ("wisteria climbs", "relationships")


def test_an_edit_that_names_some_fields_returns_a_record_with_others(sync: SyncClient, record: Json) -> None:
    op = upsert(id=record["id"], set={"why": "wisteria climbs"}, was={"why": "wisteria"})
    assert not known(sync.push_one(op, **MINIMAL))


def test_what_the_rules_complete_is_returned(sync: SyncClient, alice: Person) -> None:
    session = sync.push_applied(upsert("sessions", set={"kind": "dosing", "title": "wisteria"}))
    item = create_record(alice.client, resource_of("action-items"), alice)
    done = sync.push_one(edit(item, "action-items", set={"status": "completed"}), **MINIMAL)
    assert (done["outcome"], known(done), done["record"]["completed_at"] is None) == ("applied", False, False)
    sync.push_applied(delete(session, "sessions"))
    orphan = upsert(set=dict.fromkeys(FIELDS) | INTENTION | {"visibility": "private", "session_id": session["id"]})
    del orphan["set"]["status"], orphan["set"]["weight"]
    nulled = sync.push_one(orphan, **MINIMAL)
    assert [each["code"] for each in nulled["warnings"]] == ["parent-deleted"]
    assert (known(nulled), nulled["record"]["session_id"]) == (False, None)


def test_conflicts_and_removals_are_as_without_minimal(sync: SyncClient, record: Json) -> None:
    newer = sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    ops = [
        edit(record, set={"why": "wisteria hangs"}),
        upsert(set={"kind": 5}),
        delete(record, base=record["version"], on_conflict="theirs"),
    ]
    for op in ops:
        assert sync.push_one(op, **MINIMAL) == sync.push_one(op)
    assert sync.push_one(ops[0], **MINIMAL)["record"] == newer
    gone = sync.push_one(delete(newer), **MINIMAL)
    assert (summary(gone), gone["record"], known(gone)) == (("applied", 204, None, []), None, False)
    assert not known(sync.push_one(delete(newer), **MINIMAL))


def test_a_repeated_push_answers_as_the_first_time(sync: SyncClient, record: Json) -> None:
    created = upsert(set=fields_of(record), op_id=str(new_id()))
    changed = edit(record, set={"why": "wisteria climbs"}, op_id=str(new_id()))
    first = sync.push(created, changed, **MINIMAL)
    again = sync.push(created, changed, **MINIMAL)
    assert [known(each) for each in first] == [True, True]
    assert again == [each | {"replayed": True} for each in first]
    full = sync.push(created, changed)
    assert [each["record"] for each in full] == [sync.get(created), sync.get(record)]
    newer = sync.push_applied(edit(sync.get(created), set={"domain": "relationships"}))
    sync.push_applied(edit(newer, set={"domain": None}))
    results = sync.push(created, changed, **MINIMAL)
    assert [(each["replayed"], known(each)) for each in results] == [(True, False), (True, True)]


def test_a_record_that_was_brought_back_is_dated_by_its_result(sync: SyncClient, record: Json) -> None:
    sync.push_applied(edit(record, set={"why": "wisteria climbs"}))
    assert sync.push_one(delete(record))["status"] == 204
    op = upsert(id=record["id"], set=fields_of(record), undelete=True)
    result = sync.push_one(op, **MINIMAL)
    stored = sync.get(record)
    assert (result["status"], known(result)) == (201, True)
    assert stored["created_at"] == stored["updated_at"] == result["updated_at"]


def test_an_atomic_push_may_be_minimal(sync: SyncClient, record: Json) -> None:
    ops = [upsert(set=fields_of(record)), edit(record, set={"why": "wisteria climbs"})]
    assert all(map(known, sync.push(*ops, atomic=True, **MINIMAL)))
    response = sync.client.post(PUSH, json={"atomic": True, "ops": [upsert(), upsert(set={})], **MINIMAL})
    assert [each["updated_at"] for each in response.json()["results"]] == [None, None]


@pytest.mark.parametrize("value", [None, "", "none", "Minimal", True, ["minimal"]], ids=repr)
def test_return_has_two_values(sync: SyncClient, value: Any) -> None:
    response = sync.client.post(PUSH, json={"ops": [upsert()], "return": value})
    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == ["/return"]


def test_the_header_prefer_is_not_read(sync: SyncClient, record: Json) -> None:
    ops = [upsert(set=fields_of(record))]
    response = sync.client.post(PUSH, json={"ops": ops}, headers={"Prefer": "return=minimal"})
    assert response.json()["results"][0]["record"]["why"] == "wisteria"
    assert "preference-applied" not in response.headers


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)
def test_every_kind_can_be_pushed_minimally(alice: Person, sync: SyncClient, resource: Resource) -> None:
    record = create_record(alice.client, resource, alice)
    changes = reworded(resource, "wisteria in a new light")
    result = sync.push_one(edit(record, resource.collection, set=changes), **MINIMAL)
    stored = sync.get(record, resource.collection)
    assert known(result) == (not resource.computed)
    assert stored["version"] == result["version"]
    assert stored == record | changes | {name: stored[name] for name in ("version", "updated_at")}
    assert alice.client.delete(f"{resource.path}/{record['id']}", headers=etag(stored)).status_code == 204
