"""Parts of a view: rows of several tables, which one statement reads.

The statement is a union of all parts. Each row of its result has the name of the part, and the values of the part's
columns as JSON. If the view needs members that only the documents contain, the row also has the sealed document.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import orjson
import sqlalchemy as sa

from app.db import Row, Statement, decode_json_row, json_row, json_rows
from app.records.access import owned
from app.records.resource import Resource
from app.records.view import View

_ID: Final = sa.cast(sa.null(), sa.Uuid()).label("id")
_SEQ: Final = sa.cast(sa.null(), sa.BigInteger()).label("seq")
_DOCUMENT: Final = sa.cast(sa.null(), sa.LargeBinary()).label("document")
_DOCUMENT_COLUMNS: Final = ("id", "seq", "document")


def one_of(column: sa.ColumnElement[Any], members: Iterable[StrEnum]) -> sa.ColumnElement[bool]:
    """Return the condition that a column has the value of one of `members`, which are members of an enumeration.

    The values become literals of the SQL, so `members` must be the same for every request.
    """
    return column.in_([sa.literal_column(f"'{member.value}'", sa.String()) for member in members])


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a view: the owner's rows of one table that meet the conditions, with the values of some columns.

    `document_kind` is the kind of the records if their documents are needed: each row then also has the members of its
    decrypted document. If `grouped_by` is the name of a column, the part has one row for each value of this column:
    `id` is the value, and `rows` is the list of the table's rows with this value, each a list of the values of the
    other columns. With `limit`, the part has only the first rows in the order `order_by`. Without `limit`, the rows are
    in no particular order.
    """

    name: str
    table: sa.Table
    columns: Sequence[sa.ColumnElement[Any]]
    conditions: Sequence[sa.ColumnElement[bool]] = ()
    document_kind: Resource | None = None
    grouped_by: str | None = None
    order_by: Sequence[sa.ColumnElement[Any]] = ()
    limit: int | None = None

    @cached_property
    def _found(self) -> sa.Subquery:
        columns = {column.key: column for column in self.columns}
        if self.document_kind is not None:
            columns |= {name: self.table.c[name] for name in _DOCUMENT_COLUMNS}
        query = sa.select(*columns.values()).where(owned(self.table), *self.conditions).order_by(*self.order_by)
        return (query if self.limit is None else query.limit(sa.literal_column(str(self.limit)))).subquery(self.name)

    @cached_property
    def _values(self) -> list[Any]:
        names = [str(column.key) for column in self.columns]
        return [self._found.c[name] for name in names if name != self.grouped_by]

    @property
    def branch(self) -> sa.Select[Any]:
        """The query of this part, which is one branch of the union."""
        name = sa.literal_column(f"'{self.name}'", sa.String()).label("part")
        if self.grouped_by is not None:
            group = self._found.c[self.grouped_by]
            rows = json_rows(self._values).label("row")
            columns = (name, rows, group.label("id"), _SEQ, _DOCUMENT)
            return sa.select(*columns).select_from(self._found).group_by(group)
        document = (
            (_ID, _SEQ, _DOCUMENT)
            if self.document_kind is None
            else (self._found.c[each] for each in _DOCUMENT_COLUMNS)
        )
        return sa.select(name, json_row(self._values).label("row"), *document).select_from(self._found)

    def read(self, values: Sequence[Any]) -> Row:
        """Return a row of this part as a dictionary. `values` is the JSON array that the statement returned for the row.

        If the part is grouped, the array has the rows of a group, and the dictionary has it as its only item, `rows`.
        Otherwise the dictionary has the value of each column, by the column's name.
        """
        return {"rows": values} if self.grouped_by is not None else decode_json_row(self._values, values)


class Parts:
    """Several parts, read by one statement."""

    def __init__(self, *parts: Part) -> None:
        """Build the statement that reads the parts."""
        self._parts = {part.name: part for part in parts}
        self.statement = Statement(sa.union_all(*(part.branch for part in parts)))

    async def fetch(self, view: View, **values: object) -> dict[str, list[Row]]:
        """Return the rows of all parts, by the name of the part. `values` are the parameters of the parts' conditions.

        Raise `UnreadableRecord` if a document cannot be decrypted.
        """
        rows = await view.db.tuples(self.statement, **view.binds, **values)
        keys = await view.data_keys()
        found: dict[str, list[Row]] = {name: [] for name in self._parts}
        for name, columns, id, seq, sealed in rows:
            part = self._parts[name]
            row = part.read(columns)
            if id is not None:
                row["id"] = id
            if part.document_kind is not None:
                row = orjson.loads(keys.open(part.document_kind.collection, id, seq, sealed)) | row
            found[name].append(row)
        return found
