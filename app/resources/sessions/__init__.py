"""Sessions: therapy appointments for preparation, dosing or integration."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query
from pydantic import Field
from sqlalchemy import BigInteger, Index, Numeric
from sqlmodel import Field as Column

from app import records
from app.clock import Instant, Timezone
from app.http import Response
from app.ids import Id
from app.problems import Fault, InvalidTransition, Locked
from app.records import IfMatch, IfNoneMatch, OwnRecords, View, Where, shapes
from app.records.text import Dose, Text200, Text500, Text20000, ZeroToTen
from app.resources.sessions.terms import (
    DoseUnit,
    Medicine,
    MedicineRoute,
    SessionKind,
    SessionStatus,
    Setting,
    Supervision,
)

MAX_DURATION: Final = timedelta(hours=24)


class SessionFields(records.Fields):
    """The fields of a session that a client sets."""

    kind: SessionKind = Field(SessionKind.DOSING, description="The purpose of the appointment.")
    status: SessionStatus = Field(SessionStatus.PLANNED, description="The status.")
    status_reason: Text500 | None = Field(
        None, description="The reason for the status. Required for stopped, not-done and entered-in-error."
    )
    title: Text200 | None = Field(None, description="A title.")
    scheduled_at: Instant | None = Field(None, description="When the session is planned to start.")
    started_at: Instant | None = Field(
        None, description="When the session started. Required if it is completed or has ended."
    )
    ended_at: Instant | None = Field(
        None, description="When the session ended: not before started_at, and at most 24 hours after it."
    )
    timezone: Timezone = Field(description="IANA time zone of the place. The default is the owner's.")
    setting: Setting | None = Field(None, description="Where the session takes place.")
    supervision: Supervision | None = Field(None, description="Who supervises the session.")
    medicine: Medicine | None = Field(None, description="The medicine. Only in a dosing session.")
    route: MedicineRoute | None = Field(None, description="The route of administration. Only in a dosing session.")
    dose_value: Dose | None = Field(None, description="The dose, exactly. Requires dose_unit.")
    dose_unit: DoseUnit | None = Field(None, description="The unit of the dose. Requires dose_value.")
    intensity: ZeroToTen | None = Field(None, description="The intensity of the experience, 0 to 10.")
    notes: Text20000 | None = Field(None, description="Notes.")
    clinic_id: Id | None = Field(
        None,
        description="The clinic that manages the session: only this clinic can change the clinical fields. The owner "
        "can only set it to null, which detaches the session from the clinic; then the owner can change all fields.",
    )


class SessionRecord(SessionFields, records.Record, table=True):
    """A session, as stored.

    If a clinic manages the session, `system` and `value` are the clinic's identifier of the session, and `revision` is
    the highest revision of the session that the clinic sent. These columns are kept when the owner detaches the session
    from the clinic. In the migrations, both indexes that begin with `clinic_id` leave out rows in which it is null.
    """

    __tablename__ = "session"
    __table_args__ = (
        *records.references(),
        Index(None, "clinic_id", "owner_id"),
        Index(None, "clinic_id", "value"),
    )
    dose_value: Dose | None = Column(sa_type=Numeric(8, 3))
    clinic_id: UUID | None = Column(foreign_key="clinic.id")
    system: str | None
    value: str | None
    revision: int | None = Column(sa_type=BigInteger)


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


@shapes.draft(EXAMPLE, completed=("timezone",))
class SessionDraft(SessionFields, records.RecordDraft):
    """A new session."""


@shapes.patch(PATCH_EXAMPLE)
class SessionPatch(SessionFields):
    """A change of a session (RFC 7396): an absent field is unchanged, null clears a field."""


SessionPage: Final = shapes.page(Session, "A page of sessions, newest first.")


class SessionFilters(records.Filters):
    """The filters of a list of sessions."""

    status: list[SessionStatus] | None = Field(None, description="Only sessions with one of these statuses.")
    kind: list[SessionKind] | None = Field(None, description="Only sessions of these kinds.")
    started_from: Annotated[Instant | None, Where("started_at", ">=")] = Field(
        None, description="Only sessions that started at this time or later."
    )
    started_to: Annotated[Instant | None, Where("started_at", "<")] = Field(
        None, description="Only sessions that started before this time."
    )


TRANSITIONS: Final = records.transitions(
    {"planned": "in-progress completed not-done", "in-progress": "completed stopped"}, error="entered-in-error"
)
_NEEDS_A_REASON: Final = {SessionStatus.STOPPED, SessionStatus.NOT_DONE, SessionStatus.ENTERED_IN_ERROR}
_OF_DOSING: Final = ("medicine", "route", "dose_value", "dose_unit")


def settle(session: SessionFields, _before: SessionFields | None, view: View) -> Iterator[Fault]:
    """Check the rules of a session. Set its time zone to the owner's if no time zone was sent."""
    session.timezone = session.timezone or view.timezone
    if session.status in _NEEDS_A_REASON and not session.status_reason:
        yield Fault(
            "/status_reason",
            "reason-required",
            "Send the reason for a session that was stopped, not done or entered in error.",
        )
    if session.status == SessionStatus.COMPLETED and session.started_at is None:
        yield Fault("/started_at", "start-required", "Send started_at for a completed session.")
    if session.ended_at is not None:
        if session.started_at is None:
            yield Fault("/started_at", "start-required", "Send started_at for a session that has ended.")
        elif not session.started_at <= session.ended_at <= session.started_at + MAX_DURATION:
            yield Fault(
                "/ended_at",
                "end-out-of-range",
                "Send an end that is not before the start, and at most 24 hours after it.",
            )
    if session.kind != SessionKind.DOSING:
        for field in _OF_DOSING:
            if getattr(session, field) is not None:
                yield Fault(f"/{field}", "dosing-only", "Only a dosing session has a medicine, route or dose.")
    if (session.dose_value is None) != (session.dose_unit is None):
        yield Fault("/dose_unit", "both-or-neither", "Send both dose_value and dose_unit, or neither.")


