"""An element: one thing that came up in a session, and what the person makes of it."""

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
from app.records.text import Short, Valence, Words, ZeroToTen


class ElementKind(StrEnum):
    """What it is."""

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
    """How far the person has come with it."""

    CAPTURED = "captured"
    EXPLORING = "exploring"
    UNDERSTOOD = "understood"
    INTEGRATED = "integrated"
    SET_ASIDE = "set-aside"


class ElementFields(records.Fields):
    """What a person says of an element."""

    session_id: Id = Field(description="The session that it came up in.")
    kind: ElementKind = Field(description="What it is.")
    title: Short = Field(min_length=1, description="Its name, in the person's words.")
    description: Words | None = Field(None, description="What it was like.")
    valence: Valence | None = Field(None, description="How it felt, from -2 (very unpleasant) to 2 (very pleasant).")
    intensity: ZeroToTen | None = Field(None, description="How strong it was, 0 to 10.")
    significance: ZeroToTen | None = Field(None, description="How much it matters, 0 to 10.")
    meaning: Words | None = Field(None, description="What it means to me.")
    origin: Words | None = Field(None, description="Where it came from.")
    reframe: Words | None = Field(None, description="Who I am without its weight; the new perspective.")
    status: ElementStatus = Field(
        ElementStatus.CAPTURED, description="How far I have come with it; understood needs a meaning."
    )


class ElementRecord(ElementFields, records.Record, table=True):
    """An element as stored."""

    __tablename__ = "element"
    __table_args__ = records.references(session_id="session")


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
    """An element, about to be noted."""


@shapes.patch(PATCH_EXAMPLE)
class ElementPatch(ElementFields):
    """A change of an element: absent is unchanged, null is cleared."""


ElementPage: Final = shapes.page(Element, "A page of elements, newest first.")


class ElementFilters(records.Filters):
    """Which elements to list."""

    session_id: Id | None = Field(None, description="Came up in this session.")
    status: list[ElementStatus] | None = Field(None, description="Any of these statuses.")
    kind: list[ElementKind] | None = Field(None, description="Any of these kinds.")
    processed: Annotated[records.Flag | None, Where("meaning", "present")] = Field(
        None, description="Whether a meaning was found."
    )


_NEEDS_A_MEANING: Final = {ElementStatus.UNDERSTOOD, ElementStatus.INTEGRATED}


def settle(element: ElementFields, _before: ElementFields | None, _view: View) -> Iterator[Fault]:
    """Hold the rules of an element: what is understood has a meaning."""
    if element.status in _NEEDS_A_MEANING and not element.meaning:
        yield Fault("/meaning", "meaning-required", "What is understood or integrated needs a meaning.")


ELEMENTS: Final = records.Resource(
    collection="elements",
    record=ElementRecord,
    fields=ElementFields,
    draft=ElementDraft,
    patch=ElementPatch,
    public=Element,
    filters=ElementFilters,
    settle=settle,
    example=EXAMPLE,
    coupled=(frozenset({"status", "meaning"}),),
    parent="session_id",
)

router = ELEMENTS.router


@router.post(
    "", status_code=201, response_model=Element, responses=records.creating(Element), summary="Note an element"
)
async def create_element(view: OwnRecords, draft: ElementDraft) -> Response:
    """Note something that came up in a session. Its meaning, origin and reframe can follow later."""
    return await records.create(view, ELEMENTS, draft)


@router.get("", response_model=ElementPage, responses=records.listing(), summary="List your elements")
async def list_elements(view: OwnRecords, filters: Annotated[ElementFilters, Query()]) -> Response:
    """See what came up, newest first. `processed=false` finds what still waits for a meaning."""
    return await records.page(view, ELEMENTS, filters)


@router.get("/{id:id}", response_model=Element, responses=records.reading(), summary="Read an element")
async def get_element(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """See one element."""
    return await records.read(view, ELEMENTS, id, if_none_match)


@router.patch("/{id:id}", response_model=Element, responses=records.changing(), summary="Change an element")
async def change_element(view: OwnRecords, id: Id, patch: ElementPatch, if_match: IfMatch = None) -> Response:
    """Change an element: say what it means, where it came from, who you are without its weight."""
    return await records.change(view, ELEMENTS, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.removing(), summary="Remove an element")
async def remove_element(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Remove an element. What referred to it stays, without the reference."""
    return await records.remove(view, ELEMENTS, id, if_match)
