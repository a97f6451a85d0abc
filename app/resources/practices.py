"""Practices: what a person does again and again, on the days of a schedule."""

from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import Query
from pydantic import AfterValidator, Field, with_config
from pydantic_core import PydanticCustomError
from sqlalchemy import JSON
from sqlmodel import Field as Column
from typing_extensions import TypedDict

from app import records
from app.clock import Day, DayText, TimeOfDay
from app.http import Response
from app.ids import Id
from app.problems import Fault
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, shapes
from app.records.domains import ActionItemChange, Domain
from app.records.text import Text200, Text2000
from app.recurrence import MAX_RULE_LENGTH, UnsupportedRuleError, WeekStart, parse_rule


def _check_rule(rule: str) -> str:
    try:
        parse_rule(rule)
    except UnsupportedRuleError:
        code, message = "unsupported_rule", "Send a rule of the supported form, such as FREQ=WEEKLY;BYDAY=MO,TH."
        raise PydanticCustomError(code, message) from None
    return rule


@with_config(extra="forbid")
class PracticeSpan(TypedDict):
    """A part of a practice's schedule.

    A span is in force from `from_on` until the day before the next span begins; the last span, until the practice's
    `ends_on`.
    """

    from_on: Annotated[
        DayText,
        Field(
            description="The first day of the span, from which INTERVAL and COUNT count. The day is due only if the "
            "rule names it."
        ),
    ]
    rule: Annotated[
        Annotated[str, Field(max_length=MAX_RULE_LENGTH), AfterValidator(_check_rule)] | None,
        Field(
            description="The rule that names the due days: a value of RRULE (RFC 5545) in upper case. FREQ comes first "
            "(DAILY, WEEKLY, MONTHLY or YEARLY). Other parts: INTERVAL (1 to 99), COUNT (1 to 999), BYDAY (only with "
            "WEEKLY, or with MONTHLY and an ordinal, 1 to 4 or -1, per weekday), BYMONTHDAY (only with MONTHLY and "
            "without BYDAY: up to six days, 1 to 31 or -1)."
        ),
    ]
    times_per_week: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=7)] | None,
        Field(
            description="The number of times a week, on any days. Only without a rule. If both are null, nothing is due."
        ),
    ]


@with_config(extra="forbid")
class PracticePause(TypedDict):
    """Days on which the practice is paused and not due."""

    from_on: Annotated[DayText, Field(description="The first day of the pause.")]
    until_on: Annotated[DayText | None, Field(description="The last day of the pause. Null: the pause has no end yet.")]


class PracticeFields(records.Fields):
    """The fields of a practice that a client sets."""

    title: Text200 = Field(min_length=1, description="The practice, in a few words.")
    details: Text2000 | None = Field(None, description="Details: how it is done.")
    change: ActionItemChange | None = Field(None, description="Whether the change is internal or external.")
    domain: Domain | None = Field(None, description="The domain of life that the practice is about.")
    intention_id: Id | None = Field(None, description="The intention that the practice serves.")
    action_item_id: Id | None = Field(None, description="The action item that the practice grew from.")
    minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] | None = Field(
        None, description="How long the practice takes, in minutes."
    )
    at: TimeOfDay | None = Field(
        None, description="The local time of day, wherever the person is, on a 24-hour clock.", examples=["07:30"]
    )
    week_start: WeekStart = Field(WeekStart.MONDAY, description="The day on which the person's weeks begin.")
    ends_on: Day | None = Field(None, description="The last day. Null: the practice has no end.")
    schedule: list[PracticeSpan] = Field(
        min_length=1,
        max_length=20,
        description="The spans, in ascending order. To change the rule from a day on, append a span: earlier days keep "
        "their rule.",
    )
    pauses: list[PracticePause] = Field(
        [], max_length=50, description="The pauses, in ascending order. Only the last one can be without an end."
    )


class PracticeRecord(PracticeFields, records.Record, table=True):
    """A practice, as stored."""

    __tablename__ = "practice"
    __table_args__ = records.references(intention_id="intention", action_item_id="action_item")
    schedule: list[PracticeSpan] = Column(sa_type=JSON)
    pauses: list[PracticePause] = Column(sa_type=JSON)


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-000000000006",
    "title": "Ten minutes by the window, without a phone",
    "details": "Sit down before the house wakes up. When I plan, I notice it, and look at the tree again.",
    "change": "internal",
    "domain": "mind",
    "intention_id": "019aa2c4-7b00-7000-8000-000000000003",
    "action_item_id": "019aa2c4-7b00-7000-8000-000000000005",
    "minutes": 10,
    "at": "07:30",
    "schedule": [
        {"from_on": "2026-11-02", "rule": "FREQ=WEEKLY;BYDAY=MO,WE,FR", "times_per_week": None},
        {"from_on": "2026-11-23", "rule": None, "times_per_week": 5},
    ],
    "pauses": [{"from_on": "2026-12-24", "until_on": "2026-12-27"}],
}
PATCH_EXAMPLE: Final = {"at": "07:00", "minutes": 12}


