"""The tables of clinics, their clients, the bulk exports that these start, and webhooks."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db import Table


class Purpose(StrEnum):
    """What a clinic uses a patient's records for. A client sees only those under consents with its own purpose."""

    TREATMENT = "treatment"
    RESEARCH = "research"


class WebhookStatus(StrEnum):
    """Whether a webhook is delivered to."""

    ACTIVE = "active"
    DISABLED = "disabled"


class ClinicRecord(Table, table=True):
    """A clinic. Its share code is public: a patient enters it to propose a consent.

    `head` is the latest number of its changes, `floor` the highest number of a removal that was purged, and `epoch` rises
    when the database is restored from a backup.
    """

    __tablename__ = "clinic"

    id: UUID = Field(primary_key=True)
    name: str
    contact: str | None
    share_code: str = Field(unique=True)
    head: int = Field(sa_type=sa.BigInteger)
    epoch: int
    floor: int = Field(sa_type=sa.BigInteger)
    created_at: datetime
    ended_at: datetime | None


class ClientRecord(Table, table=True):
    """A client of a clinic, with its public keys (`jwks`) or the URL that returns them (`jwks_uri`)."""

    __tablename__ = "client"
    __table_args__ = (sa.CheckConstraint("(jwks IS NULL) <> (jwks_uri IS NULL)", name="keys_from_one_source"),)

    id: UUID = Field(primary_key=True)
    clinic_id: UUID = Field(foreign_key="clinic.id", index=True)
    jwks: list[dict[str, Any]] | None = Field(sa_type=sa.JSON)
    jwks_uri: str | None
    scopes: str
    purpose: Purpose
    created_at: datetime
    ended_at: datetime | None


class AssertionRecord(Table, table=True):
    """An assertion that was used for a token, until it expires: `jti` is the SHA-256 of its id."""

    __tablename__ = "assertion"

    client_id: UUID = Field(primary_key=True, foreign_key="client.id")
    jti: bytes = Field(primary_key=True)
    expires_at: datetime = Field(index=True)


class ExportRecord(Table, table=True):
    """A bulk export that a client started, until it expires: what it asked for. Its files are not stored.

    `types` are types of FHIR resource. `patients` are the ids of some of the clinic's patients, and `since` is an instant;
    each is null if everything was asked for. `request` is the URL of the request that started it.
    """

    __tablename__ = "export"

    client_id: UUID = Field(primary_key=True, foreign_key="client.id")
    id: UUID = Field(primary_key=True)
    types: list[str] = Field(sa_type=sa.JSON)
    patients: list[str] | None = Field(sa_type=sa.JSON)
    since: datetime | None
    request: str
    transaction_at: datetime
    expires_at: datetime = Field(index=True)


class WebhookRecord(Table, table=True):
    """A URL of a clinic that gets a message when there are changes for the clinic: while `delivered` is below its `head`.

    `message` is the head of the message that is being delivered, from `message_at` until it succeeds, so that each attempt
    sends the same one. `due_at` is the time of the next attempt; while one runs, the end of its lease. The secrets are sealed;
    the former one signs, too, until `former_until`.
    """

    __tablename__ = "webhook"

    clinic_id: UUID = Field(primary_key=True, foreign_key="clinic.id")
    id: UUID = Field(primary_key=True)
    url: str
    secret: bytes
    former_secret: bytes | None
    former_until: datetime | None
    status: WebhookStatus
    delivered: int = Field(sa_type=sa.BigInteger)
    delivered_at: datetime | None
    message: int | None = Field(sa_type=sa.BigInteger)
    message_at: datetime | None
    failures: int
    failing_since: datetime | None
    last_error: str | None
    due_at: datetime
    created_at: datetime
