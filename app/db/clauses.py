"""Clauses that the two databases spell differently."""

from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from app.db.sqlite.values import Convert, into


class Listed(sa.types.UserDefinedType[list[Any]]):
    """A list of values, as SQLite is given it: JSON."""

    cache_ok = True

    def __init__(self, item: sa.types.TypeEngine[Any]) -> None:
        """Take the type of its values."""
        self.item = item

    def bind_processor(self, dialect: sa.Dialect) -> Convert:  # noqa: ARG002 - SQLAlchemy's own signature
        """Return how a list is given."""
        convert = into(self.item)
        return lambda values: orjson.dumps(values if convert is None else [*map(convert, values)]).decode()


class any_of(sa.ColumnElement[bool]):  # noqa: N801 - it reads as SQLAlchemy's own `and_`, `exists`, `tuple_`
    """The condition that a column has one of the values given by a name: however many, it is one statement."""

    type = sa.Boolean()
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        """Take the column, and the name under which the list of values is given."""
        self.column, self.name = column, name

    def self_group(self, against: Any = None) -> "any_of":  # noqa: ARG002 - SQLAlchemy's own signature
        """Stand in a WHERE as it is: SQLite uses no index for `… IN (…) = 1`, which a Boolean would become."""
        return self


@compiles(any_of, "postgresql")
def _any_of(element: any_of, compiler: SQLCompiler, **options: Any) -> str:
    values = sa.bindparam(element.name, type_=sa.ARRAY(element.column.type))
    return f"{compiler.process(element.column, **options)} = ANY ({compiler.process(values, **options)})"


@compiles(any_of, "sqlite")
def _in_json(element: any_of, compiler: SQLCompiler, **options: Any) -> str:
    values = sa.bindparam(element.name, type_=Listed(element.column.type))
    column, list_ = compiler.process(element.column, **options), compiler.process(values, **options)
    return f"{column} IN (SELECT value FROM json_each({list_}))"  # noqa: S608 - places of values, not values


class byte_length(sa.ColumnElement[int]):  # noqa: N801 - it reads as one of SQLAlchemy's own functions
    """How many bytes a text has; PostgreSQL knows it without reading the text."""

    type = sa.BigInteger()
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        """Take the column."""
        self.column = column


@compiles(byte_length, "postgresql")
def _octets(element: byte_length, compiler: SQLCompiler, **options: Any) -> str:
    return f"octet_length({compiler.process(element.column, **options)})"


@compiles(byte_length, "sqlite")
def _blob_length(element: byte_length, compiler: SQLCompiler, **options: Any) -> str:
    return f"length(CAST({compiler.process(element.column, **options)} AS BLOB))"
