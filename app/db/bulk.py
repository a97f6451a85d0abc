"""Bulk: what writes many rows of one table by one statement, and several tables' by one more.

PostgreSQL is given the rows as one JSON text, which takes a quarter of the time that the driver needs for their values;
SQLite, which is in the same process, one row after the other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import orjson
import sqlalchemy as sa

from app.db.statement import Statement, bind

Rows = Sequence[Mapping[str, Any]]
_GUARDED: Final = sa.literal_column("given.owner_id").in_(sa.select(sa.table("guard", sa.column("owner_id"))))


class BulkStatement:
    """Rows to be written, named by their columns; what else is in them is passed over."""

    def __init__(self, each: sa.UpdateBase, every: Callable[..., sa.UpdateBase]) -> None:
        """Take the statement for one row, and what makes the one for many, given as `rows`, under a condition."""
        self.each = Statement(each)
        self.every = Statement(every(sa.true()))
        self.if_guarded = Statement(every(_GUARDED))


class CompareAndSwap:
    """An update of the one row that each owner has in a table, where it is as it was found: whoever finds it otherwise,
    or in somebody's hands, leaves it, and what is guarded by it is not written.
    """

    def __init__(self, table: sa.Table, found: Mapping[str, str], name: str) -> None:
        """Take which columns are to be as they were found, each with the name of what was, and the one that is set."""
        were = [sa.column(was, table.c[column].type) for column, was in found.items()]
        rows = listed([table.c.owner_id, *were, table.c[name]])
        free = (
            sa.select(rows.c.owner_id, rows.c[name])
            .join_from(rows, table, table.c.owner_id == rows.c.owner_id)
            .where(*(table.c[column] == rows.c[was] for column, was in found.items()))
            .with_for_update(of=table, key_share=True, skip_locked=True)
            .cte("free")
        )
        update = sa.update(table).where(table.c.owner_id == free.c.owner_id).values({name: free.c[name]})
        self.every = Statement(update.returning(table.c.owner_id))


def bulk_insert(table: sa.Table) -> BulkStatement:
    """Return what inserts whole rows."""
    rows = listed(table.c)
    each = sa.insert(table).values({column.name: bind(column) for column in table.c})
    return BulkStatement(
        each, lambda condition: sa.insert(table).from_select([*table.c], sa.select(rows).where(condition))
    )


def bulk_update(table: sa.Table, keys: Iterable[str], names: Iterable[str]) -> BulkStatement:
    """Return what updates the columns `names` of the rows that have the given `keys`."""
    this, changed = [table.c[name] for name in keys], [table.c[name] for name in names]
    rows = listed([*this, *changed])
    each = sa.update(table).where(*(column == bind(column) for column in this))
    every = (
        sa.update(table)
        .where(*(column == rows.c[column.name] for column in this))
        .values({column.name: rows.c[column.name] for column in changed})
    )
    return BulkStatement(each.values({column.name: bind(column) for column in changed}), every.where)


def bulk_delete(table: sa.Table, keys: Iterable[str]) -> BulkStatement:
    """Return the statement that deletes the rows with the given `keys`."""
    this = [table.c[name] for name in keys]
    rows = listed(this)
    each = sa.delete(table).where(*(column == bind(column) for column in this))
    every = sa.delete(table).where(*(column == rows.c[column.name] for column in this))
    return BulkStatement(each, every.where)


@cache
def together(parts: tuple[BulkStatement, ...]) -> str:
    """Return one statement of PostgreSQL that does what all the parts do; none of them sees what another did."""
    *before, last = _numbered([part.every for part in parts], 1)
    return _with([f"part_{number} AS ({sql})" for number, sql in enumerate(before)], last)


@cache
def guarded(guard: CompareAndSwap, parts: tuple[BulkStatement, ...]) -> str:
    """Return one statement of PostgreSQL that does the same for the owners whose row the guard updates, and says who."""
    first, *texts = _numbered([guard.every, *(part.if_guarded for part in parts)], 1)
    written = [f"part_{number} AS ({sql})" for number, sql in enumerate(texts)]
    return _with([f"guard AS ({first})", *written], "SELECT owner_id FROM guard")


def _numbered(statements: Iterable[Statement], first: int) -> list[str]:
    """Return statements of one place each, which are numbered from `first` on."""
    return [statement.postgres.sql.replace("$1", f"${number}") for number, statement in enumerate(statements, first)]


def _with(first: list[str], last: str) -> str:
    return f"WITH {', '.join(first)} {last}" if first else last


def spelled(rows: Rows) -> str:
    """Return rows as PostgreSQL reads them."""
    return orjson.dumps(rows, _spelled).decode()


def joined(texts: Iterable[str]) -> str:
    """Return rows that were spelled apart as one text."""
    return f"[{','.join(filter(None, (text[1:-1] for text in texts)))}]"


def listed(columns: Iterable[sa.ColumnClause[Any]]) -> sa.TableValuedAlias:
    """Return the rows given to PostgreSQL as a table, `given`."""
    rows = sa.cast(sa.bindparam("rows", type_=sa.Text()), sa.JSON())
    shape = [sa.column(column.name, column.type) for column in columns]
    return sa.func.json_to_recordset(rows).table_valued(*shape).render_derived(name="given", with_types=True)


def _spelled(value: object) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
