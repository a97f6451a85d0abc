"""Elements: what came up in a session, and what it means to the person."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from app import records
from app.http import Response
from app.ids import Id
from app.problems import Fault
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.text import Text200, Text20000, Valence, ZeroToTen


class ElementKind(StrEnum):
    """The kind of an element."""

    EMOTION = "emotion"
    MEMORY = "memory"
    IMAGE_VISION = "image-vision"
    INSIGHT = "insight"
    BODY_SENSATION = "body-sensation"
    ENCOUNTER = "encounter"
    PART_OF_SELF = "part-of-self"
    BELIEF_PERSPECTIVE = "belief-perspective"
    RELATIONSHIP = "relationship"
    EGO_DISSOLUTION = "ego-dissolution"
    SOUND_MUSIC = "sound-music"
    SYMBOL = "symbol"
    CHALLENGING_MOMENT = "challenging-moment"
    OTHER = "other"


class ElementStatus(StrEnum):
    """How far the person has processed an element."""

    CAPTURED = "captured"
    EXPLORING = "exploring"
    UNDERSTOOD = "understood"
    INTEGRATED = "integrated"
    SET_ASIDE = "set-aside"


class ElementFields(records.Fields):
    """The fields of an element that a client sets."""

    session_id: Id = Field(description="The session in which the element came up.")
    kind: ElementKind = Field(description="The kind of the element.")
    title: Text200 = Field(min_length=1, description="A title, in the person's words.")
    description: Text20000 | None = Field(None, description="What it was like.")
    valence: Valence | None = Field(None, description="How it felt, from -2 (very unpleasant) to 2 (very pleasant).")
    intensity: ZeroToTen | None = Field(None, description="How strong it was, 0 to 10.")
    significance: ZeroToTen | None = Field(None, description="How much it matters, 0 to 10.")
    meaning: Text20000 | None = Field(None, description="What it means to me.")
    origin: Text20000 | None = Field(None, description="Where it came from.")
    reframe: Text20000 | None = Field(None, description="Who I am without its weight; the new perspective.")
    status: ElementStatus = Field(
        ElementStatus.CAPTURED,
        description="The status: how far I have come with it (understood and integrated need a meaning).",
    )


class ElementRecord(ElementFields, records.Record, table=True):
    """An element, as stored."""

    __tablename__ = "element"
    __table_args__ = records.references(session_id="session")
    has_meaning: bool


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-000000000002",
    "session_id": "019aa2c4-7b00-7000-8000-000000000001",
    "kind": "emotion",
    "title": "An old sadness",
    "description": "It sat under the breastbone and did not want anything. It had been there all along.",
    "valence": -1,
    "intensity": 6,
    "significance": 9,
    "meaning": "I have been carrying something that was never mine to solve.",
    "origin": "The winter when nobody at home spoke, and I thought that it was because of me.",
    "status": "understood",
}
PATCH_EXAMPLE: Final = {"reframe": "A child cannot break a family. I can put this down.", "status": "integrated"}


@shapes.public(EXAMPLE)
class Element(ElementFields, records.RecordPublic):
    """An element, as its owner sees it."""


@shapes.draft(EXAMPLE)
class ElementDraft(ElementFields, records.RecordDraft):
    """A new element."""


@shapes.patch(PATCH_EXAMPLE)
class ElementPatch(ElementFields):
    """A change of an element (RFC 7396): an absent field is unchanged, null clears a field."""


ElementPage: Final = shapes.page(Element, "A page of elements, newest first.")


class ElementFilters(records.Filters):
    """The filters of a list of elements."""

    session_id: Id | None = Field(None, description="Only records of this session.")
    status: list[ElementStatus] | None = Field(None, description="Only elements with one of these statuses.")
    kind: list[ElementKind] | None = Field(None, description="Only elements of these kinds.")
    processed: Annotated[records.Flag | None, Where("has_meaning", "=")] = Field(
        None, description="Only elements with a meaning (true) or without one (false)."
    )


_NEEDS_A_MEANING: Final = {ElementStatus.UNDERSTOOD, ElementStatus.INTEGRATED}


def settle(element: ElementFields, _before: ElementFields | None, _view: View) -> Iterator[Fault]:
    """Check the rule of elements: an element with the status `understood` or `integrated` must have a meaning."""
    if element.status in _NEEDS_A_MEANING and not element.meaning:
        yield Fault("/meaning", "meaning-required", "Send a meaning for an understood or integrated element.")


ELEMENTS: Final = records.Resource(
    collection="elements",
    description="What came up in a session, and what it means.",
    text="description",
    record=ElementRecord,
    fields=ElementFields,
    draft=ElementDraft,
    patch=ElementPatch,
    public=Element,
    filters=ElementFilters,
    settle=settle,
    example=EXAMPLE,
    scope="Observation",
    coupled=(frozenset({"status", "meaning"}),),
    on_delete_cascade="session_id",
    facts={"has_meaning": lambda row: bool(row["meaning"])},
    journal=records.Journal(
        name="element ({kind})",
        facts=(
            "{status}",
            "valence {valence} (-2 to 2)",
            "intensity {intensity} of 10",
            "significance {significance} of 10",
        ),
        labels={
            "description": "",
            "meaning": "What it means to me",
            "origin": "Where it came from",
            "reframe": "Who I am without its weight",
        },
    ),
)

router = ELEMENTS.router


@router.post(
    "",
    status_code=201,
    response_model=Element,
    responses=records.create_responses(Element),
    summary="Create an element",
)
async def create_element(view: OwnRecords, draft: ElementDraft) -> Response:
    """Create an element that came up in a session. Its meaning, origin and reframe can be added later."""
    return await records.create(view, ELEMENTS, draft)


@router.get("", response_model=ElementPage, responses=records.list_responses(), summary="List elements")
async def list_elements(view: OwnRecords, filters: Annotated[ElementFilters, Query()]) -> Response:
    """Return your elements, newest first. `processed=false` returns those without a meaning."""
    return await records.page(view, ELEMENTS, filters)


@router.get("/{id:id}", response_model=Element, responses=records.read_responses(), summary="Get an element")
async def get_element(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one element."""
    return await records.read(view, ELEMENTS, id, if_none_match)


@router.patch("/{id:id}", response_model=Element, responses=records.change_responses(), summary="Update an element")
async def change_element(view: OwnRecords, id: Id, patch: ElementPatch, if_match: IfMatch = None) -> Response:
    """Update an element: for example its meaning, its origin, or the new perspective on it (`reframe`)."""
    return await records.change(view, ELEMENTS, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete an element")
async def remove_element(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete an element. Records that refer to it are kept; their references become null.

    Deleting a record again returns 404.
    """
    return await records.remove(view, ELEMENTS, id, if_match)
