"""The models and shapes of the Litestar contestant: declarative SQLAlchemy, and msgspec."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import JSON, BigInteger
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Kind = Literal["session", "integration"]
Status = Literal["proposed", "active", "on-hold", "completed", "cancelled"]
Domain = Literal["mind", "body", "spirit", "lifestyle", "relationships", "nature"]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTimeUTC(timezone=True)}  # noqa: RUF012 - as SQLAlchemy documents it


class Intention(Base):
    __tablename__ = "intention"

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    field_seq: Mapped[Any] = mapped_column(JSON, default=dict, deferred=True)
    visibility: Mapped[str] = mapped_column(default="private")
    kind: Mapped[str]
    statement: Mapped[str]
    why: Mapped[str | None]
    session_id: Mapped[UUID | None]
    element_id: Mapped[UUID | None]
    derived_from_id: Mapped[UUID | None]
    domain: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="active")
    achievement: Mapped[str | None]
    target_on: Mapped[date | None]

    @property
    def version(self) -> int:
        return self.seq


class Feed(Base):
    __tablename__ = "feed"

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    head: Mapped[int] = mapped_column(BigInteger)


class Change(Base):
    __tablename__ = "change"

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    collection: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    deleted: Mapped[bool] = mapped_column(default=False)
    written_at: Mapped[datetime]
    actor_id: Mapped[UUID]


class Draft(msgspec.Struct, forbid_unknown_fields=True):
    kind: Kind
    statement: Words
    id: UUID | None = None
    visibility: Literal["private", "shared"] = "private"
    why: str | None = None
    domain: Domain | None = None
    status: Status = "active"
    achievement: str | None = None
    target_on: date | None = None


class Patch(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    kind: Kind | msgspec.UnsetType = msgspec.UNSET
    statement: Words | msgspec.UnsetType = msgspec.UNSET
    visibility: Literal["private", "shared"] | msgspec.UnsetType = msgspec.UNSET
    why: str | None | msgspec.UnsetType = msgspec.UNSET
    domain: Domain | None | msgspec.UnsetType = msgspec.UNSET
    status: Status | msgspec.UnsetType = msgspec.UNSET
    achievement: str | None | msgspec.UnsetType = msgspec.UNSET
    target_on: date | None | msgspec.UnsetType = msgspec.UNSET


class Public(msgspec.Struct):
    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    visibility: str
    kind: str
    statement: str
    why: str | None
    session_id: UUID | None
    element_id: UUID | None
    derived_from_id: UUID | None
    domain: str | None
    status: str
    achievement: str | None
    target_on: date | None


class Page(msgspec.Struct):
    items: list[Public]
    next_cursor: str | None


class ChangePublic(msgspec.Struct):
    collection: str
    id: UUID
    version: int
    deleted: bool
    record: Public


class Changes(msgspec.Struct):
    changes: list[ChangePublic]
    cursor: int
    has_more: bool


class Op(msgspec.Struct):
    op: Literal["upsert"]
    collection: Literal["intentions"]
    id: UUID
    set: Draft


class Push(msgspec.Struct):
    ops: Annotated[list[Op], msgspec.Meta(max_length=500)]


class Result(msgspec.Struct):
    collection: str
    id: UUID
    outcome: str
    status: int
    version: int
    record: Public


class Results(msgspec.Struct):
    head: int
    results: list[Result]


class Owner(msgspec.Struct):
    id: UUID
