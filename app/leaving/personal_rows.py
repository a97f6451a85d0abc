"""Finds the rows that belong to an account, by the columns of the tables. A new table needs no change here.

A row belongs to an account if its column `owner_id` or `account_id` names the account or, in a table without these
columns, if a foreign key refers to a row that belongs to the account. A row also belongs to an account
if its column `email_key` has the normalized e-mail address of the account (`app.identity.fields.email_key`).
"""

from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

import sqlalchemy as sa

from app.db import Statement, Table
from app.identity.tables import AccountRecord, Feed

OTHER_TABLES: Final = {
    "assertion": "names a client of a clinic, which is a program",
    "client": "a program of a clinic",
    "clinic": "an organisation",
    "export": "the parameters of a client's bulk export, with random patient ids at most; it expires after a day",
    "job": "found by its payload",
    "throttle": "found by the key of its counts",
    "webhook": "a URL of a clinic",
    "restoring": "the progress of a restoration",
}
"""The tables in which this module finds no rows of an account, each with the reason.

A test fails if such a table is missing here.
"""
OWNER: Final = sa.bindparam("owner_id", type_=sa.Uuid())
EMAIL_KEY: Final = sa.bindparam("email_key", type_=sa.String())
ROWS: Final = sa.bindparam("rows", type_=sa.BigInteger)
_account: Final = AccountRecord.table()
_OWNER_COLUMNS: Final = ("owner_id", "account_id")


class Deletion(NamedTuple):
    """The statements that delete the rows of an account from one table."""

    table: sa.Table
    batches: list[Statement]
    """Statements that each delete or change at most `rows` rows, and return them. Repeat each until it returns none.

    Their parameters are `owner_id`, `email_key` and `rows`.
    """
    rest: Statement
    """The statement that deletes all remaining rows. Its parameters are `owner_id` and `email_key`."""


def belongs(table: sa.Table) -> sa.ColumnElement[bool] | None:
    """Return the SQL condition that a row of a table belongs to the account; None if no rows of the table can."""
    if table is _account:
        return table.c.id == OWNER
    conditions = [table.c[name] == OWNER for name in _OWNER_COLUMNS if name in table.c] or [*_by_reference(table)]
    if "email_key" in table.c:
        conditions.append(table.c.email_key == EMAIL_KEY)
    return sa.or_(*conditions) if conditions else None


def _by_reference(table: sa.Table) -> Iterator[sa.ColumnElement[bool]]:
    for constraint in sorted(table.foreign_key_constraints, key=lambda each: [*each.column_keys]):
        parent = constraint.referred_table
        condition = None if parent is table else belongs(parent)
        if condition is not None:
            referred = [element.column for element in constraint.elements]
            yield sa.tuple_(*constraint.columns).in_(sa.select(*referred).where(condition))


@cache
def deletions() -> tuple[Deletion, ...]:
    """Return the deletions for all tables that can have rows of an account, in the order in which to execute them.

    A table comes before the tables to which its rows refer.
    """
    ordered = [(table, belongs(table)) for table in reversed(Table.metadata.sorted_tables)]
    return tuple(_deletion(table, condition) for table, condition in ordered if condition is not None)


def _deletion(table: sa.Table, condition: sa.ColumnElement[bool]) -> Deletion:
    key = [*table.primary_key]
    batches = []
    if table not in {_account, Feed.table()}:
        for column in _references_to_itself(table):
            linked = sa.select(*key).where(condition, column.is_not(None)).limit(ROWS)
            unlink = sa.update(table).where(sa.tuple_(*key).in_(linked)).values({column.name: sa.null()})
            batches.append(Statement(unlink.returning(key[0])))
        some = sa.select(*key).where(condition).limit(ROWS)
        batches.append(Statement(sa.delete(table).where(sa.tuple_(*key).in_(some)).returning(key[0])))
    return Deletion(table, batches, Statement(sa.delete(table).where(condition)))


def _references_to_itself(table: sa.Table) -> Iterator[sa.Column[object]]:
    """Yield the nullable columns of a table that refer to rows of the same table.

    They are set to null before the rows are deleted, so that no row refers to a row that an earlier batch deleted.
    """
    for constraint in table.foreign_key_constraints:
        if constraint.referred_table is table:
            yield from (column for column in constraint.columns if column.nullable)
