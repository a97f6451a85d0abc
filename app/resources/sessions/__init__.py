"""A session: one appointment of the therapy, whether to prepare, to take the medicine, or to integrate."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field
from sqlalchemy import Numeric
from sqlmodel import Field as Column

from app import records
from app.clock import Instant, Timezone
from app.http import Response
from app.ids import Id
from app.problems import Fault, InvalidTransition
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.text import Dose, Line, Short, Words, ZeroToTen
from app.resources.sessions.terms import (
    DoseUnit,
    Medicine,
    MedicineRoute,
    SessionKind,
    SessionStatus,
    Setting,
    Supervision,
)

LONGEST: Final = timedelta(hours=24)


class SessionFields(records.Fields):
    """What a person says of a session."""

    kind: SessionKind = Field(SessionKind.DOSING, description="What the appointment is for.")
    status: SessionStatus = Field(
        SessionStatus.PLANNED, description="How far it has come; it moves along fixed transitions."
    )
    status_reason: Line | None = Field(None, description="Why; required for stopped, not-done and entered-in-error.")
    title: Short | None = Field(None, description="What the person calls it.")
    scheduled_at: Instant | None = Field(None, description="When it is planned for.")
    started_at: Instant | None = Field(None, description="When it began; completed needs it.")
    ended_at: Instant | None = Field(None, description="When it ended: after its start, and within 24 hours of it.")
    timezone: Timezone = Field(description="IANA time zone of the place; by default the owner's.")
    setting: Setting | None = Field(None, description="Where it takes place.")
    supervision: Supervision | None = Field(None, description="Who watches over it.")
    medicine: Medicine | None = Field(None, description="What is taken; only in a dosing session.")
    route: MedicineRoute | None = Field(None, description="How it is taken; only in a dosing session.")
    dose_value: Dose | None = Field(None, description="How much is taken, exactly; goes with dose_unit.")
    dose_unit: DoseUnit | None = Field(None, description="What the dose is counted in; goes with dose_value.")
    intensity: ZeroToTen | None = Field(None, description="How strong it was, 0 to 10.")
    notes: Words | None = Field(None, description="Anything worth keeping.")


class SessionRecord(SessionFields, records.Record, table=True):
    """A session as stored."""

    __tablename__ = "session"
    __table_args__ = records.references()
    dose_value: Dose | None = Column(sa_type=Numeric(8, 3))


EXAMPLE: Final = {
    "id": "019aa2c4-7b00-7000-8000-000000000001",
    "kind": "dosing",
    "status": "completed",
    "title": "Second session",
    "started_at": "2026-11-20T09:30:00.000000Z",
    "ended_at": "2026-11-20T11:10:00.000000Z",
    "timezone": "Europe/Berlin",
    "setting": "clinic",
    "supervision": "in-person-clinician",
    "medicine": "racemic-ketamine",
    "route": "intramuscular",
    "dose_value": 62.5,
    "dose_unit": "mg",
    "intensity": 7,
    "notes": "Music from the first playlist. Cold hands at the beginning, then none at all.",
}
PATCH_EXAMPLE: Final = {"intensity": 8, "notes": "Stronger than the first time, and gentler."}


@shapes.public(EXAMPLE)
class Session(SessionFields, records.RecordPublic):
    """A session, as its owner sees it."""


@shapes.draft(EXAMPLE, left_out=("timezone",))
class SessionDraft(SessionFields, records.RecordDraft):
    """A session, about to be noted."""


@shapes.patch(PATCH_EXAMPLE)
class SessionPatch(SessionFields):
    """A change of a session: absent is unchanged, null is cleared."""


SessionPage: Final = shapes.page(Session, "A page of sessions, newest first.")


class SessionFilters(records.Filters):
    """Which sessions to list."""

    status: list[SessionStatus] | None = Field(None, description="Any of these statuses.")
    kind: list[SessionKind] | None = Field(None, description="Any of these kinds.")
    started_from: Annotated[Instant | None, Where("started_at", ">=")] = Field(None, description="Began then or later.")
    started_to: Annotated[Instant | None, Where("started_at", "<")] = Field(None, description="Began before then.")


TRANSITIONS: Final = records.transitions(
    {"planned": "in-progress completed not-done", "in-progress": "completed stopped"}, error="entered-in-error"
)
_NEEDS_A_REASON: Final = {SessionStatus.STOPPED, SessionStatus.NOT_DONE, SessionStatus.ENTERED_IN_ERROR}
_OF_DOSING: Final = ("medicine", "route", "dose_value", "dose_unit")


def settle(session: SessionFields, _before: SessionFields | None, view: View) -> Iterator[Fault]:
    """Hold the rules of a session; its time zone is the owner's where none is given."""
    session.timezone = session.timezone or view.timezone
    if session.status in _NEEDS_A_REASON and not session.status_reason:
        yield Fault("/status_reason", "reason-required", "Say why it was stopped, not done or entered in error.")
    if session.status == SessionStatus.COMPLETED and session.started_at is None:
        yield Fault("/started_at", "start-required", "A completed session needs its start.")
    if session.ended_at is not None:
        if session.started_at is None:
            yield Fault("/started_at", "start-required", "A session that ended needs its start.")
        elif not session.started_at <= session.ended_at <= session.started_at + LONGEST:
            yield Fault("/ended_at", "end-out-of-range", "A session ends after its start, within 24 hours of it.")
    if session.kind != SessionKind.DOSING:
        for field in _OF_DOSING:
            if getattr(session, field) is not None:
                yield Fault(f"/{field}", "dosing-only", "Medicine, route and dose belong to dosing sessions only.")
    if (session.dose_value is None) != (session.dose_unit is None):
        yield Fault("/dose_unit", "both-or-neither", "Give dose_value and dose_unit together, or neither.")


SESSIONS: Final = records.Resource(
    collection="sessions",
    record=SessionRecord,
    fields=SessionFields,
    draft=SessionDraft,
    patch=SessionPatch,
    public=Session,
    filters=SessionFilters,
    settle=settle,
    example=EXAMPLE,
    transitions=TRANSITIONS,
    coupled=(
        frozenset({"dose_value", "dose_unit", "kind", "medicine", "route"}),
        frozenset({"started_at", "ended_at"}),
        frozenset({"status", "status_reason"}),
    ),
)

router = SESSIONS.router


@router.post("", status_code=201, response_model=Session, responses=records.creating(Session), summary="Note a session")
async def create_session(view: OwnRecords, draft: SessionDraft) -> Response:
    """Note a session: one that is planned, or one that has taken place."""
    return await records.create(view, SESSIONS, draft)


@router.get("", response_model=SessionPage, responses=records.listing(), summary="List your sessions")
async def list_sessions(view: OwnRecords, filters: Annotated[SessionFilters, Query()]) -> Response:
    """See your sessions, newest first."""
    return await records.page(view, SESSIONS, filters)


@router.get("/{id:id}", response_model=Session, responses=records.reading(), summary="Read a session")
async def get_session(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """See one session."""
    return await records.read(view, SESSIONS, id, if_none_match)


@router.patch(
    "/{id:id}", response_model=Session, responses=records.changing(InvalidTransition), summary="Change a session"
)
async def change_session(view: OwnRecords, id: Id, patch: SessionPatch, if_match: IfMatch = None) -> Response:
    """Change a session. Its status moves along its transitions; another step is 409 and names where it can go."""
    return await records.change(view, SESSIONS, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.removing(), summary="Remove a session")
async def remove_session(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Remove a session with its elements. What else referred to them stays, without the reference."""
    return await records.remove(view, SESSIONS, id, if_match)
