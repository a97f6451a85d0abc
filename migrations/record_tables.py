"""Creates the table of a kind of record: a new kind's migration only names what is particular to it.

A migration that was released is never changed, so neither may be what it calls: keep the behaviour of
`create_record_table`, and write another function if tables of records get another form. Nothing here imports the models,
which are of today.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

COMMON_COLUMNS: Final = ("owner_id", "id", "seq", "created_at", "updated_at", "field_seq", "document", "visibility")
_VISIBILITIES: Final = ("private", "shared")


def create_record_table(
    table: str,
    *parts: sa.schema.SchemaItem,
    references: Mapping[str, str] | None = None,
    values: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Create the table of a kind of record, with its keys, its constraints and the indexes of its lists.

    `parts` are the kind's own columns, and constraints if it needs more than the usual ones. `references` maps each
    column that refers to another record to that record's table, `values` each enumerated column to the values it may
    have. All names are those that the models derive (`app.db.tables`).
    """
    references, values = references or {}, {"visibility": _VISIBILITIES, **(values or {})}
    op.create_table(
        table,
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("field_seq", sa.JSON(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        *parts,
        sa.PrimaryKeyConstraint("owner_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f(f"fk_{table}_owner_id")),
        *(value_check(table, column, some) for column, some in values.items()),
        *(_reference(table, column, target) for column, target in references.items()),
    )
    op.create_index(op.f(f"ix_{table}_owner_id_created_at_id"), table, ["owner_id", "created_at", "id"])
    op.create_index(op.f(f"ix_{table}_owner_id_seq"), table, ["owner_id", "seq"], unique=True)
    for column in references:
        op.create_index(
            op.f(f"ix_{table}_owner_id_{column}_created_at_id"),
            table,
            ["owner_id", column, "created_at", "id"],
            # SQLite would not use a partial index for a statement that looks for several references at once.
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def value_check(table: str, column: str, values: Sequence[str]) -> sa.CheckConstraint:
    """Return the constraint that an enumerated column has one of its values."""
    quoted = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({quoted})", name=op.f(f"ck_{table}_{column}_known"))


def _reference(table: str, column: str, target: str) -> Any:
    """Return the foreign key of a reference: to a record of the same owner, checked when the transaction commits."""
    return sa.ForeignKeyConstraint(
        ["owner_id", column],
        [f"{target}.owner_id", f"{target}.id"],
        name=op.f(f"fk_{table}_owner_id_{column}"),
        deferrable=True,
        initially="DEFERRED",
    )
