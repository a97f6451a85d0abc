"""Action items: what only they promise."""

from datetime import UTC, datetime

import pytest

from app import clock
from app.ids import new_id
from app.resources.action_items import ACTION_ITEMS
from tests.drafts import Json
from tests.refusals import faults
from tests.resources.pen import NOW, TIMES, Pen
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
def pen(alice: Person) -> Pen:
    return Pen(alice, ACTION_ITEMS, title="wisteria", change="internal", facet="thought")


def test_an_action_item_begins_accepted(alice: Person, pen: Pen) -> None:
    item = pen.create()
    given = pen.base | {"status": "accepted", "visibility": "private"}
    empty = dict.fromkeys(set(ACTION_ITEMS.field_names) - set(given))
    assert {name: item[name] for name in ACTION_ITEMS.field_names} == given | empty
    required = dict.fromkeys(("/title", "/change", "/facet"), "required")
    assert faults(alice.client.post(pen.path, json={})) == required


def test_its_fields_keep_their_bounds(pen: Pen) -> None:
    pen.texts(title=200, details=20_000, if_cue=500, then_response=500)
    pen.days("starts_on", "due_on")
    pen.choices(visibility="private shared")


def test_a_facet_belongs_to_its_side_of_the_change(pen: Pen) -> None:
    item = pen.create()
    for side, facets in FACETS.items():
        other = next(each for each in FACETS if each != side)
        for facet in facets.split():
            item = pen.keeps(item, change=side, facet=facet)
            assert faults(pen.draft(change=other, facet=facet)) == MISMATCH
            assert faults(pen.patch(item, change=other)) == MISMATCH
            assert faults(pen.patch(item, facet=FACETS[other].split()[0])) == MISMATCH
    pen.refuses(item, ("wisteria", "", "Thought", None, 5), "change", "facet")


def test_cue_and_response_and_start_and_due_day_fit_together(pen: Pen) -> None:
    plan = {"if_cue": "wisteria", "then_response": "wisteria"}
    days = {"starts_on": "2026-11-22", "due_on": "2026-11-22"}
    item = pen.create(**plan, **days)
    wrong: tuple[tuple[Json, dict[str, str]], ...] = (
        *(({name: plan[name]}, TOGETHER) for name in plan),
        ({"starts_on": "2026-11-22", "due_on": "2026-11-21"}, LATE),
        (
            {"if_cue": "wisteria", "starts_on": "2026-11-22", "due_on": "1900-01-01", "facet": "work"},
            TOGETHER | LATE | MISMATCH,
        ),
    )
    for draft, broken in wrong:
        assert faults(pen.draft(**draft)) == broken
    wrong = (
        *(({name: None}, TOGETHER) for name in plan),
        ({"due_on": "2026-11-21"}, LATE),
        ({"starts_on": "2026-11-23"}, LATE),
    )
    for patch, broken in wrong:
        assert faults(pen.patch(item, **patch)) == broken
    pen.keeps(item, starts_on=None, due_on="2026-11-21", if_cue=None, then_response=None)


def test_its_status_moves_along_its_transitions(pen: Pen) -> None:
    ends = "completed failed cancelled entered-in-error"
    pen.moves(
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
    pen.refuses(pen.create(), ("wisteria", "", "Draft", None, 5), "status")


def test_completion_is_now_or_when_its_owner_says_and_only_while_completed(
    server: Server, alice: Person, pen: Pen
) -> None:
    begin = clock.format_instant(datetime.now(UTC))
    item = pen.create()
    now = [pen.create(status="completed"), pen.create(status="completed", completed_at=None)]
    now += [pen.change(item, status="completed")]
    assert all(begin <= each["completed_at"] <= clock.format_instant(datetime.now(UTC)) for each in now)
    row = rows_of(server, alice, ACTION_ITEMS)[item["id"]]
    assert row["field_seq"] == dict.fromkeys(("status", "completed_at"), row["seq"])

    item = now[-1]
    assert pen.change(item, status="completed") == item
    for given, told in TIMES.items():
        assert pen.create(status="completed", completed_at=given)["completed_at"] == told
        assert pen.change(item, completed_at=given)["completed_at"] == told
    assert faults(pen.patch(item, completed_at=None)) == {"/completed_at": "completion-required"}
    pen.change(item, completed_at=MONDAY)
    assert faults(pen.patch(item, status="in-progress", completed_at=NOW)) == NOT_YET

    reopened = pen.change(item, status="in-progress")
    assert reopened["completed_at"] is None
    assert faults(pen.patch(reopened, completed_at=MONDAY)) == NOT_YET
    assert pen.change(reopened, status="completed", completed_at=MONDAY)["completed_at"] == MONDAY
    assert pen.change(item, status="entered-in-error")["completed_at"] is None
    for status in ("draft", "accepted", "failed", "entered-in-error"):
        assert faults(pen.draft(status=status, completed_at=MONDAY)) == NOT_YET


def test_a_completed_draft_is_the_same_draft_when_it_is_sent_again(pen: Pen) -> None:
    for sent in ({}, {"completed_at": None}, {"completed_at": MONDAY}):
        id = str(new_id())
        first = pen.draft(id=id, status="completed", **sent)
        again = pen.draft(id=id, status="completed", **sent)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
