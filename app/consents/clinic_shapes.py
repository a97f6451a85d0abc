"""The shapes of invitations and connections, as a client of a clinic sends and sees them."""

from typing import Annotated, Final, Literal

from pydantic import MISSING, BaseModel, Field

from app.clinics.consent_tables import ConsentStatus
from app.clinics.tables import Purpose
from app.clock import Instant
from app.consents import examples
from app.consents.fields import MAX_IDENTIFIERS, Shares, System, Value
from app.consents.shapes import STATUS_CHANGES, Asks, ClinicName, Shape, TypedCode
from app.db import Row
from app.ids import Id
from app.openapi import example
from app.records.shapes import page

MAX_DAYS: Final = 30
DEFAULT_DAYS: Final = 7


class Identifier(Shape, json_schema_extra=example(examples.IDENTIFIER)):
    """A clinic's own identifier of a patient, such as the number of a chart."""

    system: System = Field(description="The system that the identifier belongs to: an absolute URI.")
    value: Value = Field(description="The identifier, unique in its system.")


class InvitationDraft(Shape, json_schema_extra=example(examples.INVITATION_DRAFT)):
    """A new invitation of a patient."""

    identifier: Identifier = Field(description="The clinic's identifier of the patient.")
    asks: Asks = Field(
        description="The terms that the clinic asks for. The patient can choose other `shares` and `receives`."
    )
    days: Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)] = Field(
        DEFAULT_DAYS, description="The days for which the code is valid."
    )


class Invitation(BaseModel, defer_build=True, json_schema_extra=example(examples.INVITATION)):
    """An open invitation."""

    id: Id = Field(description="The invitation's id.")
    identifier: Identifier = Field(description="The clinic's identifier of the patient.")
    asks: Asks = Field(description="The terms that the clinic asks for.")
    expires_at: Instant = Field(description="When the code expires.")


class InvitationWithCode(BaseModel, defer_build=True, json_schema_extra=example(examples.INVITATION_WITH_CODE)):
    """An invitation with its code."""

    id: Id = Field(description="The invitation's id.")
    code: str = Field(description="The code to give to the patient. It works once, and is returned only here.")
    identifier: Identifier = Field(description="The clinic's identifier of the patient.")
    asks: Asks = Field(description="The terms that the clinic asks for.")
    expires_at: Instant = Field(description="When the code expires.")


class ConnectionDraft(Shape, json_schema_extra=example(examples.CONNECTION_DRAFT)):
    """The code of a patient's proposal, and the clinic's identifier of this patient."""

    code: TypedCode = Field(description="The code that the patient shows, in either case, with or without dashes.")
    identifier: Identifier = Field(description="The clinic's identifier of the patient.")


class ConnectionPatch(Shape, json_schema_extra=example(examples.CONNECTION_PATCH)):
    """A change of a connection: the list of all its identifiers, or its end."""

    identifiers: Annotated[
        Annotated[list[Identifier], Field(max_length=MAX_IDENTIFIERS)] | MISSING,
        Field(description="All the clinic's identifiers of the patient, without duplicates."),
    ] = MISSING
    status: Annotated[
        Literal["inactive"] | MISSING,
        Field(description="Ends the connection and the patient's consent permanently. Send no other member."),
    ] = MISSING


class Connection(BaseModel, defer_build=True, json_schema_extra=example(examples.CONNECTION)):
    """A patient's consent, as the clinic sees it."""

    id: Id = Field(description="The patient's id. It is random, and the same if the patient consents again.")
    identifiers: list[Identifier] = Field(
        description="The clinic's identifiers of the patient, ordered by system and value."
    )
    status: ConsentStatus = Field(
        description="`active`; or `inactive`, only in the response to the request that ends the connection.",
        json_schema_extra={"x-transitions": STATUS_CHANGES},
    )
    shares: Shares = Field(description="The clinic sees the records of these collections whose visibility is `shared`.")
    receives: bool = Field(description="Whether the clinic may add sessions to the account.")
    purpose: Purpose = Field(description="The purpose for which the patient consented.")
    name: str | None = Field(description="The patient's name, as entered with the consent; null if none was entered.")
    until: Instant | None = Field(description="When the consent expires; null if it does not.")


class Limits(BaseModel, defer_build=True):
    """The limits of a clinic's requests."""

    connections: int = Field(ge=1, le=10_000, description="Maximum connections in a page.")
    identifiers: int = Field(ge=1, le=10_000, description="Maximum identifiers of a connection.")
    invitation_days: int = Field(ge=1, le=10_000, description="Maximum days for which an invitation is valid.")


class ClinicState(BaseModel, defer_build=True, json_schema_extra=example(examples.CLINIC_STATE)):
    """The calling client, its clinic, and the numbers of connections and managed sessions that it sees."""

    clinic: ClinicName = Field(description="The clinic.")
    client_id: Id = Field(description="The client that calls.")
    scopes: list[str] = Field(description="The scopes of the access token.")
    cursor: str = Field(
        description="The cursor after the changes that are numbered; `0` if there are none. Changes are numbered when "
        "a client of the clinic pulls, or within seconds if the clinic has a webhook. A pull from this cursor returns "
        "every change that is numbered later."
    )
    connections: int = Field(ge=0, le=2**31 - 1, description="The number of active connections.")
    sessions: int = Field(ge=0, le=2**31 - 1, description="The number of sessions that the clinic manages.")
    limits: Limits = Field(description="The limits of requests.")


InvitationPage: Final = page(Invitation, "A page of open invitations, newest first.")
ConnectionPage: Final = page(Connection, "A page of active connections, newest first.")


def public_invitation(row: Row) -> Row:
    """Return the row of an invitation as the API returns it to the clinic."""
    identifier = {"system": row["system"], "value": row["value"]}
    return {"id": row["id"], "identifier": identifier, "asks": row["asks"], "expires_at": row["expires_at"]}


def public_connection(row: Row, identifiers: list[Row]) -> Row:
    """Return the row of a consent as the API returns it to the clinic."""
    named = {name: row[name] for name in ("status", "shares", "receives", "purpose", "name", "until")}
    return {"id": row["patient_id"], "identifiers": identifiers} | named
