"""Outcomes: what became of an intention, an action item or a practice."""

from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from app import records
from app.clock import Day
from app.http import Response
from app.ids import Id
from app.problems import Fault
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.achievement import Achievement
from app.records.text import GoalLevel, Text500, Text20000


class OutcomeFields(records.Fields):
    """The fields of an outcome that a client sets."""

    day: Day = Field(description="The day of the outcome, in the person's local time.")
    intention_id: Id | None = Field(None, description="The intention that the outcome is about.")
    action_item_id: Id | None = Field(None, description="The action item that the outcome is about.")
    practice_id: Id | None = Field(None, description="The practice that the outcome is about.")
    level: GoalLevel | None = Field(
        None, description="The step reached on the intention's scale, -2 to 2; 0 is what was expected."
    )
    level_text: Text500 | None = Field(None, description="The text of the step in level, as the app showed it.")
    achievement: Achievement | None = Field(None, description="How far the intention has been reached.")
    note: Text20000 | None = Field(None, description="What became of it, in the person's words.")


class OutcomeRecord(OutcomeFields, records.Record, table=True):
    """An outcome, as stored."""

    __tablename__ = "outcome"
    __table_args__ = records.references(intention_id="intention", action_item_id="action_item", practice_id="practice")


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-00000000000d",
    "day": "2026-11-22",
    "intention_id": "019aa2c4-7b00-7000-8000-000000000003",
    "action_item_id": "019aa2c4-7b00-7000-8000-000000000005",
    "level": 1,
    "level_text": "I stay in the room, and say one thing that is true.",
    "achievement": "improving",
    "note": "She went quiet, and so did I. It was not an ending, only a quiet.",
}
PATCH_EXAMPLE: Final = {"achievement": "achieved"}


@shapes.public(EXAMPLE)
class Outcome(OutcomeFields, records.RecordPublic):
    """An outcome, as its owner sees it."""


@shapes.draft(EXAMPLE)
class OutcomeDraft(OutcomeFields, records.RecordDraft):
    """A new outcome."""


@shapes.patch(PATCH_EXAMPLE)
class OutcomePatch(OutcomeFields):
    """A change of an outcome (RFC 7396): an absent field is unchanged, null clears a field."""


OutcomePage: Final = shapes.page(Outcome, "A page of outcomes, newest first.")


class OutcomeFilters(records.Filters):
    """The filters of a list of outcomes."""

    intention_id: Id | None = Field(None, description="Only outcomes of this intention.")
    action_item_id: Id | None = Field(None, description="Only outcomes of this action item.")
    practice_id: Id | None = Field(None, description="Only records of this practice.")
    day_from: Annotated[Day | None, Where("day", ">=")] = Field(None, description="Only records of this day or later.")
    day_to: Annotated[Day | None, Where("day", "<=")] = Field(None, description="Only outcomes of this day or earlier.")


def settle(outcome: OutcomeFields, _before: OutcomeFields | None, _view: View) -> Iterator[Fault]:
    """Check the rule of outcomes: an outcome must have a level, an achievement or a note."""
    if outcome.level is None and outcome.achievement is None and not outcome.note:
        yield Fault("/note", "empty-outcome", "Send at least one of level, achievement and note.")


OUTCOMES: Final = records.Resource(
    collection="outcomes",
    description="What became of intentions, action items and practices.",
    text="note",
    happened=("day",),
    record=OutcomeRecord,
    fields=OutcomeFields,
    draft=OutcomeDraft,
    patch=OutcomePatch,
    public=Outcome,
    filters=OutcomeFilters,
    settle=settle,
    example=EXAMPLE,
    coupled=(frozenset({"level", "level_text"}),),
    about=("intention_id", "action_item_id", "practice_id"),
    journal=records.Journal(
        facts=("of {day}", "level {level} (-2 to 2)", "{achievement}"),
        labels={"note": "", "level_text": "Reached"},
    ),
)

router = OUTCOMES.router


@router.post(
    "",
    status_code=201,
    response_model=Outcome,
    responses=records.create_responses(Outcome),
    summary="Create an outcome",
)
async def create_outcome(view: OwnRecords, draft: OutcomeDraft) -> Response:
    """Create an outcome: what became of an intention, an action item or a practice by a given day.

    Send at least one of `intention_id`, `action_item_id` and `practice_id`, and at least one of `level`, `achievement`
    and `note`.
    """
    return await records.create(view, OUTCOMES, draft)


@router.get("", response_model=OutcomePage, responses=records.list_responses(), summary="List outcomes")
async def list_outcomes(view: OwnRecords, filters: Annotated[OutcomeFilters, Query()]) -> Response:
    """Return your outcomes, newest first."""
    return await records.page(view, OUTCOMES, filters)


@router.get("/{id:id}", response_model=Outcome, responses=records.read_responses(), summary="Get an outcome")
async def get_outcome(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one outcome."""
    return await records.read(view, OUTCOMES, id, if_none_match)


@router.patch("/{id:id}", response_model=Outcome, responses=records.change_responses(), summary="Update an outcome")
async def change_outcome(view: OwnRecords, id: Id, patch: OutcomePatch, if_match: IfMatch = None) -> Response:
    """Update an outcome."""
    return await records.change(view, OUTCOMES, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete an outcome")
async def remove_outcome(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete an outcome.

    Deleting a record again returns 404.
    """
    return await records.remove(view, OUTCOMES, id, if_match)
