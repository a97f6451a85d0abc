"""The tables of clinics and their clients."""

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
