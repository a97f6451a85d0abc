"""Check-ins: how a person feels at one moment, in numbers, side effects and a note."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import JSON, Index
from sqlmodel import Field as Column

from app import clock, records
from app.clock import Instant, Timezone
from app.http import Response
from app.ids import Id
from app.problems import Fault
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.text import MinutesOfDay, Text2000, ZeroToTen


class SideEffect(StrEnum):
    """An unwanted effect that the person notices."""

    NAUSEA = "nausea"
    VOMITING = "vomiting"
    DIZZINESS = "dizziness"
    HEADACHE = "headache"
    DROWSINESS = "drowsiness"
    DISSOCIATION = "dissociation"
    BLURRED_VISION = "blurred-vision"
    PALPITATIONS = "palpitations"
    URINARY = "urinary"
    SLEEP_DISRUPTION = "sleep-disruption"
    ANXIETY = "anxiety"
    OTHER = "other"


def _distinct(effects: list[SideEffect]) -> list[SideEffect]:
    if len(set(effects)) < len(effects):
        code, message = "repeated", "Send each side effect once."
        raise PydanticCustomError(code, message)
    return effects


class CheckInFields(records.Fields):
    """The fields of a check-in that a client sets."""

    taken_at: Instant = Field(description="The time that the check-in describes. The default is now.")
    timezone: Timezone = Field(description="IANA time zone of the place. The default is the owner's.")
    session_id: Id | None = Field(None, description="The session that the check-in follows or precedes.")
    mood: ZeroToTen | None = Field(None, description="How good the mood is, 0 to 10.")
    anxiety: ZeroToTen | None = Field(None, description="How strong anxiety is, 0 to 10.")
    energy: ZeroToTen | None = Field(None, description="How much energy there is, 0 to 10.")
    sleep: ZeroToTen | None = Field(None, description="How good the last sleep was, 0 to 10.")
    connectedness: ZeroToTen | None = Field(None, description="How connected the person feels, 0 to 10.")
    craving: ZeroToTen | None = Field(None, description="How strong craving is, 0 to 10.")
    pain: ZeroToTen | None = Field(None, description="How strong pain is, 0 to 10.")
    sleep_minutes: MinutesOfDay | None = Field(None, description="How long the last sleep was, in minutes.")
    side_effects: Annotated[list[SideEffect], AfterValidator(_distinct)] = Field(
        [], max_length=12, description="Side effects, each once.", json_schema_extra={"uniqueItems": True}
    )
    note: Text2000 | None = Field(None, description="A note.")


class CheckInRecord(CheckInFields, records.Record, table=True):
    """A check-in, as stored."""

    __tablename__ = "check_in"
    __table_args__ = (*records.references(session_id="session"), Index(None, "owner_id", "taken_at"))
    side_effects: list[SideEffect] = Column(sa_type=JSON)


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-000000000008",
    "taken_at": "2026-11-23T06:45:00.000000Z",
    "timezone": "Europe/Berlin",
    "session_id": "019aa2c4-7b00-7000-8000-000000000001",
    "mood": 7,
    "anxiety": 3,
    "energy": 5,
    "sleep": 8,
    "connectedness": 7,
    "sleep_minutes": 440,
    "side_effects": ["drowsiness"],
    "note": "Soft edges. I hummed while I made coffee, and only noticed when she laughed.",
}
PATCH_EXAMPLE: Final = {"energy": 6}


@shapes.public(EXAMPLE)
class CheckIn(CheckInFields, records.RecordPublic):
    """A check-in, as its owner sees it."""


@shapes.draft(EXAMPLE, completed=("taken_at", "timezone"))
class CheckInDraft(CheckInFields, records.RecordDraft):
    """A new check-in."""


@shapes.patch(PATCH_EXAMPLE)
class CheckInPatch(CheckInFields):
    """A change of a check-in (RFC 7396): an absent field is unchanged, null clears a field."""


CheckInPage: Final = shapes.page(CheckIn, "A page of check-ins, newest first.")


class CheckInFilters(records.Filters):
    """The filters of a list of check-ins."""

    session_id: Id | None = Field(None, description="Only check-ins about this session.")
    taken_from: Annotated[Instant | None, Where("taken_at", ">=")] = Field(
        None, description="Only records from this time or later."
    )
    taken_to: Annotated[Instant | None, Where("taken_at", "<")] = Field(
        None, description="Only records from before this time."
    )


VALUES: Final = ("mood", "anxiety", "energy", "sleep", "connectedness", "craving", "pain", "sleep_minutes")
"""The fields of a check-in whose values are numbers."""


def settle(check_in: CheckInFields, _before: CheckInFields | None, view: View) -> Iterator[Fault]:
    """Set the time to now and the time zone to the owner's if they were not sent.

    Yield a fault if the check-in has no number, no side effect and no note.
    """
    check_in.taken_at = check_in.taken_at or clock.now()
    check_in.timezone = check_in.timezone or view.timezone
    has_value = any(getattr(check_in, name) is not None for name in VALUES)
    if not (has_value or check_in.side_effects or check_in.note):
        yield Fault("", "empty-check-in", "Send at least one value, side effect or note.")


CHECK_INS: Final = records.Resource(
    collection="check-ins",
    description="How a person is at a moment.",
    text="note",
    record=CheckInRecord,
    fields=CheckInFields,
    draft=CheckInDraft,
    patch=CheckInPatch,
    public=CheckIn,
    filters=CheckInFilters,
    settle=settle,
    example=EXAMPLE,
    scope="Observation",
    journal=records.Journal(
        dated_by=("taken_at",),
        facts=(
            *(f"{name} {{{name}}} of 10" for name in VALUES if name != "sleep_minutes"),
            "slept {sleep_minutes} minutes",
            "{side_effects}",
        ),
    ),
)

router = CHECK_INS.router


@router.post(
    "",
    status_code=201,
    response_model=CheckIn,
    responses=records.create_responses(CheckIn),
    summary="Create a check-in",
)
async def create_check_in(view: OwnRecords, draft: CheckInDraft) -> Response:
    """Create a check-in with at least one value, side effect or note. On each scale of 0 to 10, 10 is the most."""
    return await records.create(view, CHECK_INS, draft)


@router.get("", response_model=CheckInPage, responses=records.list_responses(), summary="List check-ins")
async def list_check_ins(view: OwnRecords, filters: Annotated[CheckInFilters, Query()]) -> Response:
    """Return your check-ins, newest first."""
    return await records.page(view, CHECK_INS, filters)


@router.get("/{id:id}", response_model=CheckIn, responses=records.read_responses(), summary="Get a check-in")
async def get_check_in(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one check-in."""
    return await records.read(view, CHECK_INS, id, if_none_match)


@router.patch("/{id:id}", response_model=CheckIn, responses=records.change_responses(), summary="Update a check-in")
async def change_check_in(view: OwnRecords, id: Id, patch: CheckInPatch, if_match: IfMatch = None) -> Response:
    """Update a check-in."""
    return await records.change(view, CHECK_INS, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete a check-in")
async def remove_check_in(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete a check-in.

    Deleting a record again returns 404.
    """
    return await records.remove(view, CHECK_INS, id, if_match)
