"""Rows as JSON arrays of their columns' values, so that one statement can return rows of several tables."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from app.ids import make_id


class json_row(sa.ColumnElement[list[Any]]):  # noqa: N801 - it reads as one of SQLAlchemy's own functions
    """An SQL function that returns a row's columns as a JSON array, which `decode_json_row` decodes."""

    type = sa.JSON()
    inherit_cache = False

    def __init__(self, columns: Sequence[sa.ColumnElement[Any]]) -> None:
        """`columns` are at most 100, because a PostgreSQL function has at most 100 arguments."""
        self.columns = columns


@compiles(json_row, "postgresql")
def _json_build_array(element: json_row, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_build_array({', '.join(compiler.process(column, **options) for column in element.columns)})"


@compiles(json_row, "sqlite")
def _json_array(element: json_row, compiler: SQLCompiler, **options: Any) -> str:
    values = []
    for column in element.columns:
        value = compiler.process(column, **options)
        values.append(f"json({value})" if isinstance(column.type, sa.JSON) else value)
    return f"json_array({', '.join(values)})"


class json_rows(json_row):  # noqa: N801 - it reads as one of SQLAlchemy's own functions
    """An SQL aggregate that returns a JSON array of the `json_row` of every row.

    If there are no rows, it returns null on PostgreSQL, and an empty array on SQLite.
    """

    inherit_cache = False


@compiles(json_rows, "postgresql")
def _json_agg(element: json_rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_agg({_json_build_array(element, compiler, **options)})"


@compiles(json_rows, "sqlite")
def _json_group_array(element: json_rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array({_json_array(element, compiler, **options)})"


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)  # SQLite stores UTC


_DECODERS: Final[dict[type[sa.types.TypeEngine[Any]], Callable[[Any], Any]]] = {
    sa.Uuid: make_id,
    sa.DateTime: _instant,
    sa.Date: date.fromisoformat,
    sa.Numeric: lambda value: Decimal(str(value)),
    sa.Boolean: bool,
}


def decode_json_row(columns: Sequence[sa.Column[Any]], values: Sequence[Any]) -> dict[str, Any]:
    """Return a row as a dictionary by column name, with the Python types that the drivers return.

    `values` are the items of the JSON array that `json_row` returned for `columns`.
    """
    return {
        column.name: value if value is None or (decode := _decoder(column.type)) is None else decode(value)
        for column, value in zip(columns, values, strict=True)
    }


@cache  # the types of all columns are few
def _decoder(kind: sa.types.TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """Return the function that decodes values of a column type, or None if they need no decoding."""
    plain = kind.impl_instance if isinstance(kind, sa.TypeDecorator) else kind
    return next((decode for known, decode in _DECODERS.items() if isinstance(plain, known)), None)
