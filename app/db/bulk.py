"""Statements that write many rows of one table, and functions that combine them into one statement for several tables.

PostgreSQL receives the rows as one JSON text. This takes a quarter of the time that the driver needs to encode each
value (decision 029). SQLite runs in the same process, so it executes one statement for each row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import orjson
import sqlalchemy as sa

from app.db.statement import Statement, bind

Rows = Sequence[Mapping[str, Any]]
INPUT: Final = "input"
"""The SQL alias of the table that PostgreSQL reads from the JSON text of the rows."""
_OWNER_SWAPPED: Final = sa.literal_column(f"{INPUT}.owner_id").in_(
    sa.select(sa.table("swapped", sa.column("owner_id")))
)


class BulkStatement:
    """A statement that inserts, updates or deletes many rows of one table.

    An input row maps the names of columns to values; keys that are not columns of the statement are ignored.
    """

    def __init__(
        self, one_row: sa.UpdateBase, many_rows: Callable[..., sa.UpdateBase], columns: Iterable[sa.ColumnClause[Any]]
    ) -> None:
        """`one_row` is the statement for one row. `columns` are the columns that an input row must have.

        `many_rows` is a function that takes a condition. It returns a statement that writes only the input rows that
        meet the condition. The statement has one parameter, `rows`: the input rows as `encode` returns them.
        """
        self.one_row = Statement(one_row)
        self._names = [str(column.name) for column in columns]
        self.many_rows = Statement(many_rows(sa.true()))
        self.many_rows_if_swapped = Statement(many_rows(_OWNER_SWAPPED))

    def encode(self, rows: Rows) -> str:
        """Return rows as the JSON text that PostgreSQL receives, with only the statement's columns.

        Other keys of a row may hold a person's words, which must not leave the process unencrypted.
        """
        names = self._names
        return encode_rows([{name: row[name] for name in names} for row in rows])


class CompareAndSwap:
    """A PostgreSQL statement that updates an owner's row only if the row still has the expected values.

    It can update the rows of several owners: each input row names an owner. A row that another transaction has locked
    counts as changed: the update skips the row and does not wait (`SKIP LOCKED`).
    """

    def __init__(self, table: sa.Table, expected: Mapping[str, str], names: Sequence[str]) -> None:
        """The statement sets the columns `names` of `table`.

        `expected` maps the name of each column to compare to the key of its expected value in an input row.
        """
        keys = [sa.column(key, table.c[column].type) for column, key in expected.items()]
        rows = input_rows([table.c.owner_id, *keys, *(table.c[name] for name in names)])
        unchanged = (
            sa.select(rows.c.owner_id, *(rows.c[name] for name in names))
            .join_from(rows, table, table.c.owner_id == rows.c.owner_id)
            .where(*(table.c[column] == rows.c[key] for column, key in expected.items()))
            .with_for_update(of=table, key_share=True, skip_locked=True)
            .cte("unchanged")
        )
        update = sa.update(table).where(table.c.owner_id == unchanged.c.owner_id)
        update = update.values({name: unchanged.c[name] for name in names})
        self.many_rows = Statement(update.returning(table.c.owner_id))


def bulk_insert(table: sa.Table) -> BulkStatement:
    """Return a statement that inserts the input rows, which must have every column of the table."""
    rows = input_rows(table.c)
    one_row = sa.insert(table).values({column.name: bind(column) for column in table.c})
    return BulkStatement(
        one_row,
        lambda condition: sa.insert(table).from_select([*table.c], sa.select(rows).where(condition)),
        table.c,
    )


def bulk_update(table: sa.Table, keys: Iterable[str], names: Iterable[str]) -> BulkStatement:
    """Return a statement that updates the columns `names` of existing rows from input rows.

    An input row updates the rows of the table that have the same values in the columns `keys`.
    """
    key_columns, changed = [table.c[name] for name in keys], [table.c[name] for name in names]
    rows = input_rows([*key_columns, *changed])
    one_row = sa.update(table).where(*(column == bind(column) for column in key_columns))
    many_rows = (
        sa.update(table)
        .where(*(column == rows.c[column.name] for column in key_columns))
        .values({column.name: rows.c[column.name] for column in changed})
    )
    one_row = one_row.values({column.name: bind(column) for column in changed})
    return BulkStatement(one_row, many_rows.where, [*key_columns, *changed])


def bulk_upsert(table: sa.Table, keys: Iterable[str], names: Iterable[str]) -> BulkStatement:
    """Return an upsert: a statement that inserts each input row, or updates an existing row instead.

    If a row with the same values in the columns `keys` exists, only its columns `names` are updated. Input rows must
    have every column of the table, and no two of them may have the same values in the columns `keys`.
    """
    rows = input_rows(table.c)
    changed = ", ".join(f"{name} = excluded.{name}" for name in names)
    on_conflict = sa.text(f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}")
    # the WHERE clause is needed, because SQLite would otherwise parse ON as part of a join
    one_row = sa.select(*(bind(column) for column in table.c)).where(sa.text("true"))
    return BulkStatement(
        sa.insert(table).from_select([*table.c], one_row.suffix_with(on_conflict)),
        lambda condition: sa.insert(table).from_select(
            [*table.c], sa.select(rows).where(condition).suffix_with(on_conflict)
        ),
        table.c,
    )


def bulk_delete(table: sa.Table, keys: Iterable[str]) -> BulkStatement:
    """Return a statement that deletes the rows with the same values in the columns `keys` as an input row."""
    key_columns = [table.c[name] for name in keys]
    rows = input_rows(key_columns)
    one_row = sa.delete(table).where(*(column == bind(column) for column in key_columns))
    many_rows = sa.delete(table).where(*(column == rows.c[column.name] for column in key_columns))
    return BulkStatement(one_row, many_rows.where, key_columns)


def bulk_trim(table: sa.Table, keys: Iterable[str], number: str, kept: int) -> BulkStatement:
    """Return a statement that deletes all rows of a group except the newest.

    Rows with the same values in the columns `keys` form a group, and the column `number` orders the rows of a group.
    An input row names a group and the highest number in it to consider: the statement ignores rows with a higher
    number. Of the other rows of the group, it keeps the `kept` rows with the highest numbers, and deletes the rest.
    """
    key_columns, column, older = [table.c[name] for name in keys], table.c[number], table.alias("older")
    rows = input_rows([*key_columns, column])

    def last(values: Callable[[sa.ColumnClause[Any]], sa.ColumnElement[Any]]) -> sa.Select[Any]:
        same = (older.c[each.name] == values(each) for each in key_columns)
        newest = (
            sa.select(older.c[number]).where(*same, older.c[number] < values(column)).order_by(older.c[number].desc())
        )
        return newest.offset(sa.literal_column(str(kept - 1), sa.Integer)).limit(sa.literal_column("1", sa.Integer))

    one_row = sa.delete(table).where(*(each == bind(each) for each in key_columns))
    last_of_many = last(lambda each: rows.c[each.name]).lateral("last")
    many_rows = sa.delete(table).where(*(each == rows.c[each.name] for each in key_columns))
    return BulkStatement(
        one_row.where(column <= last(bind).scalar_subquery()),
        many_rows.where(column <= last_of_many.c[number]).where,
        [*key_columns, column],
    )


@cache
def combine(parts: tuple[BulkStatement, ...]) -> str:
    """Return one PostgreSQL statement that executes all bulk statements in `parts`.

    No part sees the rows that another part writes.
    """
    *before, last = _renumber(part.many_rows for part in parts)
    return _with([f"part_{number} AS ({sql})" for number, sql in enumerate(before)], last)


@cache
def combine_if_swapped(swap: CompareAndSwap, parts: tuple[BulkStatement, ...]) -> str:
    """Return one PostgreSQL statement that executes the compare-and-swap `swap`, and then `parts`.

    `parts` write only rows of the owners whose swap succeeded. The statement returns the ids of these owners.
    """
    first, *texts = _renumber([swap.many_rows, *(part.many_rows_if_swapped for part in parts)])
    writes = [f"part_{number} AS ({sql})" for number, sql in enumerate(texts)]
    return _with([f"swapped AS ({first})", *writes], "SELECT owner_id FROM swapped")


def _renumber(statements: Iterable[Statement]) -> list[str]:
    """Return the SQL of statements, renumbered so that they can be combined into one.

    Each statement has the single parameter `$1`. It becomes `$2` in the second statement, `$3` in the third, and so on.
    """
    return [statement.postgres.sql.replace("$1", f"${number}") for number, statement in enumerate(statements, 1)]


def _with(parts: list[str], last: str) -> str:
    return f"WITH {', '.join(parts)} {last}" if parts else last


def encode_rows(rows: Rows) -> str:
    """Return rows as the JSON text that PostgreSQL receives."""
    return orjson.dumps(rows, _encode_value).decode()


def join_rows(texts: Iterable[str]) -> str:
    """Join several results of `encode_rows` into one JSON text."""
    return f"[{','.join(filter(None, (text[1:-1] for text in texts)))}]"


def input_rows(columns: Iterable[sa.ColumnClause[Any]]) -> sa.TableValuedAlias:
    """Return an SQL table with the given columns, which PostgreSQL reads from the JSON text in the parameter `rows`."""
    rows = sa.cast(sa.bindparam("rows", type_=sa.Text()), sa.JSON())
    shape = [sa.column(column.name, column.type) for column in columns]
    return sa.func.json_to_recordset(rows).table_valued(*shape).render_derived(name=INPUT, with_types=True)


def _encode_value(value: object) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
