"""Action items: initial values, bounds, rules, transitions, and the time of completion."""

from datetime import UTC, datetime

import pytest

from app import clock
from app.ids import new_id
from app.resources.action_items import ACTION_ITEMS
from tests.drafts import Json
from tests.refusals import faults
from tests.resources.record_writer import NOW, TIMES, RecordWriter
from tests.rows import rows_of
from tests.serving import Person, Server

FACETS = {
    "internal": "thought emotion perspective attention self-talk",
    "external": "behaviour relationship environment health creative service work other",
}
MONDAY = "2026-11-16T18:30:00.000000Z"
NOT_YET = {"/completed_at": "completed-only"}
MISMATCH = {"/facet": "facet-mismatch"}
TOGETHER = {"/then_response": "both-or-neither"}
LATE = {"/due_on": "due-before-start"}


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    return RecordWriter(alice, ACTION_ITEMS, title="wisteria", change="internal", facet="thought")


def test_a_new_action_item_is_accepted(alice: Person, writer: RecordWriter) -> None:
    item = writer.create()
    initial = writer.base | {"status": "accepted", "visibility": "private"}
    unset = dict.fromkeys(set(ACTION_ITEMS.field_names) - set(initial))
    assert {name: item[name] for name in ACTION_ITEMS.field_names} == initial | unset
    required = dict.fromkeys(("/title", "/change", "/facet"), "required")
    assert faults(alice.client.post(writer.path, json={})) == required


def test_its_fields_accept_values_up_to_their_bounds(writer: RecordWriter) -> None:
    writer.assert_text_fields(title=200, details=20_000, if_cue=500, then_response=500)
    writer.assert_date_fields("starts_on", "due_on")
    writer.assert_choices(visibility="private shared")


def test_a_facet_must_belong_to_the_change(writer: RecordWriter) -> None:
    item = writer.create()
    for side, facets in FACETS.items():
        other = next(each for each in FACETS if each != side)
        for facet in facets.split():
            item = writer.assert_stores(item, change=side, facet=facet)
            assert faults(writer.post(change=other, facet=facet)) == MISMATCH
            assert faults(writer.patch(item, change=other)) == MISMATCH
            assert faults(writer.patch(item, facet=FACETS[other].split()[0])) == MISMATCH
    writer.assert_rejects(item, ("wisteria", "", "Thought", None, 5), "change", "facet")


def test_if_cue_needs_then_response_and_due_on_is_not_before_starts_on(writer: RecordWriter) -> None:
    plan = {"if_cue": "wisteria", "then_response": "wisteria"}
    days = {"starts_on": "2026-11-22", "due_on": "2026-11-22"}
    item = writer.create(**plan, **days)
    wrong: tuple[tuple[Json, dict[str, str]], ...] = (
        *(({name: plan[name]}, TOGETHER) for name in plan),
        ({"starts_on": "2026-11-22", "due_on": "2026-11-21"}, LATE),
        (
            {"if_cue": "wisteria", "starts_on": "2026-11-22", "due_on": "1900-01-01", "facet": "work"},
            TOGETHER | LATE | MISMATCH,
        ),
    )
    for draft, broken in wrong:
        assert faults(writer.post(**draft)) == broken
    wrong = (
        *(({name: None}, TOGETHER) for name in plan),
        ({"due_on": "2026-11-21"}, LATE),
        ({"starts_on": "2026-11-23"}, LATE),
    )
    for patch, broken in wrong:
        assert faults(writer.patch(item, **patch)) == broken
    writer.assert_stores(item, starts_on=None, due_on="2026-11-21", if_cue=None, then_response=None)


def test_its_status_changes_along_the_transitions(writer: RecordWriter) -> None:
    ends = "completed failed cancelled entered-in-error"
    writer.assert_transitions(
        {
            "draft": "accepted cancelled entered-in-error",
            "requested": "accepted rejected entered-in-error",
            "accepted": f"in-progress on-hold {ends}",
            "rejected": "entered-in-error",
            "in-progress": f"on-hold {ends}",
            "on-hold": f"in-progress {ends}",
            "completed": "in-progress entered-in-error",
            "failed": "entered-in-error",
            "cancelled": "entered-in-error",
            "entered-in-error": "",
        }
    )
    writer.assert_rejects(writer.create(), ("wisteria", "", "Draft", None, 5), "status")


def test_the_time_of_completion_is_now_or_as_sent_and_only_while_completed(
    server: Server, alice: Person, writer: RecordWriter
) -> None:
    begin = clock.format_instant(datetime.now(UTC))
    item = writer.create()
    now = [writer.create(status="completed"), writer.create(status="completed", completed_at=None)]
    now += [writer.update(item, status="completed")]
    assert all(begin <= each["completed_at"] <= clock.format_instant(datetime.now(UTC)) for each in now)
    row = rows_of(server, alice, ACTION_ITEMS)[item["id"]]
    assert row["field_seq"] == dict.fromkeys(("status", "completed_at"), row["seq"])

    item = now[-1]
    assert writer.update(item, status="completed") == item
    for sent, stored in TIMES.items():
        assert writer.create(status="completed", completed_at=sent)["completed_at"] == stored
        assert writer.update(item, completed_at=sent)["completed_at"] == stored
    assert faults(writer.patch(item, completed_at=None)) == {"/completed_at": "completion-required"}
    writer.update(item, completed_at=MONDAY)
    assert faults(writer.patch(item, status="in-progress", completed_at=NOW)) == NOT_YET

    reopened = writer.update(item, status="in-progress")
    assert reopened["completed_at"] is None
    assert faults(writer.patch(reopened, completed_at=MONDAY)) == NOT_YET
    assert writer.update(reopened, status="completed", completed_at=MONDAY)["completed_at"] == MONDAY
    assert writer.update(item, status="entered-in-error")["completed_at"] is None
    for status in ("draft", "accepted", "failed", "entered-in-error"):
        assert faults(writer.post(status=status, completed_at=MONDAY)) == NOT_YET


def test_a_completed_draft_can_be_sent_again(writer: RecordWriter) -> None:
    for sent in ({}, {"completed_at": None}, {"completed_at": MONDAY}):
        id = str(new_id())
        first = writer.post(id=id, status="completed", **sent)
        again = writer.post(id=id, status="completed", **sent)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
