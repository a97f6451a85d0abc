"""Filters: the query of a list, and the conditions it stands for.

A filter is a field of a room's `Filters`. Without a mark it means that the column of its name equals the value, or one
of several values; a mark `Where` says another column or comparison. The conditions are built once for each set of
filters given, never from what was sent: values always travel beside the statement.
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


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of a parameter that is a whole number within bounds, in plain digits."""

    def read(value: str) -> int:
        if value.isascii() and value.isdigit() and len(value) <= len(str(most)) and least <= int(value) <= most:
            return int(value)
        message = f"Give a whole number from {least} to {most}."
        raise PydanticCustomError("limit", message)

    return read


def _read_flag(value: object) -> bool:
    if value in ("true", "false"):
        return value == "true"
    message = "Give true or false."
    raise PydanticCustomError("flag", message)


Flag = Annotated[bool, PlainValidator(_read_flag), WithJsonSchema({"type": "boolean"})]


@dataclass(frozen=True, slots=True)
class Where:
    """Says which column a filter looks at, and how."""

    column: str
    compare: Literal[">=", "<", "<=", "present"]


class Filters(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, BeforeValidator(whole_number(1, MAX_LIMIT))] = Field(
        DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Most records of one page, 1 to 200."
    )
    cursor: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})] | None = Field(
        None, description="Continues a list: the `next_cursor` of the page before."
    )


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """One filter that was given: its name, its mark, and its values; several are padded, so that few statements serve
    every combination of them.
    """

    name: str
    where: Where | None
    values: tuple[Any, ...]

    @property
    def variant(self) -> tuple[str, object]:
        """What the statement depends on."""
        return self.name, self.values[0] if self._asks_presence else len(self.values)

    @property
    def arguments(self) -> dict[str, Any]:
        """The values, by the names of their places."""
        return {} if self._asks_presence else {f"{self.name}_{n}": value for n, value in enumerate(self.values)}

    def condition(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Return what it asks of a row."""
        column = table.c[self.name if self.where is None else self.where.column]
        if self._asks_presence:
            words = sa.func.coalesce(column, "")
            return words != "" if self.values[0] else words == ""
        limiter = [bind(column, f"{self.name}_{n}") for n in range(len(self.values))]
        if self.where is not None:
            return column.op(self.where.compare, is_comparison=True)(limiter[0])
        return column == limiter[0] if len(limiter) == 1 else column.in_(limiter)

    @property
    def _asks_presence(self) -> bool:
        return self.where is not None and self.where.compare == "present"


def active_filters(filters: Filters) -> list[ActiveFilter]:
    """Return the filters that were given."""
    found = []
    for name, field in type(filters).model_fields.items():
        value = getattr(filters, name)
        if value is None or name in Filters.model_fields:
            continue
        where = next((mark for mark in field.metadata if isinstance(mark, Where)), None)
        values = tuple(sorted(set(value))) if isinstance(value, list) else (value,)
        if len(values) > 1:
            values += values[-1:] * (_choices(field.annotation) - len(values))
        found.append(ActiveFilter(name, where, values))
    return found


def _choices(annotation: Any) -> int:
    """Return how many values `list[Enumeration] | None` has to choose from."""
    return len(get_args(get_args(annotation)[0])[0])
