"""Practice entries: what became of a practice on a day."""

from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field
from sqlalchemy import Index

from app import records
from app.clock import Day
from app.http import Response
from app.ids import Id
from app.problems import Fault
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.text import MinutesOfDay, Text2000, ZeroToTen
from app.recurrence import EntryOutcome


class PracticeEntryFields(records.Fields):
    """The fields of a practice entry that a client sets."""

    practice_id: Id = Field(description="The practice that the entry is about.")
    day: Day = Field(description="The day in the person's local time. A change of time zone does not move it.")
    outcome: EntryOutcome = Field(
        EntryOutcome.DONE, description="What became of the practice. If a day has several entries, the best one counts."
    )
    minutes: MinutesOfDay | None = Field(None, description="How long the practice took, in minutes.")
    difficulty: ZeroToTen | None = Field(None, description="How difficult the practice was, 0 to 10.")
    note: Text2000 | None = Field(None, description="A note.")


class PracticeEntryRecord(PracticeEntryFields, records.Record, table=True):
    """A practice entry, as stored."""

    __tablename__ = "practice_entry"
    __table_args__ = (*records.references(practice_id="practice"), Index(None, "owner_id", "day"))


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-000000000007",
    "practice_id": "019aa2c4-7b00-7000-8000-000000000006",
    "day": "2026-11-23",
    "outcome": "partly",
    "minutes": 6,
    "difficulty": 4,
    "note": "The tree was there before I was. I got up when the kettle called.",
}
PATCH_EXAMPLE: Final = {"outcome": "done", "minutes": 10}


@shapes.public(EXAMPLE)
class PracticeEntry(PracticeEntryFields, records.RecordPublic):
    """A practice entry, as its owner sees it."""


@shapes.draft(EXAMPLE)
class PracticeEntryDraft(PracticeEntryFields, records.RecordDraft):
    """A new practice entry."""


@shapes.patch(PATCH_EXAMPLE)
class PracticeEntryPatch(PracticeEntryFields):
    """A change of a practice entry (RFC 7396): an absent field is unchanged, null clears a field."""


PracticeEntryPage: Final = shapes.page(PracticeEntry, "A page of practice entries, newest first.")


class PracticeEntryFilters(records.Filters):
    """The filters of a list of practice entries."""

    practice_id: Id | None = Field(None, description="Only records of this practice.")
    outcome: list[EntryOutcome] | None = Field(None, description="Only entries with one of these outcomes.")
    day_from: Annotated[Day | None, Where("day", ">=")] = Field(None, description="Only records of this day or later.")
    day_to: Annotated[Day | None, Where("day", "<=")] = Field(None, description="Only entries for this day or earlier.")


def settle(_entry: PracticeEntryFields, _before: PracticeEntryFields | None, _view: View) -> Iterator[Fault]:
    """Yield no fault: practice entries have no rules. An entry may be for any day, even outside the schedule."""
    return iter(())


PRACTICE_ENTRIES: Final = records.Resource(
    collection="practice-entries",
    description="What became of a practice on a day.",
    text="note",
    happened=("day",),
    record=PracticeEntryRecord,
    fields=PracticeEntryFields,
    draft=PracticeEntryDraft,
    patch=PracticeEntryPatch,
    public=PracticeEntry,
    filters=PracticeEntryFilters,
    settle=settle,
    example=EXAMPLE,
    coupled=(frozenset({"day", "outcome"}),),
    on_delete_cascade="practice_id",
    journal=records.Journal(
        facts=("on {day}", "{outcome}", "{minutes} minutes", "difficulty {difficulty} of 10"),
    ),
)

router = PRACTICE_ENTRIES.router


@router.post(
    "",
    status_code=201,
    response_model=PracticeEntry,
    responses=records.create_responses(PracticeEntry),
    summary="Create a practice entry",
)
async def create_practice_entry(view: OwnRecords, draft: PracticeEntryDraft) -> Response:
    """Create a practice entry for any day, including a day in the past and a day on which the practice was not due."""
    return await records.create(view, PRACTICE_ENTRIES, draft)


@router.get("", response_model=PracticeEntryPage, responses=records.list_responses(), summary="List practice entries")
async def list_practice_entries(view: OwnRecords, filters: Annotated[PracticeEntryFilters, Query()]) -> Response:
    """Return your practice entries, newest first."""
    return await records.page(view, PRACTICE_ENTRIES, filters)


@router.get(
    "/{id:id}", response_model=PracticeEntry, responses=records.read_responses(), summary="Get a practice entry"
)
async def get_practice_entry(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one practice entry."""
    return await records.read(view, PRACTICE_ENTRIES, id, if_none_match)


@router.patch(
    "/{id:id}", response_model=PracticeEntry, responses=records.change_responses(), summary="Update a practice entry"
)
async def change_practice_entry(
    view: OwnRecords, id: Id, patch: PracticeEntryPatch, if_match: IfMatch = None
) -> Response:
    """Update a practice entry."""
    return await records.change(view, PRACTICE_ENTRIES, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete a practice entry")
async def remove_practice_entry(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete a practice entry.

    Deleting a record again returns 404.
    """
    return await records.remove(view, PRACTICE_ENTRIES, id, if_match)
