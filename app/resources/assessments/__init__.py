"""Assessments: a person's answers to an instrument (a questionnaire), and the score of the answers."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import JSON, Index
from sqlmodel import Field as Column

from app import clock, records
from app.clock import Instant, Timezone
from app.http import Response
from app.ids import Id
from app.library import Instrument, Library, Scoring, score
from app.library.instruments import Code, Points
from app.problems import Fault, InvalidTransition
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.text import Sealed
from app.resources.assessments.terms import Answers, AssessmentStatus, Timepoint

HELP: Final = "/v1/help"
_READ_ONLY: Final[dict[str, Any]] = {"readOnly": True}


class AssessmentFields(records.Fields):
    """The fields of an assessment that a client sets."""

    instrument: str = Field(
        min_length=1,
        max_length=40,
        description="The code of the instrument, as in `GET /v1/instruments`. It cannot change.",
        examples=["phq-9"],
    )
    instrument_version: str = Field(
        min_length=1, max_length=4, description="The instrument's version. The default is the newest. It cannot change."
    )
    answers: Answers = Field(
        description="One answer for each item of the instrument, in the order of the items: an integer within the "
        "bounds of the item, or null if the item is not answered."
    )
    status: AssessmentStatus = Field(AssessmentStatus.COMPLETED, description="The status.")
    taken_at: Instant = Field(description="When the questions were answered. The default is now.")
    timezone: Timezone = Field(description="IANA time zone of the place. The default is the owner's.")
    session_id: Id | None = Field(None, description="The session that the assessment belongs to.")
    timepoint: Timepoint | None = Field(None, description="The point in the therapy at which the assessment was made.")


class AssessmentScore(BaseModel, defer_build=True):
    """The members of an assessment that the server computes from the answers at each create and each change."""

    scoring: Annotated[Scoring, Sealed()] = Field(
        description="How the total was computed.", json_schema_extra=_READ_ONLY
    )
    total: Annotated[Points, Sealed()] | None = Field(
        description="The total; null if too many items are not answered.", json_schema_extra=_READ_ONLY
    )
    subscales: Annotated[dict[str, Points], Sealed()] | None = Field(
        description="The sum of each subscale, by its code; null if the instrument has no subscales, or a scored item "
        "is not answered.",
        json_schema_extra=_READ_ONLY,
    )
    band: Annotated[str, Sealed()] | None = Field(
        description="The code of the band that contains the total; null if there is none.", json_schema_extra=_READ_ONLY
    )
    flags: Annotated[list[str], Sealed()] = Field(
        description="Codes of answers that need an immediate response: `self-harm`. Expect new codes. The app must "
        "show `help`, even while the questionnaire is being filled in: the server notifies no person.",
        json_schema_extra=_READ_ONLY,
    )
    help: Annotated[str, Sealed()] | None = Field(
        description="The path of the help that the app must show if there are flags; null without flags.",
        json_schema_extra=_READ_ONLY,
    )


class AssessmentRecord(AssessmentFields, records.Record, table=True):
    """An assessment, as stored. Its answers and its score are in the sealed document only."""

    __tablename__ = "assessment"
    __table_args__ = (*records.references(session_id="session"), Index(None, "owner_id", "taken_at"))
    answers: Answers = Column(sa_type=JSON)


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-00000000000c",
    "instrument": "phq-9",
    "instrument_version": "1",
    "answers": [1, 1, 2, 1, 0, 1, 1, 0, 0, 1],
    "status": "completed",
    "taken_at": "2026-11-22T18:20:00.000000Z",
    "timezone": "Europe/Berlin",
    "session_id": "019aa2c4-7b00-7000-8000-000000000001",
    "timepoint": "after-session",
}
PATCH_EXAMPLE: Final = {"answers": [1, 1, 2, 1, 0, 1, 1, 1, 0, 1]}
_SCORE: Final = {"scoring": "complete", "total": 7, "subscales": None, "band": "mild", "flags": [], "help": None}


@shapes.public(EXAMPLE | _SCORE)
class Assessment(AssessmentScore, AssessmentFields, records.RecordPublic):
    """An assessment, as its owner sees it."""


@shapes.draft(EXAMPLE, completed=("instrument_version", "taken_at", "timezone"))
class AssessmentDraft(AssessmentFields, records.RecordDraft):
    """A new assessment."""


@shapes.patch(PATCH_EXAMPLE)
class AssessmentPatch(AssessmentFields):
    """A change of an assessment (RFC 7396): an absent field is unchanged, null clears a field."""


AssessmentPage: Final = shapes.page(Assessment, "A page of assessments, newest first.")


class AssessmentFilters(records.Filters):
    """The filters of a list of assessments."""

    instrument: Code | None = Field(None, description="Only assessments with the instrument with this code.")
    status: list[AssessmentStatus] | None = Field(None, description="Only assessments with one of these statuses.")
    session_id: Id | None = Field(None, description="Only records of this session.")
    taken_from: Annotated[Instant | None, Where("taken_at", ">=")] = Field(
        None, description="Only records from this time or later."
    )
    taken_to: Annotated[Instant | None, Where("taken_at", "<")] = Field(
        None, description="Only records from before this time."
    )


TRANSITIONS: Final = records.transitions({"in-progress": "completed"}, error="entered-in-error")


def settle(assessment: Assessment, before: Assessment | None, view: View) -> Iterator[Fault]:
    """Check the rules of an assessment, and compute its score.

    Set the members that were not sent: the instrument's version to the newest, the time to now, and the time zone to
    the owner's.
    """
    assessment.taken_at = assessment.taken_at or clock.now()
    assessment.timezone = assessment.timezone or view.timezone
    library = view.caller.services.library
    instrument = library.instrument(assessment.instrument, assessment.instrument_version)
    if instrument is None:
        yield _unknown(library, assessment)
        return
    assessment.instrument_version = instrument.version
    if before is not None:
        for field in ("instrument", "instrument_version"):
            if getattr(assessment, field) != getattr(before, field):
                message = "The instrument of an assessment cannot be changed. Create another assessment."
                yield Fault(f"/{field}", "instrument-fixed", message)
    faults = [*_answer_faults(instrument, assessment.answers)]
    yield from faults
    if not faults:
        found = score(instrument, assessment.answers, assessment.status)
        assessment.scoring, assessment.total, assessment.subscales, assessment.band, assessment.flags = found
        assessment.help = HELP if found.flags else None


def _unknown(library: Library, assessment: AssessmentFields) -> Fault:
    versions = library.versions.get(assessment.instrument)
    if versions is None:
        known = ", ".join(library.codes)
        return Fault("/instrument", "unknown-instrument", f"Send the code of an instrument: {known}.")
    known = ", ".join(map(str, versions))
    return Fault("/instrument_version", "unknown-instrument", f"Send a version of this instrument: {known}.")


def _answer_faults(instrument: Instrument, answers: list[int | None]) -> Iterator[Fault]:
    if len(answers) != len(instrument.items):
        message = f"Send {len(instrument.items)} answers, one for each item in order, with null for an unanswered item."
        yield Fault("/answers", "answers-mismatch", message)
        return
    for position, (item, answer) in enumerate(zip(instrument.items, answers, strict=True)):
        if answer is not None and not item.least <= answer <= item.most:
            message = f"Send an answer from {item.least} to {item.most}, or null."
            yield Fault(f"/answers/{position}", "answers-mismatch", message)


ASSESSMENTS: Final = records.Resource(
    collection="assessments",
    description="Answers to questionnaires, and their scores.",
    text=None,
    record=AssessmentRecord,
    fields=AssessmentFields,
    draft=AssessmentDraft,
    patch=AssessmentPatch,
    public=Assessment,
    filters=AssessmentFilters,
    settle=settle,
    example=EXAMPLE,
    scope="QuestionnaireResponse",
    transitions=TRANSITIONS,
    coupled=(frozenset({"instrument", "instrument_version", "answers", "status"}),),
    computed=AssessmentScore,
    filled_in=frozenset({"instrument_version"}),
    journal=records.Journal(
        name="questionnaire {instrument}",
        dated_by=("taken_at",),
        facts=(
            "{timepoint}",
            "{status}",
            "total {total}",
            "{band}",
            "{scoring}",
            "answers {answers}",
            "version {instrument_version}",
        ),
    ),
)

router = ASSESSMENTS.router


@router.post(
    "",
    status_code=201,
    response_model=Assessment,
    responses=records.create_responses(Assessment),
    summary="Create an assessment",
)
async def create_assessment(view: OwnRecords, draft: AssessmentDraft) -> Response:
    """Create an assessment: the answers to an instrument. The server computes the score and the `flags`."""
    return await records.create(view, ASSESSMENTS, draft)


@router.get("", response_model=AssessmentPage, responses=records.list_responses(), summary="List assessments")
async def list_assessments(view: OwnRecords, filters: Annotated[AssessmentFilters, Query()]) -> Response:
    """Return your assessments, newest first."""
    return await records.page(view, ASSESSMENTS, filters)


@router.get("/{id:id}", response_model=Assessment, responses=records.read_responses(), summary="Get an assessment")
async def get_assessment(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one assessment."""
    return await records.read(view, ASSESSMENTS, id, if_none_match)


@router.patch(
    "/{id:id}",
    response_model=Assessment,
    responses=records.change_responses(InvalidTransition),
    summary="Update an assessment",
)
async def change_assessment(view: OwnRecords, id: Id, patch: AssessmentPatch, if_match: IfMatch = None) -> Response:
    """Update an assessment, for example its answers. The score is computed again. The instrument cannot be changed.

    If the new status cannot follow the current one, the response is 409 with the allowed statuses.
    """
    return await records.change(view, ASSESSMENTS, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete an assessment")
async def remove_assessment(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete an assessment.

    Deleting a record again returns 404.
    """
    return await records.remove(view, ASSESSMENTS, id, if_match)
