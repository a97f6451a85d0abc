"""Look-ups: statements that find at most one row by its key."""

from functools import cached_property
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.sql.visitors import replacement_traverse

from app.db.bulk import INPUT, input_rows
from app.db.statement import Statement


class Lookup(Statement):
    """A statement that finds at most one row. PostgreSQL can execute it for many keys at once."""

    def __init__(self, clause: sa.Select[Any]) -> None:
        """`clause` is the SELECT for one key."""
        super().__init__(clause)
        self._select = clause

    @cached_property
    def many_keys(self) -> Statement:
        """The look-up of many keys by one statement, for PostgreSQL.

        The parameter `rows` is a JSON text with the keys. Each key has a number `n`. The statement returns this number
        as the first column of the row that it finds for the key. The LIMIT makes PostgreSQL look up one key after the
        other instead of joining whole tables.
        """
        columns: dict[str, sa.ColumnClause[Any]] = {"n": sa.column("n", sa.Integer)}

        def replace(element: Any, **_: Any) -> Any:
            if not isinstance(element, sa.BindParameter) or not element.required:
                return None
            columns[element.key] = sa.column(element.key, element.type)
            return sa.literal_column(f"{INPUT}.{element.key}", element.type)

        select = cast("sa.Select[Any]", replacement_traverse(self._select, {}, replace))
        found = select.limit(sa.literal_column("1", sa.Integer)).lateral("found")
        keys = input_rows(columns.values())
        return Statement(sa.select(keys.c.n, sa.literal_column("found.*")).select_from(keys.join(found, sa.true())))
