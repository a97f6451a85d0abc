"""SQL expressions that compile to different SQL for PostgreSQL and for SQLite."""

from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from app.db.values import Convert, to_sqlite


class JsonList(sa.types.UserDefinedType[list[Any]]):
    """The SQLAlchemy type of a bind parameter whose value, a list, is passed to SQLite as JSON."""

    cache_ok = True

    def __init__(self, item: sa.types.TypeEngine[Any]) -> None:
        """`item` is the type of the values in the list."""
        self.item = item

    def bind_processor(self, dialect: sa.Dialect) -> Convert:  # noqa: ARG002 - SQLAlchemy's own signature
        """Return the function that encodes a list as JSON."""
        convert = to_sqlite(self.item)
        return lambda values: orjson.dumps(values if convert is None else [*map(convert, values)]).decode()


class any_of(sa.ColumnElement[bool]):  # noqa: N801 - it reads as SQLAlchemy's own `and_`, `exists`, `tuple_`
    """An SQL condition: a column equals one of the values in a list. The SQL does not depend on the list's length."""

    type = sa.Boolean()
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        """`name` is the name of the bind parameter for the list of values."""
        self.column, self.name = column, name

    def self_group(self, against: Any = None) -> "any_of":  # noqa: ARG002 - SQLAlchemy's own signature
        """Return this element unchanged. SQLAlchemy would render `… IN (…) = 1`, for which SQLite uses no index."""
        return self


@compiles(any_of, "postgresql")
def _equals_any(element: any_of, compiler: SQLCompiler, **options: Any) -> str:
    values = sa.bindparam(element.name, type_=sa.ARRAY(element.column.type))
    return f"{compiler.process(element.column, **options)} = ANY ({compiler.process(values, **options)})"


@compiles(any_of, "sqlite")
def _in_json_each(element: any_of, compiler: SQLCompiler, **options: Any) -> str:
    values = sa.bindparam(element.name, type_=JsonList(element.column.type))
    column, list_ = compiler.process(element.column, **options), compiler.process(values, **options)
    return f"{column} IN (SELECT value FROM json_each({list_}))"  # noqa: S608 - bind parameters, not values


class byte_length(sa.ColumnElement[int]):  # noqa: N801 - it reads as one of SQLAlchemy's own functions
    """An SQL function: the length of a text column in bytes. PostgreSQL stores it, so the text is not read."""

    type = sa.BigInteger()
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        """`column` is the text column to measure."""
        self.column = column


def bytes_before(document: sa.ColumnElement[Any], *order: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Return an SQL expression: for each row, the total bytes of the documents of the rows before it in the `order`."""
    size = sa.func.coalesce(byte_length(document), sa.literal_column("0"))  # a tombstone has no document
    return sa.cast(sa.func.sum(size).over(order_by=order, rows=(None, 0)) - size, sa.BigInteger)


@compiles(byte_length, "postgresql")
def _octet_length(element: byte_length, compiler: SQLCompiler, **options: Any) -> str:
    return f"octet_length({compiler.process(element.column, **options)})"


@compiles(byte_length, "sqlite")
def _blob_length(element: byte_length, compiler: SQLCompiler, **options: Any) -> str:
    return f"length(CAST({compiler.process(element.column, **options)} AS BLOB))"
