"""The rows behind every record: one change for each record ever seen, the record itself, and what syncing remembers."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db import Table
from app.records.shapes import Visibility


class Change(Table, table=True):
    """The latest change of one record: what a pull reads, and, once the record is removed, its tombstone.

    `document` is the record as its owner sees it, ready to be sent but for its id and version; a tombstone has none.
    """

    __table_args__ = (
        sa.UniqueConstraint("owner_id", "seq"),
        sa.CheckConstraint("(document IS NULL) = deleted", name="tombstones_are_empty"),
        sa.Index(None, "written_at"),  # of tombstones only, as its migration says: to say so here loads both dialects
    )

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    collection: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=sa.BigInteger)
    deleted: bool
    written_at: datetime
    actor_id: UUID
    visibility: Visibility | None
    document: str | None


class RememberedOp(Table, table=True):
    """An operation of a device that had its effect: asked again, it has none. Kept without its content."""

    __tablename__ = "remembered_op"

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    op_id: UUID = Field(primary_key=True)
    digest: bytes
    outcome: str
    status: int
    written_at: datetime = Field(index=True)


class Restoration(Table, table=True):
    """The number up to which a feed had the changes of an epoch, when its database was restored from a backup."""

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    epoch: int = Field(primary_key=True)
    head: int = Field(sa_type=sa.BigInteger)
    restored_at: datetime


class Restoring(Table, table=True):
    """How far a restoration has come through the feeds, in the order of their owners: one row, of id 1, while it is
    under way.
    """

    id: int = Field(primary_key=True)
    began_at: datetime
    through: UUID


class Record(Table):
    """What every record's row has besides its fields; `field_seq` is field → number of its last change."""

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=sa.BigInteger)
    created_at: datetime
    updated_at: datetime
    field_seq: dict[str, int] = Field(sa_type=sa.JSON)


def references(**fields: str) -> tuple[Any, ...]:
    """Return a record's table arguments: its list index, and per `field="referenced_table"` a key and an index.

    The keys are composite, so that the database itself refuses somebody else's record, and deferred, so that what
    belongs together may be written in any order. PostgreSQL's index leaves out what has no such reference, as
    its migration says; SQLite would then not find by it what refers to any of several.
    """
    parts: list[Any] = [sa.Index(None, "owner_id", "created_at", "id")]
    for field, referenced in fields.items():
        parts += [
            sa.ForeignKeyConstraint(
                ["owner_id", field],
                [f"{referenced}.owner_id", f"{referenced}.id"],
                deferrable=True,
                initially="DEFERRED",
            ),
            sa.Index(None, "owner_id", field, "created_at", "id"),
        ]
    return tuple(parts)
