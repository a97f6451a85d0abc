"""The tables that connect clinics with patients: invitations, patients, consents, shared items and accesses.

They are in a layer below `records`, because the statements of `records` check consents. `app.consents` writes most of
the rows.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.clinics.tables import Purpose
from app.db import Table


class ConsentStatus(StrEnum):
    """The status of a consent.

    `proposed`: the clinic has not redeemed the code of the consent yet. `active`: in force. `inactive`: ended, for
    good.
    """

    PROPOSED = "proposed"
    ACTIVE = "active"
    INACTIVE = "inactive"


class EndedBy(StrEnum):
    """What ended a consent. `expiry`: its `until` has passed or its code has expired. `restore`: a restored backup."""

    PATIENT = "patient"
    CLINIC = "clinic"
    EXPIRY = "expiry"
    OPERATOR = "operator"
    RESTORE = "restore"


class Action(StrEnum):
    """An action on a patient's records (`read`, `export`, `write`) or on a consent (`connect`, `change`, `end`)."""

    READ = "read"
    EXPORT = "export"
    WRITE = "write"
    CONNECT = "connect"
    CHANGE = "change"
    END = "end"


class InvitationRecord(Table, table=True):
    """A clinic's invitation to a patient. `system` and `value` are the clinic's identifier of the patient, and `asks`
    are the terms that the clinic wants.
    """

    __tablename__ = "invitation"
    __table_args__ = (sa.Index(None, "clinic_id", "created_at", "id"),)

    clinic_id: UUID = Field(primary_key=True, foreign_key="clinic.id")
    id: UUID = Field(primary_key=True)
    code_mac: bytes = Field(unique=True)
    system: str
    value: str
    asks: dict[str, Any] = Field(sa_type=sa.JSON)
    created_at: datetime
    expires_at: datetime
    used_by: UUID | None = Field(foreign_key="feed.owner_id", index=True)
    used_at: datetime | None


class PatientRecord(Table, table=True):
    """The random id by which a clinic knows an owner. All consents of the owner for the clinic use the same id."""

    __tablename__ = "patient"
    __table_args__ = (sa.UniqueConstraint("clinic_id", "owner_id"),)

    clinic_id: UUID = Field(primary_key=True, foreign_key="clinic.id")
    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="feed.owner_id", index=True)


class PatientIdentifier(Table, table=True):
    """One of a clinic's own identifiers of a patient with an active consent. The end of the consent deletes the row."""

    __tablename__ = "patient_identifier"
    __table_args__ = (
        sa.ForeignKeyConstraint(["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"]),
        sa.Index(None, "clinic_id", "patient_id"),
    )

    clinic_id: UUID = Field(primary_key=True)
    system: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    patient_id: UUID


class ConsentRecord(Table, table=True):
    """What an owner allows one clinic.

    `head` is the latest version of the clinic's connection: each change that the clinic sees raises it by one.
    `code_mac` and `code_expires_at` belong to the code of a proposed consent. `ends_at` is when the consent expires;
    null if the consent does not expire, or has ended. In the migrations, the unique index covers only consents that are
    not `inactive`: an owner has at most one such consent for each clinic.
    """

    __tablename__ = "consent"
    __table_args__ = (
        sa.ForeignKeyConstraint(["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"]),
        sa.Index(None, "owner_id", "clinic_id", unique=True),
        sa.Index(None, "owner_id", "created_at", "id"),
        sa.Index(None, "clinic_id", "created_at", "patient_id"),
    )

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    id: UUID = Field(primary_key=True)
    clinic_id: UUID = Field(foreign_key="clinic.id")
    patient_id: UUID | None
    status: ConsentStatus
    shares: list[str] = Field(sa_type=sa.JSON)
    receives: bool
    purpose: Purpose
    name: str | None
    until: datetime | None
    head: int = Field(sa_type=sa.BigInteger)
    code_mac: bytes | None = Field(unique=True)
    code_expires_at: datetime | None
    ends_at: datetime | None = Field(index=True)
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    ended_by: EndedBy | None


class SharedItem(Table, table=True):
    """The latest change of one record, or of the connection itself, for one clinic that has a consent.

    `version` is the consent's `head` after the change. `number` is the position of the change among all changes for the
    clinic, of all patients; null until the clinic next pulls. `removed` is true if the clinic no longer sees the
    record. In the migrations, two indexes are partial: the index of `clinic_id` covers only changes without a number,
    and the index of `changed_at` only removals.
    """

    __tablename__ = "shared_item"
    __table_args__ = (
        sa.Index(None, "clinic_id", "number"),
        sa.Index(None, "clinic_id", "collection", "id"),
        sa.Index(None, "clinic_id"),
        sa.Index(None, "changed_at"),
    )

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    clinic_id: UUID = Field(primary_key=True, foreign_key="clinic.id")
    collection: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    number: int | None = Field(sa_type=sa.BigInteger)
    removed: bool
    changed_at: datetime


class AccessRecord(Table, table=True):
    """One access to an owner's data by a clinic, or one change of a consent. Only erasing the account deletes it."""

    __tablename__ = "access"

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    id: UUID = Field(primary_key=True)
    at: datetime
    clinic_id: UUID = Field(foreign_key="clinic.id")
    client_id: UUID | None = Field(foreign_key="client.id")
    action: Action
    collection: str
    ids: list[str] = Field(sa_type=sa.JSON)
    request_id: str | None
