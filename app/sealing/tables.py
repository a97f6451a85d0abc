"""The table of data keys."""

from uuid import UUID

from sqlmodel import Field

from app.db import Table


class DataKeyRecord(Table, table=True):
    """A data key of an account, wrapped by the key-encryption key `kek_id`.

    New documents are sealed with the highest generation; older documents may need an earlier one.
    """

    __tablename__ = "data_key"

    owner_id: UUID = Field(primary_key=True, foreign_key="feed.owner_id")
    generation: int = Field(primary_key=True)
    kek_id: str
    wrapped: bytes
