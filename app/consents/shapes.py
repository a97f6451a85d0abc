"""The shapes of consents, as the patient sends and sees them."""

from typing import Annotated, Any, Final, Literal

from pydantic import MISSING, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.clinics.consent_tables import ConsentStatus, EndedBy
from app.clinics.tables import Purpose
from app.clock import Instant
from app.consents import examples
from app.consents.fields import Shares
from app.identity.fields import Name
from app.ids import Id
from app.openapi import example
from app.records.shapes import page
from app.records.text import NO_NUL

_SHARES: Final = "The clinic sees the records of these collections whose visibility is `shared`."
_RECEIVES: Final = "Whether the clinic may add sessions to the account."
_NAME: Final = "The person's name, as the clinic sees it."
_UNTIL: Final = "When the consent expires; null if it does not."
_PURPOSE: Final = "What the clinic uses the records for. Clients of the clinic with another purpose do not see them."
TypedCode = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
"""A code as a person typed it. Any text is accepted; a text that does not have the form of a code is a wrong code."""
Receives = Annotated[bool, Field(strict=True)]
STATUS_CHANGES: Final[JsonDict] = {"active": ["inactive"], "inactive": [], "proposed": ["active", "inactive"]}
"""For each status of a consent, the statuses that may follow it."""


class Shape(BaseModel):
    """The base of request bodies, in which unknown members are errors."""

    model_config = ConfigDict(extra="forbid")


class ClinicName(BaseModel, defer_build=True, json_schema_extra=example(examples.CLINIC)):
    """A clinic."""

    id: Id = Field(description="The clinic's id.")
    name: str = Field(description="The clinic's name.")


class CodeDraft(Shape, json_schema_extra=example(examples.CODE_DRAFT)):
    """A code that a person got from a clinic."""

    code: TypedCode = Field(description="The code, in either case, with or without dashes.")


class Asks(Shape, json_schema_extra=example(examples.ASKS)):
    """The terms that a clinic asks for."""

    shares: Shares = Field(
        description="The clinic asks to see the records of these collections whose visibility is `shared`."
    )
    receives: Receives = Field(description="Whether the clinic wants to add sessions to the account.")
    purpose: Purpose = Field(description="What the clinic uses the records for.")


class Code(BaseModel, defer_build=True, json_schema_extra=example(examples.CODE)):
    """The result of looking up a clinic's code: its kind, its clinic and, for an invitation, its terms and expiry."""

    kind: Literal["invitation", "clinic"] = Field(
        description="`invitation`: the code of an invitation; a consent given with it is active at once. `clinic`: the "
        "share code of a clinic, with which a consent is proposed."
    )
    clinic: ClinicName = Field(description="The clinic.")
    asks: Asks | None = Field(description="The terms that the clinic asks for; null for a share code.")
    expires_at: Instant | None = Field(description="When the invitation expires; null for a share code.")


class ConsentDraft(Shape, json_schema_extra=example(examples.CONSENT_DRAFT)):
    """The terms of a new consent, and either the code of an invitation or the share code of a clinic."""

    code: TypedCode | None = Field(
        None, description="The code of an invitation, in either case, with or without dashes."
    )
    clinic: TypedCode | None = Field(
        None, description="The share code of a clinic, in either case, with or without dashes."
    )
    shares: Shares = Field(description=_SHARES)
    receives: Receives = Field(description=_RECEIVES)
    until: Instant | None = Field(None, description=f"{_UNTIL} Must be in the future.")
    name: Name | None = Field(None, description=_NAME)


class ConsentPatch(Shape, json_schema_extra=example(examples.CONSENT_PATCH)):
    """A change of the terms of a consent, or its end."""

    shares: Annotated[Shares | MISSING, Field(description=_SHARES)] = MISSING
    receives: Annotated[Receives | MISSING, Field(description=_RECEIVES)] = MISSING
    until: Annotated[Instant | MISSING | None, Field(description=f"{_UNTIL} Must be in the future.")] = MISSING
    name: Annotated[Name | MISSING | None, Field(description=_NAME)] = MISSING
    status: Annotated[
        Literal["inactive"] | MISSING,
        Field(description="Ends the consent permanently. Other members are then ignored."),
    ] = MISSING


class Consent(BaseModel, defer_build=True, json_schema_extra=example(examples.CONSENT)):
    """A consent: what a patient allows one clinic."""

    id: Id = Field(description="The consent's id.")
    clinic: ClinicName = Field(description="The clinic.")
    status: ConsentStatus = Field(
        description="`proposed`: the code is not used yet. `active`: in force. `inactive`: ended permanently.",
        json_schema_extra={"x-transitions": STATUS_CHANGES},
    )
    shares: Shares = Field(description=_SHARES)
    receives: bool = Field(description=_RECEIVES)
    purpose: Purpose = Field(description=_PURPOSE)
    name: str | None = Field(description=_NAME)
    until: Instant | None = Field(description=_UNTIL)
    created_at: Instant = Field(description="When the consent was given or proposed.")
    updated_at: Instant = Field(description="When the consent last changed.")
    ended_at: Instant | None = Field(description="When the consent ended; null if it has not.")
    ended_by: EndedBy | None = Field(
        description="What ended the consent: the patient, the clinic, `expiry` (of `until`, or of a proposal's code), "
        "the operator of the server, or a restore from a backup."
    )


class ConsentWithCode(Consent, defer_build=True, json_schema_extra=example(examples.CONSENT_WITH_CODE)):
    """A new consent, with the code if it is a proposal."""

    code: str | None = Field(
        description="The code of a proposal, to show at the clinic. It works once, is valid for seven days, and is "
        "returned only here. Null if the consent is already active."
    )


ConsentPage: Final = page(Consent, "A page of consents, newest first.")
CONSENT_MEMBERS: Final = tuple(Consent.model_fields)


def public_consent(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a consent as the API returns it to the owner."""
    return {
        name: {"id": row["clinic_id"], "name": row["clinic_name"]} if name == "clinic" else row[name]
        for name in CONSENT_MEMBERS
    }
