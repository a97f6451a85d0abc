"""The tables that all kinds share: changes, former versions, remembered operations, restorations; and the base of the
kinds' tables.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db import Table
from app.records.shapes import Visibility, sealed_fields


class Change(Table, table=True):
    """The latest change of one record: who made it, and when. If the record was removed, this is its tombstone.

    `revised_at` is when the history last kept a former version of the record; null if it has kept none. `happened_at`
    is the record's time in the timeline (`Resource.happened_at`); null for a tombstone. In the migrations, the indexes
    of `seq` and `written_at` are partial (tombstones only). Declaring this here would load the dialects of both
    databases.
    """

    __table_args__ = (
        sa.Index(None, "owner_id", "seq"),
        sa.Index(None, "written_at"),
        sa.Index(None, "owner_id", "happened_at", "seq"),
    )

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    collection: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=sa.BigInteger)
    deleted: bool
    written_at: datetime
    actor_id: UUID
    visibility: Visibility | None
    revised_at: datetime | None
    happened_at: datetime | None


class Revision(Table, table=True):
    """A former version of a record, with its sealed document.

    The sealed document is copied as it is. Decrypting it takes `seq`, the sequence number of the version. `written_at`
    and `written_by` are the time and the device of the version; `replaced_at` is when a change replaced it.
    """

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    collection: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=sa.BigInteger)
    written_at: datetime
    written_by: UUID
    replaced_at: datetime = Field(index=True)
    document: bytes


class RememberedOp(Table, table=True):
    """The result of an operation that a device pushed, without the operation's content.

    If the device pushes the operation again, it gets this result, and the operation has no further effect.
    """

    __tablename__ = "remembered_op"

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    op_id: UUID = Field(primary_key=True)
    digest: bytes
    outcome: str
    status: int
    written_at: datetime = Field(index=True)


class Restoration(Table, table=True):
    """The head that a feed had in an epoch. The epoch ended because a restore or a failover lost later changes."""

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    epoch: int = Field(primary_key=True)
    head: int = Field(sa_type=sa.BigInteger)
    restored_at: datetime


class Restoring(Table, table=True):
    """The progress of `afterglow restored` through the feeds, ordered by owner: one row with the id 1 while it runs."""

    id: int = Field(primary_key=True)
    began_at: datetime
    through: UUID


class Record(Table):
    """The columns that the table of every kind has in addition to the kind's fields.

    `field_seq` maps a field to the sequence number of its last change. `document` is the record's sealed JSON, as its
    owner gets it, without `id` and `version`. Fields with a person's words have no column: they are only in the
    document.
    """

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=sa.BigInteger)
    created_at: datetime
    updated_at: datetime
    field_seq: dict[str, int] = Field(sa_type=sa.JSON)
    document: bytes

    @classmethod
    def __table_cls__(cls, name: str, metadata: sa.MetaData, *parts: Any, **options: Any) -> sa.Table:
        sealed = sealed_fields(cls)
        stored = [part for part in parts if not (isinstance(part, sa.Column) and part.name in sealed)]
        return super().__table_cls__(name, metadata, *stored, **options)


def references(**fields: str) -> tuple[Any, ...]:
    """Return SQLAlchemy's arguments for a kind's table: the indexes for lists and pulls, and the references.

    References are given as `field="target_table"`. Each has a foreign key and an index. The foreign keys are composite,
    so that the database refuses a reference to another owner's record, and deferred, so that a transaction can write
    its rows in any order. In the migrations, the index of a reference is partial on PostgreSQL (`IS NOT NULL`). On
    SQLite it is not, because SQLite would not use a partial index to find the referrers of several records.
    """
    parts: list[Any] = [
        sa.Index(None, "owner_id", "created_at", "id"),
        sa.Index(None, "owner_id", "seq", unique=True),
    ]
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
