"""Intentions: what a person means to work on, in a session or afterwards."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field
from sqlalchemy import JSON
from sqlmodel import Field as Column

from app import records
from app.clock import Day
from app.http import Response
from app.ids import Id
from app.problems import DerivationCycle, Fault
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, shapes
from app.records.achievement import Achievement
from app.records.domains import Domain
from app.records.text import GoalLevel, Text500, Text2000


class IntentionKind(StrEnum):
    """What an intention is set for: a session, or the integration afterwards."""

    SESSION = "session"
    INTEGRATION = "integration"


class IntentionStatus(StrEnum):
    """The status of an intention (FHIR R4 goal lifecycle)."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class IntentionFields(records.Fields):
    """The fields of an intention that a client sets."""

    kind: IntentionKind = Field(description="What the intention is set for: a session, or the integration afterwards.")
    statement: Text2000 = Field(min_length=1, description="The intention, written and specific.")
    why: Text2000 | None = Field(None, description="Why it matters.")
    session_id: Id | None = Field(None, description="The session that the intention belongs to.")
    element_id: Id | None = Field(None, description="The element that the intention grew from.")
    derived_from_id: Id | None = Field(None, description="The earlier intention that this one derives from.")
    domain: Domain | None = Field(None, description="The domain of life that the intention is about.")
    status: IntentionStatus = Field(IntentionStatus.ACTIVE, description="The status.")
    achievement: Achievement | None = Field(None, description="How far the intention has been reached.")
    target_on: Day | None = Field(None, description="The day by which the intention should be reached.")
    scale: list[Text500 | None] | None = Field(
        None,
        min_length=5,
        max_length=5,
        description="The five steps of a goal attainment scale, in words: much less than expected (-2), less, what is "
        "expected (0, required), more, much more (2).",
    )
    weight: Annotated[int, Field(strict=True, ge=1, le=9)] = Field(
        1,
        description="The weight of the intention in the goal attainment score, 1 to 9. It has an effect only if the "
        "intention has a scale.",
    )
    baseline: GoalLevel | None = Field(None, description="The person's step on the scale at the beginning, -2 to 2.")


class IntentionRecord(IntentionFields, records.Record, table=True):
    """An intention, as stored."""

    __tablename__ = "intention"
    __table_args__ = records.references(session_id="session", element_id="element", derived_from_id="intention")
    scale: list[Text500 | None] | None = Column(sa_type=JSON)


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-000000000003",
    "kind": "integration",
    "statement": "When my mother goes quiet, I stay, and I do not try to repair it.",
    "why": "Repairing is how I left the room without moving.",
    "session_id": "019aa2c4-7b00-7000-8000-000000000001",
    "element_id": "019aa2c4-7b00-7000-8000-000000000002",
    "domain": "relationships",
    "status": "active",
    "target_on": "2026-12-31",
    "scale": [
        "I leave the room",
        "I stay, and talk to fill the silence",
        "I stay for one silence without repairing it",
        "I stay, and breathe, most of the time",
        "Her silence is only a silence",
    ],
    "weight": 3,
    "baseline": -1,
}
PATCH_EXAMPLE: Final = {"achievement": "improving"}


@shapes.public(EXAMPLE)
class Intention(IntentionFields, records.RecordPublic):
    """An intention, as its owner sees it."""


@shapes.draft(EXAMPLE)
class IntentionDraft(IntentionFields, records.RecordDraft):
    """A new intention."""


@shapes.patch(PATCH_EXAMPLE)
class IntentionPatch(IntentionFields):
    """A change of an intention (RFC 7396): an absent field is unchanged, null clears a field."""


IntentionPage: Final = shapes.page(Intention, "A page of intentions, newest first.")


class IntentionFilters(records.Filters):
    """The filters of a list of intentions."""

    session_id: Id | None = Field(None, description="Only records of this session.")
    element_id: Id | None = Field(None, description="Only intentions that grew from this element.")
    kind: list[IntentionKind] | None = Field(None, description="Only intentions of these kinds.")
    status: list[IntentionStatus] | None = Field(None, description="Only intentions with one of these statuses.")
    derived_from_id: Id | None = Field(None, description="Only intentions that derive from this intention.")


EXPECTED: Final = 2
"""The index, in the list `scale` of an intention, of the step that describes the expected result."""


def settle(intention: IntentionFields, _before: IntentionFields | None, _view: View) -> Iterator[Fault]:
    """Check the rule of intentions: if an intention has a scale, the step of the expected result must have a text."""
    if intention.scale is not None and not intention.scale[EXPECTED]:
        yield Fault(f"/scale/{EXPECTED}", "expected-level-required", "Send what is expected as the third step.")


INTENTIONS: Final = records.Resource(
    collection="intentions",
    description="What the person means to work on, in a session or afterwards.",
    text="why",
    record=IntentionRecord,
    fields=IntentionFields,
    draft=IntentionDraft,
    patch=IntentionPatch,
    public=Intention,
    filters=IntentionFilters,
    settle=settle,
    example=EXAMPLE,
    scope="Goal",
    coupled=(frozenset({"scale", "baseline"}),),
    acyclic="derived_from_id",
    journal=records.Journal(
        title="statement",
        facts=(
            "for the {kind}",
            "{domain}",
            "{status}",
            "{achievement}",
            "by {target_on}",
            "began at {baseline}",
        ),
        labels={"why": "Why it matters", "scale": "Steps, from much less to much more than expected"},
    ),
)

router = INTENTIONS.router


@router.post(
    "",
    status_code=201,
    response_model=Intention,
    responses=records.create_responses(Intention),
    summary="Create an intention",
)
async def create_intention(view: OwnRecords, draft: IntentionDraft) -> Response:
    """Create an intention. An intention for a session can be created before the session exists."""
    return await records.create(view, INTENTIONS, draft)


@router.get("", response_model=IntentionPage, responses=records.list_responses(), summary="List intentions")
async def list_intentions(view: OwnRecords, filters: Annotated[IntentionFilters, Query()]) -> Response:
    """Return your intentions, newest first."""
    return await records.page(view, INTENTIONS, filters)


@router.get("/{id:id}", response_model=Intention, responses=records.read_responses(), summary="Get an intention")
async def get_intention(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one intention."""
    return await records.read(view, INTENTIONS, id, if_none_match)


@router.patch(
    "/{id:id}",
    response_model=Intention,
    responses=records.change_responses(DerivationCycle),
    summary="Update an intention",
)
async def change_intention(view: OwnRecords, id: Id, patch: IntentionPatch, if_match: IfMatch = None) -> Response:
    """Update an intention, for example how far it has been reached (`achievement`)."""
    return await records.change(view, INTENTIONS, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete an intention")
async def remove_intention(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete an intention. Records that refer to it are kept; their references become null.

    Deleting a record again returns 404.
    """
    return await records.remove(view, INTENTIONS, id, if_match)
