"""The models of the common FastAPI way: SQLModel tables, and the shapes that routes take and give."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

Kind = Literal["session", "integration"]
Status = Literal["proposed", "active", "on-hold", "completed", "cancelled"]
Domain = Literal["mind", "body", "spirit", "lifestyle", "relationships", "nature"]


class IntentionBase(SQLModel):
    visibility: str = "private"
    kind: str
    statement: str = Field(min_length=1, max_length=2000)
    why: str | None = Field(default=None, max_length=2000)
    session_id: UUID | None = None
    element_id: UUID | None = None
    derived_from_id: UUID | None = None
    domain: str | None = None
    status: str = "active"
    achievement: str | None = None
    target_on: date | None = None


class Intention(IntentionBase, table=True):
    owner_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)
    created_at: datetime
    updated_at: datetime
    field_seq: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSON))

    @property
    def version(self) -> int:
        return self.seq


class Account(SQLModel, table=True):
    id: UUID = Field(primary_key=True)
    email: str
    password_hash: str
    display_name: str | None
    timezone: str
    locale: str
    role: str
    closed_at: datetime | None


class Feed(SQLModel, table=True):
    owner_id: UUID = Field(primary_key=True)
    head: int = Field(sa_type=BigInteger)


class Change(SQLModel, table=True):
    owner_id: UUID = Field(primary_key=True)
    collection: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)
    deleted: bool = False
    written_at: datetime
    actor_id: UUID


class IntentionCreate(IntentionBase):
    id: UUID | None = None
    kind: Kind
    status: Status = "active"
    domain: Domain | None = None


class IntentionUpdate(SQLModel):
    visibility: str | None = None
    kind: Kind | None = None
    statement: str | None = Field(default=None, min_length=1, max_length=2000)
    why: str | None = Field(default=None, max_length=2000)
    domain: Domain | None = None
    status: Status | None = None
    achievement: str | None = None
    target_on: date | None = None


class IntentionPublic(IntentionBase):
    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


class IntentionsPublic(SQLModel):
    items: list[IntentionPublic]
    next_cursor: str | None


class ChangePublic(SQLModel):
    collection: str
    id: UUID
    version: int
    deleted: bool
    record: IntentionPublic | None


class ChangesPublic(SQLModel):
    changes: list[ChangePublic]
    cursor: int
    has_more: bool


class Op(SQLModel):
    op: Literal["upsert"]
    collection: Literal["intentions"]
    id: UUID
    set: IntentionCreate


class Push(SQLModel):
    ops: list[Op] = Field(max_length=500)


class Result(SQLModel):
    collection: str
    id: UUID
    outcome: str
    status: int
    version: int
    record: IntentionPublic


class Results(SQLModel):
    head: int
    results: list[Result]
