"""The rows behind every record: one change for each record ever seen, and the record itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db import Stored


class Change(Stored, table=True):
    """The latest change of one record: what a pull reads, and, once the record is removed, its tombstone."""

    __table_args__ = (sa.UniqueConstraint("owner_id", "seq"),)

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    collection: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=sa.BigInteger)
    deleted: bool
    written_at: datetime
    written_by: UUID


class Record(Stored):
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
    belongs together may be written in any order.
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
