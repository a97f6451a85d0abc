"""A lookup: a statement that finds one row at most, by its key."""

from functools import cached_property
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.sql.visitors import replacement_traverse

from app.db.bulk import listed
from app.db.statement import Statement


class Lookup(Statement):
    """A statement that finds one row at most; PostgreSQL is asked it for many at once."""

    def __init__(self, clause: sa.Select[Any]) -> None:
        """Take the clause."""
        super().__init__(clause)
        self._one = clause

    @cached_property
    def of_each(self) -> Statement:
        """The same for each of many, whose values are given as `rows`: the number `n` of each that finds a row, and the row.

        The limit keeps PostgreSQL from joining whole tables for the sake of a few: it looks up one after the other.
        """
        binds: dict[str, sa.ColumnClause[Any]] = {"n": sa.column("n", sa.Integer)}

        def place(element: Any, **_: Any) -> Any:
            if not isinstance(element, sa.BindParameter) or not element.required:
                return None
            binds[element.key] = sa.column(element.key, element.type)
            return sa.literal_column(f"given.{element.key}", element.type)

        one = cast("sa.Select[Any]", replacement_traverse(self._one, {}, place))
        found = one.limit(sa.literal_column("1", sa.Integer)).lateral("found")
        given = listed(binds.values())
        return Statement(sa.select(given.c.n, sa.literal_column("found.*")).select_from(given.join(found, sa.true())))
