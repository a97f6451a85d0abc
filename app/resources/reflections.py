"""Reflections: words that a person writes or speaks while processing what came up."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field
from sqlalchemy import JSON
from sqlmodel import Field as Column

from app import clock, records
from app.clock import Instant, Timezone
from app.http import Response
from app.ids import Id
from app.problems import Fault
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.domains import Domain
from app.records.text import Emotion, PromptId, Text200, Text500, Text100000, ZeroToTen


class Capture(StrEnum):
    """How the words of a reflection were entered."""

    TYPED = "typed"
    VOICE_TRANSCRIPT = "voice-transcript"
    IMPORTED = "imported"


class ReflectionFields(records.Fields):
    """The fields of a reflection that a client sets."""

    body: Text100000 = Field(min_length=1, description="The words, stored exactly as sent.")
    title: Text200 | None = Field(None, description="A title.")
    occurred_at: Instant = Field(description="When the words were written or spoken. The default is now.")
    timezone: Timezone = Field(description="IANA time zone of the place. The default is the owner's.")
    session_id: Id | None = Field(None, description="The session that the reflection is about.")
    element_id: Id | None = Field(None, description="The element that the reflection is about.")
    intention_id: Id | None = Field(None, description="The intention that the reflection is about.")
    prompt: Text500 | None = Field(None, description="The question that the reflection answers, as the app showed it.")
    capture: Capture = Field(Capture.TYPED, description="How the words were entered.")
    mood: ZeroToTen | None = Field(None, description="How the person felt, 0 to 10.")
    emotions: list[Emotion] = Field([], max_length=20, description="What the person felt, in their words.")
    domains: list[Domain] = Field([], max_length=6, description="The domains of life that the reflection is about.")
    prompt_id: PromptId | None = Field(
        None, description="The id of the prompt that the reflection answers.", examples=["later-04"]
    )


class ReflectionRecord(ReflectionFields, records.Record, table=True):
    """A reflection, as stored."""

    __tablename__ = "reflection"
    __table_args__ = records.references(session_id="session", element_id="element", intention_id="intention")
    emotions: list[Emotion] = Column(sa_type=JSON)
    domains: list[Domain] = Column(sa_type=JSON)


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-000000000004",
    "body": "She went quiet at dinner. I noticed my hands looking for dishes to wash. I left them on the table.",
    "occurred_at": "2026-11-22T20:15:00.000000Z",
    "timezone": "Europe/Berlin",
    "session_id": "019aa2c4-7b00-7000-8000-000000000001",
    "element_id": "019aa2c4-7b00-7000-8000-000000000002",
    "intention_id": "019aa2c4-7b00-7000-8000-000000000003",
    "prompt": "When did the old pattern last show up, and what did you do?",
    "mood": 6,
    "emotions": ["tender", "a little proud"],
    "domains": ["relationships"],
    "prompt_id": "later-04",
}
PATCH_EXAMPLE: Final = {"title": "Hands on the table"}


@shapes.public(EXAMPLE)
class Reflection(ReflectionFields, records.RecordPublic):
    """A reflection, as its owner sees it."""


@shapes.draft(EXAMPLE, completed=("occurred_at", "timezone"))
class ReflectionDraft(ReflectionFields, records.RecordDraft):
    """A new reflection."""


@shapes.patch(PATCH_EXAMPLE)
class ReflectionPatch(ReflectionFields):
    """A change of a reflection (RFC 7396): an absent field is unchanged, null clears a field."""


ReflectionPage: Final = shapes.page(Reflection, "A page of reflections, newest first.")


class ReflectionFilters(records.Filters):
    """The filters of a list of reflections."""

    session_id: Id | None = Field(None, description="Only reflections about this session.")
    element_id: Id | None = Field(None, description="Only reflections about this element.")
    intention_id: Id | None = Field(None, description="Only reflections about this intention.")
    occurred_from: Annotated[Instant | None, Where("occurred_at", ">=")] = Field(
        None, description="Only reflections from this time or later."
    )
    occurred_to: Annotated[Instant | None, Where("occurred_at", "<")] = Field(
        None, description="Only reflections from before this time."
    )


def settle(reflection: ReflectionFields, _before: ReflectionFields | None, view: View) -> Iterator[Fault]:
    """Set the time to now and the time zone to the owner's if they were not sent.

    Yield no fault: reflections have no rules.
    """
    reflection.occurred_at = reflection.occurred_at or clock.now()
    reflection.timezone = reflection.timezone or view.timezone
    return iter(())


REFLECTIONS: Final = records.Resource(
    collection="reflections",
    description="Words written or spoken while processing.",
    text="body",
    record=ReflectionRecord,
    fields=ReflectionFields,
    draft=ReflectionDraft,
    patch=ReflectionPatch,
    public=Reflection,
    filters=ReflectionFilters,
    settle=settle,
    example=EXAMPLE,
    scope="DocumentReference",
    journal=records.Journal(
        dated_by=("occurred_at",),
        facts=("mood {mood} of 10", "{domains}"),
        labels={"prompt": "Question", "body": "", "emotions": "I felt"},
    ),
)

router = REFLECTIONS.router


@router.post(
    "",
    status_code=201,
    response_model=Reflection,
    responses=records.create_responses(Reflection),
    summary="Create a reflection",
)
async def create_reflection(view: OwnRecords, draft: ReflectionDraft) -> Response:
    """Create a reflection. If the device may have been offline, send `occurred_at`: the default is the current time."""
    return await records.create(view, REFLECTIONS, draft)


@router.get("", response_model=ReflectionPage, responses=records.list_responses(), summary="List reflections")
async def list_reflections(view: OwnRecords, filters: Annotated[ReflectionFilters, Query()]) -> Response:
    """Return your reflections, newest first."""
    return await records.page(view, REFLECTIONS, filters)


@router.get("/{id:id}", response_model=Reflection, responses=records.read_responses(), summary="Get a reflection")
async def get_reflection(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one reflection."""
    return await records.read(view, REFLECTIONS, id, if_none_match)


@router.patch(
    "/{id:id}", response_model=Reflection, responses=records.change_responses(), summary="Update a reflection"
)
async def change_reflection(view: OwnRecords, id: Id, patch: ReflectionPatch, if_match: IfMatch = None) -> Response:
    """Update a reflection."""
    return await records.change(view, REFLECTIONS, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete a reflection")
async def remove_reflection(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete a reflection. Its words are deleted immediately.

    Action items that refer to it are kept; their references become null. Deleting a record again returns 404.
    """
    return await records.remove(view, REFLECTIONS, id, if_match)
