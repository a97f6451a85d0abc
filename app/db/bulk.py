"""Bulk: what writes many rows of one table by one statement, and several tables' by one more.

PostgreSQL is given the rows as one JSON text, which takes a quarter of the time that the driver needs for their values;
SQLite, which is in the same process, one row after the other.
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
_place = re.compile(r"\$\d+")


class Bulk:
    """Rows to be written, named by their columns; what else is in them is passed over."""

    def __init__(self, each: sa.UpdateBase, every: sa.UpdateBase) -> None:
        """Take the statement for one row, and the one for many, given as `rows`."""
        self.each = Statement(each)
        self.every = Statement(every)


def inserting(table: sa.Table) -> Bulk:
    """Return what inserts whole rows."""
    rows = _listed(table.c)
    each = sa.insert(table).values({column.name: given(column) for column in table.c})
    return Bulk(each, sa.insert(table).from_select([*table.c], sa.select(rows)))


def updating(table: sa.Table, keys: Iterable[str], names: Iterable[str]) -> Bulk:
    """Return what updates the columns `names` of the rows that have the given `keys`."""
    this, changed = [table.c[name] for name in keys], [table.c[name] for name in names]
    rows = _listed([*this, *changed])
    each = sa.update(table).where(*(column == given(column) for column in this))
    every = sa.update(table).where(*(column == rows.c[column.name] for column in this))
    return Bulk(
        each.values({column.name: given(column) for column in changed}),
        every.values({column.name: rows.c[column.name] for column in changed}),
    )


@cache
def together(parts: tuple[Bulk, ...]) -> str:
    """Return one statement of PostgreSQL that does what all the parts do; none of them sees what another did."""
    places = count(1)
    *before, last = (_place.sub(lambda _: f"${next(places)}", part.every.postgres.sql) for part in parts)
    first = ", ".join(f"part_{number} AS ({text})" for number, text in enumerate(before))
    return f"WITH {first} {last}" if first else last


def spelled(rows: Rows) -> str:
    """Return rows as PostgreSQL reads them."""
    return orjson.dumps(rows, _spelled).decode()


def _listed(columns: Iterable[sa.Column[Any]]) -> sa.TableValuedAlias:
    """Return the given rows as a table."""
    rows = sa.cast(sa.bindparam("rows", type_=sa.Text()), sa.JSON())
    shape = [sa.column(column.name, column.type) for column in columns]
    return sa.func.json_to_recordset(rows).table_valued(*shape).render_derived(name="given", with_types=True)


def _spelled(value: object) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
