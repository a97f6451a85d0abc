"""A statement: SQL written once in SQLAlchemy Core, compiled once for the database in use, run many times."""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import registry

from app.db.sqlite.values import Convert, into, out_of, sqlite


@cache
def postgresql() -> sa.Dialect:
    """Return how asyncpg is spoken to."""
    dialect: sa.Dialect = registry.load("postgresql.asyncpg")()
    return dialect


def bind(column: sa.ColumnElement[Any], name: str | None = None) -> sa.BindParameter[Any]:
    """Return the place of a value of the column's type, to be given by name when the statement runs."""
    return sa.bindparam(name or getattr(column, "name", None), type_=column.type)


class ForPostgres(NamedTuple):
    """SQL with numbered places, and the names of the values in their order."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of the places."""
        constants = self.constants
        return [values[name] if name in values else constants[name] for name in self.names]


class ForSqlite(NamedTuple):
    """SQL with places, and how values go into them and come out of columns."""

    sql: str
    binds: tuple[tuple[str, Convert | None], ...]
    constants: Mapping[str, Any]
    names: tuple[str, ...]
    result: tuple[tuple[int, Convert], ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of the places, as SQLite stores them."""
        arguments = []
        for name, convert in self.binds:
            value = values[name] if name in values else self.constants[name]
            arguments.append(value if convert is None or value is None else convert(value))
        return arguments

    def rows(self, kept: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return rows as PostgreSQL's driver would, converted column by column."""
        if not kept or not self.result:
            return kept
        columns: list[Sequence[Any]] = [*zip(*kept, strict=True)]
        for place, convert in self.result:
            columns[place] = [None if value is None else convert(value) for value in columns[place]]
        return [*zip(*columns, strict=True)]

    def dicts(self, kept: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """Return rows by the names of their columns."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows(kept)]


class Statement:
    """One statement, for either database."""

    def __init__(self, clause: sa.SelectBase | sa.UpdateBase) -> None:
        """Take the clause; it is compiled when the statement is first run."""
        self._clause = clause

    @cached_property
    def postgres(self) -> ForPostgres:
        """The statement as PostgreSQL takes it."""
        compiled = self._clause.compile(dialect=postgresql())
        names = tuple(getattr(compiled, "positiontup", None) or ())
        return ForPostgres(str(compiled), names, _constants(compiled, names))

    @cached_property
    def sqlite(self) -> ForSqlite:
        """The statement as SQLite takes it."""
        compiled = self._clause.compile(dialect=sqlite())
        binds: Mapping[str, sa.BindParameter[Any]] = getattr(compiled, "binds", {})
        names = tuple(getattr(compiled, "positiontup", None) or ())
        columns = tuple(getattr(self._clause, "exported_columns", ()))
        converted = [(place, out_of(column.type)) for place, column in enumerate(columns)]
        return ForSqlite(
            str(compiled),
            tuple((name, into(binds[name].type)) for name in names),
            _constants(compiled, names),
            tuple(column.name for column in columns),
            tuple((place, convert) for place, convert in converted if convert is not None),
        )


def _constants(compiled: sa.Compiled, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: compiled.params[name] for name in names if compiled.params[name] is not None}
