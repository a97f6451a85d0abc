"""The declarative base of all table classes: named constraints, and enumerations stored as text with a CHECK.

A migration that creates PostgreSQL's native enumerations fails if it is downgraded and then upgraded again, and SQLite
has no enumerations. Text with a CHECK works on both. Columns have no defaults: the code that writes a row sets every
column.
"""

from typing import Any

import sqlalchemy as sa
from sqlmodel import AutoString, SQLModel

SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Table(SQLModel):
    """The base of all table classes. `table()` returns the SQLAlchemy Core table that statements are built from."""

    model_config = {"defer_build": True}  # rows are not validated, so no validator is built

    @classmethod
    def __table_cls__(cls, name: str, metadata: sa.MetaData, *parts: Any, **options: Any) -> sa.Table:
        checks = []
        for column in parts:
            if not isinstance(column, sa.Column):
                continue
            column.default = None
            if isinstance(column.type, sa.Enum):
                values = ", ".join(f"'{member.value}'" for member in column.type.enum_class or ())
                checks.append(sa.CheckConstraint(f"{column.name} IN ({values})", name=f"{column.name}_known"))
                column.type = sa.String()
            elif isinstance(column.type, AutoString):
                column.type = sa.String()  # the models of requests limit the length of a text
            elif isinstance(column.type, sa.JSON):
                column.type = sa.JSON(none_as_null=True)
        return sa.Table(name, metadata, *parts, *checks, **options)

    @classmethod
    def table(cls) -> sa.Table:
        """Return the SQLAlchemy Core table of this class."""
        table: sa.Table = cls.__dict__["__table__"]
        return table
