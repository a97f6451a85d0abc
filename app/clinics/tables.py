"""The tables of clinics, clients, used assertions, bulk exports and webhooks."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db import Table


class Purpose(StrEnum):
    """The purpose for which a clinic uses records. A client sees only records under consents with its own purpose."""

    TREATMENT = "treatment"
    RESEARCH = "research"


class WebhookStatus(StrEnum):
    """Whether messages are sent to a webhook."""

    ACTIVE = "active"
    DISABLED = "disabled"


class ClinicRecord(Table, table=True):
    """A clinic. Its share code is public: a patient enters it to propose a consent.

    Changes for a clinic are numbered: `head` is the number of the latest change, and `floor` the highest number of a
    purged removal. `epoch` rises when the database is restored from a backup.
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
    """An assertion that was used, stored until it expires. `jti` is the SHA-256 of the claim `jti`."""

    __tablename__ = "assertion"

    client_id: UUID = Field(primary_key=True, foreign_key="client.id")
    jti: bytes = Field(primary_key=True)
    expires_at: datetime = Field(index=True)


class ExportRecord(Table, table=True):
    """A bulk export that a client started, stored until it expires: its parameters, without its files.

    `types` are FHIR resource types. `patients` are ids of the clinic's patients, null for all patients. `since` is an
    instant, null for changes of all times. `request` is the URL of the request that started the export.
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
    """A URL of a clinic that gets a message when there are changes for the clinic.

    `delivered` is the clinic's `head` in the latest delivered message: a message is due while the clinic has a higher
    `head`. `message` is the `head` in the message that is being delivered, and `message_at` the message's time. They
    are stored until the delivery succeeds, so that each attempt sends the same message. `due_at` is the time of the
    next attempt or, while an attempt runs, the end of its lease. The secrets are sealed. Until `former_until`, messages
    are signed with both secrets.
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
