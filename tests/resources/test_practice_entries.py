"""Practice entries: initial values and bounds."""

import pytest

from app.resources.practice_entries import PRACTICE_ENTRIES
from app.resources.practices import PRACTICES
from tests.drafts import create_record
from tests.refusals import faults
from tests.resources.record_writer import RecordWriter
from tests.serving import Person
from tests.sync.sync_client import SyncClient, edit


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    practice = create_record(alice.client, PRACTICES, alice)
    return RecordWriter(alice, PRACTICE_ENTRIES, practice_id=practice["id"], day="2026-11-23")


def test_an_entry_says_that_the_practice_was_done(alice: Person, writer: RecordWriter) -> None:
    entry = writer.create()
    initial = writer.base | {"outcome": "done", "visibility": "private"}
    unset = dict.fromkeys(set(PRACTICE_ENTRIES.field_names) - set(initial))
    assert {name: entry[name] for name in PRACTICE_ENTRIES.field_names} == initial | unset
    assert faults(alice.client.post(writer.path, json={})) == {"/practice_id": "required", "/day": "required"}


def test_its_fields_accept_values_up_to_their_bounds(writer: RecordWriter) -> None:
    writer.assert_text_fields(note=2_000)
    writer.assert_integer_fields(0, 1_440, "minutes")
    writer.assert_integer_fields(0, 10, "difficulty")
    writer.assert_date_fields("day")
    writer.assert_choices(outcome="done partly skipped", visibility="private shared")


def test_several_entries_may_be_for_one_day_and_for_a_day_outside_the_schedule(writer: RecordWriter) -> None:
    assert writer.create(outcome="skipped")["day"] == writer.create(outcome="done")["day"]
    assert writer.create(day="1999-12-31")["day"] == "1999-12-31"


def test_day_and_outcome_collide_as_one(alice: Person, writer: RecordWriter) -> None:
    sync, entry = SyncClient(alice), writer.create()
    sync.push_applied(edit(entry, PRACTICE_ENTRIES.collection, set={"outcome": "partly"}))
    result = sync.push_one(edit(entry, PRACTICE_ENTRIES.collection, set={"day": "2026-11-24"}))
    assert (result["outcome"], result["reason"], result["fields"]) == ("conflict", "changed", ["day"])
    longer = sync.push_applied(edit(entry, PRACTICE_ENTRIES.collection, set={"minutes": 5}))
    assert (longer["outcome"], longer["minutes"]) == ("partly", 5)
