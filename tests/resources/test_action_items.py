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
ENDS = "completed failed cancelled entered-in-error"
TRANSITIONS = {
    "draft": "accepted cancelled entered-in-error",
    "requested": "accepted rejected entered-in-error",
    "accepted": f"in-progress on-hold {ENDS}",
    "rejected": "entered-in-error",
    "in-progress": f"on-hold {ENDS}",
    "on-hold": f"in-progress {ENDS}",
    "completed": "in-progress entered-in-error",
    "failed": "entered-in-error",
    "cancelled": "entered-in-error",
    "entered-in-error": "",
}
MONDAY = "2026-11-16T18:30:00.000000Z"
NOT_YET = {"/completed_at": "completed-only"}
MISMATCH = {"/facet": "facet-mismatch"}
TOGETHER = {"/then_response": "both-or-neither"}
LATE = {"/due_on": "due-before-start"}

PLAN = {"if_cue": "wisteria", "then_response": "wisteria"}
DAYS = {"starts_on": "2026-11-22", "due_on": "2026-11-22"}
WRONG_DRAFTS: dict[str, tuple[Json, dict[str, str]]] = {
    "if_cue alone": ({"if_cue": "wisteria"}, TOGETHER),
    "then_response alone": ({"then_response": "wisteria"}, TOGETHER),
    "due before its start": ({"starts_on": "2026-11-22", "due_on": "2026-11-21"}, LATE),
    "several": (
        {"if_cue": "wisteria", "starts_on": "2026-11-22", "due_on": "1900-01-01", "facet": "work"},
        TOGETHER | LATE | MISMATCH,
    ),
}
WRONG_PATCHES: dict[str, tuple[Json, dict[str, str]]] = {
    "without if_cue": ({"if_cue": None}, TOGETHER),
    "without then_response": ({"then_response": None}, TOGETHER),
    "due earlier": ({"due_on": "2026-11-21"}, LATE),
    "starts later": ({"starts_on": "2026-11-23"}, LATE),
}


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


@pytest.mark.parametrize(
    ("side", "facet"), [(side, facet) for side, facets in FACETS.items() for facet in facets.split()]
)
def test_a_facet_must_belong_to_the_change(writer: RecordWriter, side: str, facet: str) -> None:
    other = next(each for each in FACETS if each != side)
    item = writer.assert_stores(writer.create(), change=side, facet=facet)
    assert faults(writer.post(change=other, facet=facet)) == MISMATCH
    assert faults(writer.patch(item, change=other)) == MISMATCH
    assert faults(writer.patch(item, facet=FACETS[other].split()[0])) == MISMATCH


def test_a_change_and_a_facet_accept_only_the_listed_choices(writer: RecordWriter) -> None:
    writer.assert_rejects(writer.create(), ("wisteria", "", "Thought", None, 5), "change", "facet")


@pytest.mark.parametrize(("draft", "broken"), WRONG_DRAFTS.values(), ids=WRONG_DRAFTS)
def test_a_draft_that_breaks_a_rule_is_refused(writer: RecordWriter, draft: Json, broken: dict[str, str]) -> None:
    assert faults(writer.post(**draft)) == broken


@pytest.mark.parametrize(("patch", "broken"), WRONG_PATCHES.values(), ids=WRONG_PATCHES)
def test_a_patch_whose_result_breaks_a_rule_is_refused(
    writer: RecordWriter, patch: Json, broken: dict[str, str]
) -> None:
    assert faults(writer.patch(writer.create(**PLAN, **DAYS), **patch)) == broken


def test_a_patch_may_remove_a_plan_and_a_start(writer: RecordWriter) -> None:
    item = writer.create(**PLAN, **DAYS)
    writer.assert_stores(item, starts_on=None, due_on="2026-11-21", if_cue=None, then_response=None)


@pytest.mark.parametrize("status", TRANSITIONS)
def test_its_status_changes_along_the_transitions(writer: RecordWriter, status: str) -> None:
    writer.assert_transitions(status, TRANSITIONS)


def test_its_status_accepts_only_the_listed_choices(writer: RecordWriter) -> None:
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
    assert faults(writer.patch(item, completed_at=None)) == {"/completed_at": "completion-required"}
    writer.update(item, completed_at=MONDAY)
    assert faults(writer.patch(item, status="in-progress", completed_at=NOW)) == NOT_YET

    reopened = writer.update(item, status="in-progress")
    assert reopened["completed_at"] is None
    assert faults(writer.patch(reopened, completed_at=MONDAY)) == NOT_YET
    assert writer.update(reopened, status="completed", completed_at=MONDAY)["completed_at"] == MONDAY
    assert writer.update(item, status="entered-in-error")["completed_at"] is None


@pytest.mark.parametrize(("sent", "stored"), TIMES.items(), ids=TIMES)
def test_a_time_of_completion_may_be_sent(writer: RecordWriter, sent: str, stored: str) -> None:
    item = writer.create(status="completed", completed_at=sent)
    assert item["completed_at"] == stored
    assert writer.update(writer.create(status="completed"), completed_at=sent)["completed_at"] == stored


@pytest.mark.parametrize("status", ["draft", "accepted", "failed", "entered-in-error"])
def test_a_time_of_completion_is_refused_for_a_status_that_is_not_completed(writer: RecordWriter, status: str) -> None:
    assert faults(writer.post(status=status, completed_at=MONDAY)) == NOT_YET


@pytest.mark.parametrize(
    "sent", [{}, {"completed_at": None}, {"completed_at": MONDAY}], ids=["no time", "null", "a time"]
)
def test_a_completed_draft_can_be_sent_again(writer: RecordWriter, sent: Json) -> None:
    id = str(new_id())
    first = writer.post(id=id, status="completed", **sent)
    again = writer.post(id=id, status="completed", **sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
