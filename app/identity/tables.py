"""The tables of accounts, feeds, e-mailed codes, second factors, throttling, devices and refresh tokens."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db import Table


class Role(StrEnum):
    """The role of an account. Whatever its role, an account can access only its own records."""

    PERSON = "person"
    CLINICIAN = "clinician"
    ADMIN = "admin"


class AccountRecord(Table, table=True):
    """A verified account. `email_key` is its normalized e-mail address (`app.identity.fields.email_key`).

    `erase_at` is the time when a closed account will be erased. If `erase_at` equals `closed_at`, the account can no
    longer be reopened.
    """

    __tablename__ = "account"

    id: UUID = Field(primary_key=True)
    email: str
    email_key: str = Field(unique=True)
    password_hash: str
    display_name: str | None
    timezone: str
    locale: str
    region: str | None
    role: Role
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    erase_at: datetime | None = Field(index=True)


class Feed(Table, table=True):
    """The feed of one owner, created with the account.

    `head` is the sequence number of the owner's latest change, `floor` the highest sequence number of a purged
    tombstone, and `consents` the number of consents that have not ended.

    `records` is the number of the owner's records, and `document_bytes` the size of their sealed documents.
    `remembered_ops` is the number of pushed operations whose results are stored, so that a repeated push gets the same
    results. Each write updates these counts (decision 074).
    """

    __tablename__ = "feed"

    owner_id: UUID = Field(primary_key=True, foreign_key="account.id")
    head: int = Field(sa_type=sa.BigInteger)
    epoch: int
    floor: int = Field(sa_type=sa.BigInteger)
    consents: int
    records: int
    document_bytes: int = Field(sa_type=sa.BigInteger)
    remembered_ops: int


class MailedCode(Table):
    """A code that was sent to an e-mail address, stored as an HMAC."""

    id: UUID = Field(primary_key=True)
    email_key: str
    code_mac: bytes
    tries: int
    created_at: datetime
    expires_at: datetime


class Registration(MailedCode, table=True):
    """One attempt to register an e-mail address, with its own password and its own code.

    `network` is a keyed hash of the network that requested the code. `tries` is the number of wrong attempts from this
    network, `tries_elsewhere` the number from all other networks.
    """

    __tablename__ = "registration"
    __table_args__ = (sa.Index(None, "email_key", "created_at"), sa.Index(None, "created_at"))

    email: str
    password_hash: str
    display_name: str | None
    timezone: str
    locale: str
    region: str | None
    network: bytes
    tries_elsewhere: int


class ResetCode(MailedCode, table=True):
    """A code for a password reset."""

    __tablename__ = "reset_code"
    __table_args__ = (sa.Index(None, "email_key", "created_at"), sa.Index(None, "created_at"))


class ReopenCode(MailedCode, table=True):
    """A code that reopens a closed account."""

    __tablename__ = "reopen_code"
    __table_args__ = (sa.Index(None, "email_key", "created_at"), sa.Index(None, "created_at"))


class EmailChange(MailedCode, table=True):
    """A code that was sent to the requested new e-mail address of an account."""

    __tablename__ = "email_change"
    __table_args__ = (sa.Index(None, "email_key", "created_at"), sa.Index(None, "created_at"))

    account_id: UUID = Field(foreign_key="account.id", index=True)
    email: str


class SecondFactor(Table, table=True):
    """The second factor of an account. It is on once `confirmed_at` is set.

    `secret` is encrypted. `last_step` is the latest 30-second period whose code was used, counted since 1970.
    """

    __tablename__ = "second_factor"

    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    secret: bytes
    created_at: datetime
    confirmed_at: datetime | None
    last_step: int = Field(sa_type=sa.BigInteger)


class RecoveryCode(Table, table=True):
    """An unused recovery code of an account, stored as an HMAC."""

    __tablename__ = "recovery_code"

    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    code_mac: bytes = Field(primary_key=True)


class Throttle(Table, table=True):
    """The number of failures or requests since `began_at`, in the bucket with this key (`app.identity.buckets`).

    `reserved` is the number of attempts that are not decided yet. After `reserved_until`, these attempts count as
    failures.
    """

    __tablename__ = "throttle"

    key: bytes = Field(primary_key=True)
    began_at: datetime = Field(index=True)
    count: int
    reserved: int
    reserved_until: datetime | None


class DeviceRecord(Table, table=True):
    """A device that is or was signed in.

    `unused` is the tag of the device's newest refresh token until an access token with this tag is used, then null.
    While it is not null, the former refresh token can be sent again; `repeated` is true if it was sent again. The index
    `ix_device_signed_in` is partial in the migrations: it contains only devices that are signed in.
    """

    __tablename__ = "device"
    __table_args__ = (sa.Index(None, "account_id", "created_at"), sa.Index("ix_device_signed_in", "account_id"))

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    name: str | None
    created_at: datetime
    last_used_at: datetime
    ended_at: datetime | None
    unused: bytes | None
    repeated: bool


class RefreshToken(Table, table=True):
    """A refresh token of a device, stored as its SHA-256. Every token except the newest is superseded."""

    __tablename__ = "refresh_token"

    digest: bytes = Field(primary_key=True)
    device_id: UUID = Field(foreign_key="device.id", index=True)
    superseded_at: datetime | None
