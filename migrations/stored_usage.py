"""Counts what each owner has stored, in the columns of the feed's row."""

import sqlalchemy as sa
from alembic import op

OF_RECORDS = {"owner_id", "id", "field_seq", "document"}
"""The columns by which the table of a kind of record is recognised; `length` counts the bytes of a binary column."""


def count_documents() -> None:
    """Count the records and the bytes of their documents."""
    stored = " UNION ALL ".join(f"SELECT owner_id, length(document) AS size FROM {table}" for table in _tables())  # noqa: S608 - names of tables
    op.execute(count("records = counted.number, document_bytes = counted.size", stored))


def count(columns: str, rows: str) -> str:
    """Return the statement that sets columns of each feed from its owner's rows, which have a `size`."""
    return f"""
        UPDATE feed SET {columns}
        FROM (SELECT owner_id, count(*) AS number, sum(size) AS size FROM ({rows}) AS stored GROUP BY owner_id) AS counted
        WHERE counted.owner_id = feed.owner_id
    """  # noqa: S608 - names of tables and columns


def _tables() -> list[str]:
    """Return the tables of all kinds of records."""
    inspector = sa.inspect(op.get_bind())
    return [
        table
        for table in sorted(inspector.get_table_names())
        if {column["name"] for column in inspector.get_columns(table)} >= OF_RECORDS
    ]
