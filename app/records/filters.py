"""Filters: the query parameters of a list, and the SQL conditions that they become.

Each filter is a field of a kind's `Filters` class. By default it compares the column of the same name for equality with
the value, or with any of several values; the annotation `Where` names another column or comparison. A statement depends
on the names of the filters and the number of their values only. The values themselves are always bind parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args

import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.db import bind

MAX_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 50


def bounded_integer(minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a validator of a query parameter: ASCII digits, an integer from `minimum` to `maximum`."""

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
    """Annotates a filter with its column and comparison."""

    column: str
    compare: Literal["=", ">=", "<", "<="]


class Filters(BaseModel):
    """The query parameters of every list."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, BeforeValidator(bounded_integer(1, MAX_LIMIT))] = Field(
        DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Maximum number of records in a page, 1 to 200."
    )
    cursor: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})] | None = Field(
        None, description="Continues the list: the `next_cursor` of the previous page."
    )


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter that a request uses: its name, its annotation and its values.

    Several values are padded to the number of possible values, so that few different statements are needed.
    """

    name: str
    where: Where | None
    values: tuple[Any, ...]

    @property
    def variant(self) -> tuple[str, object]:
        """The part of the filter on which the SQL depends."""
        return self.name, len(self.values)

    @property
    def arguments(self) -> dict[str, Any]:
        """The values, by the names of their bind parameters."""
        return {f"{self.name}_{n}": value for n, value in enumerate(self.values)}

    def condition(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Return the SQL condition on a row of the table."""
        column = table.c[self.name if self.where is None else self.where.column]
        binds = [bind(column, f"{self.name}_{n}") for n in range(len(self.values))]
        if self.where is not None:
            return column.op(self.where.compare, is_comparison=True)(binds[0])
        return column == binds[0] if len(binds) == 1 else column.in_(binds)


def active_filters(filters: Filters) -> list[ActiveFilter]:
    """Return the filters that a request uses."""
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
