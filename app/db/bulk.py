"""Bulk: what writes many rows of one table by one statement, and several tables' by one more.

PostgreSQL is given a list of values for each column; SQLite, which is in the same process, one row after the other.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any

import orjson
import sqlalchemy as sa

from app.db.statement import Statement, given

Rows = Sequence[Mapping[str, Any]]
_place = re.compile(r"\$(\d+)")


class Bulk:
    """Rows to be written, named by their columns."""

    def __init__(self, each: sa.Insert | sa.Update, every: sa.Insert | sa.Update) -> None:
        """Take the statement for one row, and the one for many."""
        self.each = Statement(each)
        self.every = Statement(every)
        self._texts = {column.name for column in each.table.c if isinstance(column.type, sa.JSON)}

    def columns(self, rows: Rows) -> list[list[Any]]:
        """Return the values of each place of the statement for many rows."""
        return [
            [_text(row[name]) for row in rows] if name in self._texts else [row[name] for row in rows]
            for name in self.every.postgres.names
        ]


def inserting(table: sa.Table) -> Bulk:
    """Return what inserts whole rows."""
    rows = _listed(table.c)
    every = sa.insert(table).from_select([*rows], sa.select(*rows.values()))
    return Bulk(sa.insert(table).values({column.name: given(column) for column in table.c}), every)


def updating(table: sa.Table, keys: Iterable[str], names: Iterable[str]) -> Bulk:
    """Return what updates the columns `names` of the rows that have the given `keys`."""
    this, changed = [table.c[name] for name in keys], [table.c[name] for name in names]
    rows = _listed([*this, *changed])
    each = sa.update(table).where(*(column == given(column) for column in this))
    every = sa.update(table).where(*(column == rows[column.name] for column in this))
    return Bulk(
        each.values({column.name: given(column) for column in changed}),
        every.values({column.name: rows[column.name] for column in changed}),
    )


@cache
def together(parts: tuple[Bulk, ...]) -> str:
    """Return one statement of PostgreSQL that does what all the parts do; none of them sees what another did."""
    places = count(1)
    *before, last = (_place.sub(lambda _: f"${next(places)}", part.every.postgres.sql) for part in parts)
    first = ", ".join(f"part_{number} AS ({text})" for number, text in enumerate(before))
    return f"WITH {first} {last}" if first else last


def _listed(columns: Iterable[sa.Column[Any]]) -> dict[str, sa.ColumnElement[Any]]:
    """Return the columns of the given rows; JSON is given as text, since a list of lists would be one with two axes."""
    kinds = {column.name: column.type for column in columns}
    spelled = {name: sa.Text() if isinstance(kind, sa.JSON) else kind for name, kind in kinds.items()}
    lists = [sa.bindparam(name, type_=sa.ARRAY(kind)) for name, kind in spelled.items()]
    rows = sa.func.unnest(*lists).table_valued(*kinds).render_derived(name="given")
    return {
        name: sa.cast(rows.c[name], kind) if kind is not spelled[name] else rows.c[name] for name, kind in kinds.items()
    }


def _text(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
