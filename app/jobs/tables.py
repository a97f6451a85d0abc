"""The table of jobs."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db import Table


class JobRecord(Table, table=True):
    """A job that is not finished. While the job runs, `due_at` is the end of its lease. `payload` is encrypted."""

    __tablename__ = "job"

    id: UUID = Field(primary_key=True)
    kind: str
    payload: dict[str, Any] = Field(sa_type=sa.JSON)
    attempts: int
    created_at: datetime
    due_at: datetime = Field(index=True)
    expires_at: datetime
