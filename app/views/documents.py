"""The documents of the records that rows of `change` name, and the bounds of their order in time."""

from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from app.records import Resource, kinds
from app.records.access import owned

BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
END: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""Before and after the time of any record."""
MIN_SEQ: Final = 0
"""Lower than any sequence number: a position with it is before all records of its time."""


def collection_literal(kind: Resource) -> sa.ColumnElement[str]:
    """Return the name of a kind's collection as an SQL literal."""
    return sa.literal_column(f"'{kind.collection}'", sa.String())


def document_of(page: sa.FromClause) -> sa.ColumnElement[bytes]:
    """Return the sealed document of the record that a row's `collection` and `id` name, found by the record's key."""
    return sa.case(
        *(
            (
                page.c.collection == collection_literal(kind),
                sa.select(kind.table.c.document)
                .where(owned(kind.table), kind.table.c.id == page.c.id)
                .scalar_subquery(),
            )
            for kind in kinds()
        )
    )
