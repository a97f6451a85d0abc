"""Queries by every filter of a kind, derived from its `Filters` class, with records that they tell apart."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args, get_origin
from uuid import UUID

from app.records import Resource, Where
from tests.drafts import Json, create_record
from tests.rows import insert_copies
from tests.serving import Person, Server

INSTANT = datetime(2026, 11, 22, 10, tzinfo=UTC)
SAME_INSTANT = "2026-11-22T13:30:00+03:30"
"""The same instant in another time zone."""
DAY = date(2026, 11, 22)


@dataclass(frozen=True)
class FilterCase:
    """A query, and the condition on the records that it must return."""

    query: dict[str, Any]
    matches: Callable[[Json], bool]


def create_filter_cases(server: Server, person: Person, resource: Resource) -> list[FilterCase]:
    """Return cases for every filter of a kind; create a record for each value in them, and records that none matches."""
    base = create_record(person.client, resource, person)
    cases: list[FilterCase] = []
    values: list[Json] = []
    for name, field in resource.filters.model_fields.items():
        if name in {"limit", "cursor"}:
            continue
        where = next((each for each in field.metadata if isinstance(each, Where)), None)
        column = where.column if where else name
        if name in resource.targets:
            id = create_record(person.client, resource.targets[name], person)["id"]
            values.append({column: UUID(id)})
            cases.append(FilterCase({name: id}, _any_of(column, [id])))
        elif where and where.compare == "=":
            field_name = column.removeprefix("has_")
            values += [{field_name: None}, {field_name: ""}, {field_name: "wisteria"}]
            cases += [
                FilterCase({name: "true"}, _present(field_name)),
                FilterCase({name: "false"}, _absent(field_name)),
            ]
        elif where:
            is_instant = column.endswith("_at")
            around = [
                INSTANT + timedelta(microseconds=n) if is_instant else DAY + timedelta(days=n) for n in (-1, 0, 1)
            ]
            values += [{column: each} for each in around]
            cases.append(FilterCase({name: SAME_INSTANT if is_instant else str(DAY)}, _within(name, column)))
        elif get_origin(get_args(field.annotation)[0]) is not list:
            values += [{column: each} for each in ("wisteria", "fern")]
            cases.append(FilterCase({name: "wisteria"}, _any_of(column, ["wisteria"])))
        else:
            choices = list(get_args(get_args(field.annotation)[0])[0])
            values += [{column: each} for each in choices]
            cases += [FilterCase({name: [str(each)]}, _any_of(column, [each])) for each in choices]
            cases.append(FilterCase({name: [str(each) for each in choices[:-1]]}, _any_of(column, choices[:-1])))
    insert_copies(server, person, resource, base, values)
    return cases


def _any_of(column: str, values: list[Any]) -> Callable[[Json], bool]:
    return lambda record: record[column] in values


def _present(column: str) -> Callable[[Json], bool]:
    return lambda record: bool(record[column])


def _absent(column: str) -> Callable[[Json], bool]:
    return lambda record: not record[column]


def _within(name: str, column: str) -> Callable[[Json], bool]:
    """Return the documented condition: `_from` is inclusive; `_to` is exclusive for instants, inclusive for dates."""
    bound = "2026-11-22T10:00:00.000000Z" if column.endswith("_at") else "2026-11-22"
    if name.endswith("_from"):
        return lambda record: record[column] is not None and record[column] >= bound
    if column.endswith("_at"):
        return lambda record: record[column] is not None and record[column] < bound
    return lambda record: record[column] is not None and record[column] <= bound
