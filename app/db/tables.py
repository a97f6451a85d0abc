"""What every stored class shares: named constraints, and enumerations kept as text under a CHECK.

Native enumerations of PostgreSQL do not survive a downgrade and an upgrade, and SQLite has none; text with a CHECK is
equal on both. Defaults are the shapes' business: a table takes exactly what it is given.
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
    """A class whose instances are rows; `Stored.table()` is what statements are written over."""

    model_config = {"defer_build": True}  # nothing is validated on its way into a row

    @classmethod
    def __table_cls__(cls, name: str, metadata: sa.MetaData, *parts: Any, **options: Any) -> sa.Table:
        checks = []
        for column in parts:
            if not isinstance(column, sa.Column):
                continue
            column.default = None
            if isinstance(column.type, sa.Enum):
                listed = ", ".join(f"'{member.value}'" for member in column.type.enum_class or ())
                checks.append(sa.CheckConstraint(f"{column.name} IN ({listed})", name=f"{column.name}_known"))
                column.type = sa.String()
            elif isinstance(column.type, AutoString):
                column.type = sa.String()  # how long a text may be is the shapes' business
            elif isinstance(column.type, sa.JSON):
                column.type = sa.JSON(none_as_null=True)
        return sa.Table(name, metadata, *parts, *checks, **options)

    @classmethod
    def table(cls) -> sa.Table:
        """Return the Core table."""
        table: sa.Table = cls.__dict__["__table__"]
        return table
