"""Statements in SQLAlchemy Core, each compiled once for the database in use."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import registry

from app.db.values import Convert, from_sqlite, sqlite_dialect, to_sqlite

_PARAMETER: Final = re.compile(r"\$(\d+)", re.ASCII)


@cache
def postgres_dialect() -> sa.Dialect:
    """Return SQLAlchemy's dialect for asyncpg."""
    dialect: sa.Dialect = registry.load("postgresql.asyncpg")()
    return dialect


def bind(column: sa.ColumnElement[Any], name: str | None = None) -> sa.BindParameter[Any]:
    """Return a bind parameter with the type of a column. Its name is `name`, by default the column's name."""
    return sa.bindparam(name or getattr(column, "name", None), type_=column.type)


class PostgresPlan(NamedTuple):
    """A statement compiled for PostgreSQL: SQL with `$1`, `$2`, …, and the parameters' names in this order.

    `constants` has the values of the parameters that the statement itself sets, not its caller.
    """

    sql: str
    parameters: tuple[str, ...]
    constants: Mapping[str, Any]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return `values`, which are given by parameter name, in the order of the parameters."""
        constants = self.constants
        return [values[name] if name in values else constants[name] for name in self.parameters]


class SqlitePlan(NamedTuple):
    """A statement compiled for SQLite: SQL with `?1`, `?2`, …, and the conversions of parameters and of result columns.

    `constants` has the values of the parameters that the statement itself sets, not its caller.
    """

    sql: str
    parameters: tuple[str, ...]
    constants: Mapping[str, Any]
    converted_parameters: tuple[tuple[int, Convert], ...]
    converted_columns: tuple[tuple[int, Convert], ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return `values`, which are given by parameter name, in the order of the parameters, in SQLite's form."""
        constants = self.constants
        arguments = [values[name] if name in values else constants[name] for name in self.parameters]
        for index, convert in self.converted_parameters:
            value = arguments[index]
            if value is not None:
                arguments[index] = convert(value)
        return arguments

    def rows(self, stored: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Convert stored rows, column by column, to the values that PostgreSQL's driver would return."""
        if not stored or not self.converted_columns:
            return stored
        columns: list[Sequence[Any]] = [*zip(*stored, strict=True)]
        for index, convert in self.converted_columns:
            columns[index] = [None if value is None else convert(value) for value in columns[index]]
        return [*zip(*columns, strict=True)]


class Statement:
    """An SQL statement that can be executed on both databases."""

    def __init__(self, clause: sa.SelectBase | sa.UpdateBase) -> None:
        """`clause` is compiled for a database when the statement is first executed on it."""
        self._clause = clause

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that the statement returns."""
        return tuple(column.name for column in self._columns)

    @cached_property
    def postgres(self) -> PostgresPlan:
        """The statement compiled for PostgreSQL."""
        compiled = self._clause.compile(dialect=postgres_dialect())
        parameters = tuple(getattr(compiled, "positiontup", None) or ())
        return PostgresPlan(str(compiled), parameters, _constants(compiled, parameters))

    @cached_property
    def sqlite(self) -> SqlitePlan:
        """The statement compiled for SQLite."""
        compiled = self._clause.compile(dialect=sqlite_dialect())
        binds: Mapping[str, sa.BindParameter[Any]] = getattr(compiled, "binds", {})
        parameters = tuple(getattr(compiled, "positiontup", None) or ())
        return SqlitePlan(
            _PARAMETER.sub(r"?\1", str(compiled)),
            parameters,
            _constants(compiled, parameters),
            _needed(to_sqlite(binds[name].type) for name in parameters),
            _needed(from_sqlite(column.type) for column in self._columns),
        )

    @property
    def _columns(self) -> tuple[Any, ...]:
        return tuple(getattr(self._clause, "exported_columns", ()))


def _needed(conversions: Iterable[Convert | None]) -> tuple[tuple[int, Convert], ...]:
    """Return the conversions that are not None, each with its index."""
    return tuple((index, convert) for index, convert in enumerate(conversions) if convert is not None)


def _constants(compiled: sa.Compiled, parameters: tuple[str, ...]) -> dict[str, Any]:
    return {name: compiled.params[name] for name in parameters if compiled.params[name] is not None}
