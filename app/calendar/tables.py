"""The table of calendar links."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db import Table


class CalendarLinkRecord(Table, table=True):
    """A calendar link of an account. Deleting a link deletes its row.

    `digest` is the SHA-256 of the secret in the link's URL; the secret itself is not stored. `label` is sealed with the
    account's data key.
    """

    __tablename__ = "calendar_link"
    __table_args__ = (sa.Index(None, "account_id", "created_at"),)

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    digest: bytes = Field(unique=True)
    label: bytes | None
    titles: bool
    created_at: datetime
    last_used_at: datetime | None
