"""Outcomes: of something, saying something, and kept when what they were of is removed."""

import pytest

from app.resources.action_items import ACTION_ITEMS
from app.resources.intentions import INTENTIONS
from app.resources.outcomes import OUTCOMES
from tests.drafts import Json, create_record, etag
from tests.refusals import faults
from tests.resources.record_writer import RecordWriter
from tests.serving import Person
from tests.sync.sync_client import SyncClient, edit, upsert

DAY = "2026-11-22"


@pytest.fixture
def intention(alice: Person) -> Json:
    return create_record(alice.client, INTENTIONS, alice)


@pytest.fixture
def writer(alice: Person, intention: Json) -> RecordWriter:
    return RecordWriter(alice, OUTCOMES, day=DAY, intention_id=intention["id"], note="wisteria")


def test_a_new_outcome_has_what_was_sent(writer: RecordWriter) -> None:
    outcome = writer.create()
    initial = writer.base | {"visibility": "private"}
    unset = dict.fromkeys(set(OUTCOMES.field_names) - set(initial))
    assert {name: outcome[name] for name in OUTCOMES.field_names} == initial | unset


def test_its_fields_accept_values_up_to_their_bounds(alice: Person, writer: RecordWriter) -> None:
    with_level = RecordWriter(alice, OUTCOMES, **writer.base | {"level": 0})
    with_level.assert_text_fields(level_text=500)
    levelled = RecordWriter(alice, OUTCOMES, day=DAY, intention_id=writer.base["intention_id"], level=0)
    levelled.assert_text_fields(note=20_000)
    writer.assert_integer_fields(-2, 2, "level")
    writer.assert_date_fields("day")
    writer.assert_choices(
        achievement="in-progress improving no-change worsening achieved not-achieved", visibility="private shared"
    )
    assert faults(writer.post(day=None)) == {"/day": "date"}


def test_a_new_outcome_is_of_something(alice: Person, writer: RecordWriter) -> None:
    assert faults(writer.post(intention_id=None)) == {"/intention_id": "outcome-of-nothing"}
    item = create_record(alice.client, ACTION_ITEMS, alice)
    outcome = writer.create(intention_id=None, action_item_id=item["id"])
    assert writer.update(outcome, action_item_id=None, intention_id=None)["action_item_id"] is None
    nothing = {"day": DAY, "note": "wisteria"}
    error = SyncClient(alice).push_rejected(upsert("outcomes", set=nothing), 422, "validation")
    assert [each["code"] for each in error["errors"]] == ["outcome-of-nothing"]


def test_an_outcome_says_something(writer: RecordWriter) -> None:
    for empty in ({"note": None}, {"note": ""}, {"note": None, "level_text": "wisteria"}):
        assert faults(writer.post(**empty)) == {"/note": "empty-outcome"}
    outcome = writer.create()
    assert faults(writer.patch(outcome, note=None)) == {"/note": "empty-outcome"}
    for other in ({"level": 0}, {"achievement": "improving"}):
        assert writer.create(note=None, **other)["note"] is None
    assert writer.update(outcome, note=None, level=-2)["level"] == -2


def test_it_stays_when_what_it_was_of_is_removed(alice: Person, writer: RecordWriter, intention: Json) -> None:
    outcome = writer.create()
    alice.client.delete(f"/v1/intentions/{intention['id']}", headers=etag(intention))
    after = alice.client.get(f"{writer.path}/{outcome['id']}").json()
    assert (after["intention_id"], after["note"]) == (None, "wisteria")
    assert writer.update(after, note="wisteria, later")["note"] == "wisteria, later"


def test_an_outcome_from_a_device_that_did_not_know_of_the_removal_is_kept(
    alice: Person, writer: RecordWriter, intention: Json
) -> None:
    alice.client.delete(f"/v1/intentions/{intention['id']}", headers=etag(intention))
    result = SyncClient(alice).push_one(upsert("outcomes", set=writer.base))
    assert (result["outcome"], result["record"]["intention_id"]) == ("applied", None)
    assert [each["code"] for each in result["warnings"]] == ["parent-deleted"]


def test_a_level_and_its_text_conflict_as_one(alice: Person, writer: RecordWriter) -> None:
    outcome = writer.create(level=0, level_text="wisteria as expected")
    writer.update(outcome, level=1, level_text="wisteria and more")
    result = SyncClient(alice).push_one(edit(outcome, "outcomes", set={"level_text": "wisteria still"}))
    assert (result["outcome"], result["reason"], result["fields"]) == ("conflict", "changed", ["level_text"])


def test_an_outcome_whose_intention_was_removed_is_accepted_again(
    alice: Person, bob: Person, writer: RecordWriter, intention: Json
) -> None:
    """A device pushes it again after a restore; an export is imported into another account."""
    outcome = writer.create()
    alice.client.delete(f"/v1/intentions/{intention['id']}", headers=etag(intention))
    orphan = {"day": DAY, "note": "wisteria, alone"}
    result = SyncClient(alice).push_one(upsert("outcomes", set=orphan, if_missing="create"))
    assert (result["outcome"], result["record"]["note"]) == ("applied", orphan["note"])
    alice.client.delete(f"{writer.path}/{outcome['id']}", headers={"If-Match": "*"})
    result = SyncClient(alice).push_one(upsert("outcomes", outcome["id"], set=orphan, undelete=True))
    assert (result["outcome"], result["record"]["note"]) == ("applied", orphan["note"])
    archive = alice.client.get("/v1/export").content
    imported = bob.client.post("/v1/import", content=archive, headers={"Content-Type": "application/zip"}).json()
    assert imported["rejected"] == []
    assert {each["note"] for each in bob.client.get(writer.path).json()["items"]} == {orphan["note"]}