SESSIONS: Final = records.Resource(
    collection="sessions",
    description="Therapy appointments: preparation, dosing and integration.",
    text="notes",
    record=SessionRecord,
    fields=SessionFields,
    draft=SessionDraft,
    patch=SessionPatch,
    public=Session,
    filters=SessionFilters,
    settle=settle,
    example=EXAMPLE,
    scope="Procedure",
    transitions=TRANSITIONS,
    coupled=(
        frozenset({"dose_value", "dose_unit", "kind", "medicine", "route"}),
        frozenset({"started_at", "ended_at"}),
        frozenset({"status", "status_reason"}),
    ),
    clinical=(
        *(
            "kind",
            "status",
            "status_reason",
            "scheduled_at",
            "started_at",
            "ended_at",
            "timezone",
            "setting",
            "supervision",
        ),
        *_OF_DOSING,
    ),
    of_clinics=("system", "value", "revision"),
    journal=records.Journal(
        name="{kind} session",
        dated_by=("started_at", "scheduled_at"),
        facts=(
            "{status}",
            "until {ended_at}",
            "{setting}",
            "{supervision}",
            "{medicine}",
            "{route}",
            "{dose_value} {dose_unit}",
            "intensity {intensity} of 10",
        ),
        labels={"status_reason": "Reason"},
    ),
)

router = SESSIONS.router


@router.post(
    "", status_code=201, response_model=Session, responses=records.create_responses(Session), summary="Create a session"
)
async def create_session(view: OwnRecords, draft: SessionDraft) -> Response:
    """Create a session that is planned or has taken place.

    If the client chooses the `id`, the same draft sent again returns the existing record. Without an `id`, each request
    creates a new record.
    """
    return await records.create(view, SESSIONS, draft)


@router.get("", response_model=SessionPage, responses=records.list_responses(), summary="List sessions")
async def list_sessions(view: OwnRecords, filters: Annotated[SessionFilters, Query()]) -> Response:
    """Return your sessions, newest first."""
    return await records.page(view, SESSIONS, filters)


@router.get("/{id:id}", response_model=Session, responses=records.read_responses(), summary="Get a session")
async def get_session(view: OwnRecords, id: Id, if_none_match: IfNoneMatch = None) -> Response:
    """Return one session."""
    return await records.read(view, SESSIONS, id, if_none_match)


@router.patch(
    "/{id:id}",
    response_model=Session,
    responses=records.change_responses(InvalidTransition, Locked),
    summary="Update a session",
)
async def change_session(view: OwnRecords, id: Id, patch: SessionPatch, if_match: IfMatch = None) -> Response:
    """Update a session.

    If the new status cannot follow the current one, the response is 409 with the allowed statuses. While a clinic
    manages the session, a change of a clinical field gets 409. To unlock the fields, set `clinic_id` to null.
    """
    return await records.change(view, SESSIONS, id, patch, if_match)


@router.delete("/{id:id}", status_code=204, responses=records.remove_responses(), summary="Delete a session")
async def remove_session(view: OwnRecords, id: Id, if_match: IfMatch = None) -> Response:
    """Delete a session and its elements. Other records that refer to them are kept; their references become null.

    Deleting a record again returns 404.
    """
    return await records.remove(view, SESSIONS, id, if_match)
