"""Filters: the query parameters of a list, and the SQL conditions that are made from them.

Each filter is a field of the kind's subclass of `Filters`. By default, a record matches if the column of the same name
equals the value, or any of several values. The annotation `Where` names another column or comparison. The SQL depends
only on the names of the filters and the number of their values; the values are always bind parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args

import sqlalchemy as sa
from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.db import bind
from app.http import QueryModel
from app.records.positions import Cursor

MAX_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 50


def bounded_integer(minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a validator that parses a query parameter: an integer in ASCII digits, from `minimum` to `maximum`."""

    def read(value: str) -> int:
        is_short = (
            value.isascii() and value.isdigit() and len(value) <= len(str(maximum))
        )  # int() of many digits is slow
        if is_short and minimum <= int(value) <= maximum:
            return int(value)
        message = f"Send a whole number from {minimum} to {maximum}."
        raise PydanticCustomError("limit", message)

    return read


def _read_flag(value: object) -> bool:
    if value in ("true", "false"):
        return value == "true"
    message = "Send true or false."
    raise PydanticCustomError("flag", message)


Flag = Annotated[bool, PlainValidator(_read_flag), WithJsonSchema({"type": "boolean"})]


@dataclass(frozen=True, slots=True)
class Where:
    """The annotation of a filter with the column to compare with the value, and the comparison."""

    column: str
    compare: Literal["=", ">=", "<", "<="]


class Filters(QueryModel):
    """The query parameters of every list."""

    limit: Annotated[int, BeforeValidator(bounded_integer(1, MAX_LIMIT))] = Field(
        DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Maximum number of records in a page, 1 to 200."
    )
    cursor: Cursor | None = Field(None, description="The `next_cursor` of the previous page, to continue the list.")


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter that a request uses: its name, its annotation `Where` if it has one, and its values.

    If there are several values, the last one is repeated until there are as many as the enumeration has members. So the
    number of different statements is small.
    """

    name: str
    where: Where | None
    values: tuple[Any, ...]

    @property
    def variant(self) -> tuple[str, object]:
        """The parts of the filter that the SQL depends on: the name and the number of values."""
        return self.name, len(self.values)

    @property
    def arguments(self) -> dict[str, Any]:
        """The values, by the names of their bind parameters."""
        return {f"{self.name}_{n}": value for n, value in enumerate(self.values)}

    def condition(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Return the SQL condition that a row of the table matches the filter."""
        column = table.c[self.name if self.where is None else self.where.column]
        binds = [bind(column, f"{self.name}_{n}") for n in range(len(self.values))]
        if self.where is not None:
            return column.op(self.where.compare, is_comparison=True)(binds[0])
        return column == binds[0] if len(binds) == 1 else column.in_(binds)


def active_filters(filters: Filters) -> list[ActiveFilter]:
    """Return the filters that have a value in a request."""
    active = []
    for name, field in type(filters).model_fields.items():
        value = getattr(filters, name)
        if value is None or name in Filters.model_fields:
            continue
        where = next((each for each in field.metadata if isinstance(each, Where)), None)
        values = tuple(sorted(set(value))) if isinstance(value, list) else (value,)
        if len(values) > 1:
            values += values[-1:] * (_count_choices(field.annotation) - len(values))
        active.append(ActiveFilter(name, where, values))
    return active


def _count_choices(annotation: Any) -> int:
    """Return the number of members of the enumeration in the annotation `list[Enumeration] | None`."""
    return len(get_args(get_args(annotation)[0])[0])
