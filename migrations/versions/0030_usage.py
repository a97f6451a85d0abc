"""what each owner has stored: records, bytes of documents, and remembered operations."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

COLUMNS = {"records": sa.Integer(), "document_bytes": sa.BigInteger(), "remembered_ops": sa.Integer()}
OF_RECORDS = {"owner_id", "id", "field_seq", "document"}
"""The columns by which the table of a kind of record is recognised; `length` counts the bytes of a binary column."""


def upgrade() -> None:
    """Change the schema, and count. The default is for servers of the former version that still run."""
    for name, kind in COLUMNS.items():
        op.add_column("feed", sa.Column(name, kind, nullable=False, server_default="0"))
    op.execute(count("remembered_ops = counted.number", "SELECT owner_id, 1 AS size FROM remembered_op"))
    stored = " UNION ALL ".join(f"SELECT owner_id, length(document) AS size FROM {table}" for table in tables())  # noqa: S608 - names of tables
    op.execute(count("records = counted.number, document_bytes = counted.size", stored))


def downgrade() -> None:
    """Undo the change."""
    for name in COLUMNS:
        op.drop_column("feed", name)


def tables() -> list[str]:
    """Return the tables of all kinds of records."""
    inspector = sa.inspect(op.get_bind())
    return [
        table
        for table in sorted(inspector.get_table_names())
        if {column["name"] for column in inspector.get_columns(table)} >= OF_RECORDS
    ]


def count(columns: str, rows: str) -> str:
    """Return the statement that sets columns of each feed from its owner's rows, which have a `size`."""
    return f"""
        UPDATE feed SET {columns}
        FROM (SELECT owner_id, count(*) AS number, sum(size) AS size FROM ({rows}) AS stored GROUP BY owner_id) AS counted
        WHERE counted.owner_id = feed.owner_id
    """  # noqa: S608 - names of tables and columns
