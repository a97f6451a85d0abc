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

    `revised_at` is when a former version of the record was last kept; null if none was. `happened_at` is when what the
    record tells of happened (`Resource.happened_at`), for the timeline; null for a tombstone. The indexes of `seq` and
    `written_at` are partial (tombstones only) in the migrations: to declare that here would load both dialects.
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

    The document is copied without sealing it again. It can be decrypted only with `seq`, the number of that version.

    `written_at` and `written_by` are when and by which device that version was written, `replaced_at` is when a change
    replaced it.
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
    """The result of an operation that a device pushed, without its content: pushed again, it has no further effect."""

    __tablename__ = "remembered_op"

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    op_id: UUID = Field(primary_key=True)
    digest: bytes
    outcome: str
    status: int
    written_at: datetime = Field(index=True)


class Restoration(Table, table=True):
    """The head that a feed had in an epoch that ended when its database was restored from a backup."""

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
    """The columns of every kind besides its fields; `field_seq` maps a field to the sequence number of its last change.

    `document` is the record's JSON as sent to its owner, without `id` and `version`, sealed. Fields with a person's words
    have no column: they are in the document only.
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
    """Return the table arguments of a kind: the indexes of its list and of a pull, and what each reference needs.

    References are given as `field="target_table"`; each has a foreign key and an index. The foreign keys are composite, so
    that the database refuses another owner's record, and deferred, so that the rows of one transaction may be written in
    any order. PostgreSQL's index is partial (`IS NOT NULL`, in the migration); SQLite would not use a partial index to find
    the referrers of several records.
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
