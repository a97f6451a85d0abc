"""Every filter of a kind of record, from the model that its list reads, with rows for it to tell apart."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from app.records import Resource, Where
from tests.drafts import COLLECTION_OF, Json, resource_of, written
from tests.rows import copied
from tests.serving import Person, Server

MOMENT = datetime(2026, 11, 22, 10, tzinfo=UTC)
ELSEWHERE = "2026-11-22T13:30:00+03:30"
"""The same moment, told elsewhere."""
DAY = date(2026, 11, 22)


@dataclass(frozen=True)
class Asking:
    """A query, and which records it means."""

    query: dict[str, Any]
    holds: Callable[[Json], bool]


def asking_of(server: Server, person: Person, resource: Resource) -> list[Asking]:
    """Return queries by every filter of a kind, having written a record for each value that they name, and others."""
    base = written(person.client, resource, person)
    asked: list[Asking] = []
    values: list[Json] = []
    for name, field in resource.filters.model_fields.items():
        if name in {"limit", "cursor"}:
            continue
        where = next((mark for mark in field.metadata if isinstance(mark, Where)), None)
        column = where.column if where else name
        if name.endswith("_id"):
            other = written(person.client, resource_of(COLLECTION_OF[name]), person)["id"]
            values.append({column: UUID(other)})
            asked.append(Asking({name: other}, _among(column, [other])))
        elif where is not None and where.compare == "present":
            values += [{column: None}, {column: ""}, {column: "wisteria"}]
            asked += [Asking({name: "true"}, _present(column)), Asking({name: "false"}, _absent(column))]
        elif name.endswith(("_from", "_to")):
            timed = column.endswith("_at")
            around = [MOMENT + timedelta(microseconds=n) if timed else DAY + timedelta(days=n) for n in (-1, 0, 1)]
            values += [{column: each} for each in around]
            given = ELSEWHERE if timed else str(DAY)
            asked.append(Asking({name: given}, _within(name, column)))
        else:
            choices = list(get_args(get_args(field.annotation)[0])[0])
            values += [{column: each} for each in choices]
            asked += [Asking({name: [str(each)]}, _among(column, [each])) for each in choices]
            asked.append(Asking({name: [str(each) for each in choices[:-1]]}, _among(column, choices[:-1])))
    copied(server, person, resource, base, values)
    return asked


def _among(column: str, values: list[Any]) -> Callable[[Json], bool]:
    return lambda record: record[column] in values


def _present(column: str) -> Callable[[Json], bool]:
    return lambda record: bool(record[column])


def _absent(column: str) -> Callable[[Json], bool]:
    return lambda record: not record[column]


def _within(name: str, column: str) -> Callable[[Json], bool]:
    """Hold what api.md says: `_from` is inclusive, `_to` exclusive for times and inclusive for dates."""
    bound = "2026-11-22T10:00:00.000000Z" if column.endswith("_at") else "2026-11-22"
    if name.endswith("_from"):
        return lambda record: record[column] is not None and record[column] >= bound
    if column.endswith("_at"):
        return lambda record: record[column] is not None and record[column] < bound
    return lambda record: record[column] is not None and record[column] <= bound
