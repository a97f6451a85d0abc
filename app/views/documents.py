"""SQL expressions for the documents of the records that rows of the table `change` name.

In a view, a record's position is its time and, among records of the same time, its sequence number. `BEGINNING`, `END` and
`MIN_SEQ` are bounds of these.
"""

from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from app.db import byte_length, bytes_before
from app.records import Resource, kinds
from app.records.access import owned

BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
END: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""`BEGINNING` is before the time of any record, and `END` is after it."""
MIN_SEQ: Final = 0
"""A number that is lower than any sequence number: the position of a time and `MIN_SEQ` is before all records of this
time.
"""


def collection_literal(kind: Resource) -> sa.ColumnElement[str]:
    """Return the name of the collection of a kind of record as an SQL literal."""
    return sa.literal_column(f"'{kind.collection}'", sa.String())


def document_of(page: sa.FromClause, max_bytes: sa.ColumnElement[int] | None = None) -> sa.ColumnElement[bytes | None]:
    """Return the SQL expression for the sealed document of the record that a row's `collection` and `id` name.

    It is null if the document is longer than `max_bytes`.
    """

    def shown(document: sa.ColumnElement[bytes]) -> sa.ColumnElement[bytes]:
        return document if max_bytes is None else sa.case((byte_length(document) <= max_bytes, document))

    return sa.case(
        *(
            (
                page.c.collection == collection_literal(kind),
                sa.select(shown(kind.table.c.document))
                .where(owned(kind.table), kind.table.c.id == page.c.id)
                .scalar_subquery(),
            )
            for kind in kinds()
        )
    )


def with_fitting_documents(
    page: sa.FromClause, rows: sa.ColumnElement[int], most_bytes: sa.ColumnElement[int]
) -> tuple[sa.ColumnElement[bytes | None], sa.Subquery]:
    """Return the SQL expression for the documents of a page's rows, and the subquery that it belongs to.

    The page has the columns `happened_at`, `seq`, `collection` and `id`, and at most `rows` rows. The subquery repeats
    this limit, because otherwise SQLite reads each document twice. A row's document is null if the documents of the
    newer rows have `most_bytes` or more together.
    """
    read = sa.select(*page.c, document_of(page).label("document")).limit(rows).subquery("read")
    before = bytes_before(read.c.document, read.c.happened_at.desc(), read.c.seq.desc())
    sized = sa.select(*read.c, before.label("before")).subquery("sized")
    return sa.case((sized.c.before < most_bytes, sized.c.document)), sized