@shapes.public(EXAMPLE)
class Practice(PracticeFields, records.RecordPublic):
    """A practice, as its owner sees it."""


@shapes.draft(EXAMPLE)
class PracticeDraft(PracticeFields, records.RecordDraft):
    """A new practice."""


@shapes.patch(PATCH_EXAMPLE)
class PracticePatch(PracticeFields):
    """A change of a practice (RFC 7396): an absent field is unchanged, null clears a field, a list replaces a list."""


PracticePage: Final = shapes.page(Practice, "A page of practices, newest first.")


class PracticeFilters(records.Filters):
    """The filters of a list of practices."""

    intention_id: Id | None = Field(None, description="Only records that serve this intention.")
    action_item_id: Id | None = Field(None, description="Only practices that grew from this action item.")
    change: list[ActionItemChange] | None = Field(
        None, description="Only records with internal or external changes, or both."
    )
    domain: list[Domain] | None = Field(None, description="Only practices about these domains of life.")


def settle(practice: PracticeFields, _before: PracticeFields | None, _view: View) -> Iterator[Fault]:
    """Check the rules of a practice.

    The spans and the pauses must be in ascending order, and pauses must not overlap. A span must not have both a rule
    and `times_per_week`. `ends_on` must not be before the last span begins.
    """
    spans = practice.schedule
    for n, span in enumerate(spans):
        if span["rule"] is not None and span["times_per_week"] is not None:
            yield Fault(
                f"/schedule/{n}/times_per_week", "one-cadence", "Send a rule or times_per_week, and null for the other."
            )
        if n and span["from_on"] <= spans[n - 1]["from_on"]:
            yield Fault(f"/schedule/{n}/from_on", "spans-out-of-order", "Send the spans in ascending order of from_on.")
    if practice.ends_on is not None and practice.ends_on.isoformat() < spans[-1]["from_on"]:
        yield Fault("/ends_on", "ends-before-start", "Send an ends_on that is not before the last span begins.")
    yield from _faults_of_pauses(practice.pauses)


def _faults_of_pauses(pauses: list[PracticePause]) -> Iterator[Fault]:
    code: Final = "pauses-out-of-order"
    for n, pause in enumerate(pauses):
        if pause["until_on"] is not None and pause["until_on"] < pause["from_on"]:
            yield Fault(f"/pauses/{n}/until_on", code, "Send an until_on that is not before from_on.")
        former = pauses[n - 1]["until_on"] if n else ""
        if former is None or pause["from_on"] <= former:
            yield Fault(f"/pauses/{n}/from_on", code, "Send the pauses in ascending order, without overlaps.")


PRACTICES: Final = records.Resource(
    collection="practices",
    description="What a person does again and again, by a schedule.",
    text="details",
    record=PracticeRecord,
    fields=PracticeFields,
    draft=PracticeDraft,
    patch=PracticePatch,
    public=Practice,
    filters=PracticeFilters,
    settle=settle,
    example=EXAMPLE,
    coupled=(frozenset({"schedule", "ends_on", "week_start"}),),
    journal=records.Journal(
        facts=(
            "{change} change",
            "{domain}",
            "{minutes} minutes",
            "at {at}",
            "{schedule}",
            "until {ends_on}",
            "pauses {pauses}",
        ),
        labels={"details": ""},
    ),
)

router = PRACTICES.router


@router.post(
    "",
    status_code=201,
    response_model=Practice,
    responses=records.create_responses(Practice),
    summary="Create a practice",
)
async def create_practice(view: OwnRecords, draft: PracticeDraft) -> Response:
    """Create a practice with its schedule. Days have no time zone, so clock changes and travel do not move them."""
    return await records.create(view, PRACTICES, draft)


@router.get("", response_model=PracticePage, responses=records.list_responses(), summary="List practices")
async def list_practices(view: OwnRecords, filters: Annotated[PracticeFilters, Query()]) -> Response:
    """Return your practices, newest first."""
    return await records.page(view, PRACTICES, filters)


@router.get("/{id:id}", response_model=Practice, responses=records.read_responses(), summary="Get a practice")
async def get_practice(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one practice."""
    return await records.read(view, PRACTICES, id, if_none_match)


@router.patch("/{id:id}", response_model=Practice, responses=records.change_responses(), summary="Update a practice")
async def change_practice(view: OwnRecords, id: Id, patch: PracticePatch, if_match: IfMatch = None) -> Response:
    """Update a practice. To change the rule, append a span; to take a break, append a pause; to stop, set `ends_on`."""
    return await records.change(view, PRACTICES, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete a practice")
async def remove_practice(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete a practice and its entries. To keep the entries, set `ends_on` instead.

    Outcomes that refer to the practice are kept; their references become null. Deleting a record again returns 404.
    """
    return await records.remove(view, PRACTICES, id, if_match)
