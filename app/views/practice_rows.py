"""Practices with their entries, as views read them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from app.recurrence import EntryOutcome, Practice, best_outcomes, read_practice


class LoggedPractice(NamedTuple):
    """A practice: its record, its days, and the best outcome of each day with an entry."""

    id: UUID
    record: Mapping[str, Any]
    practice: Practice
    outcomes: dict[date, EntryOutcome]


def logged_practices(
    practices: Iterable[Mapping[str, Any]], entries: Iterable[Mapping[str, Any]]
) -> Iterator[LoggedPractice]:
    """Yield the practices with their outcomes. `entries` are rows with the id of a practice, and days with outcomes."""
    by_practice = {each["id"]: each["rows"] for each in entries}
    for record in practices:
        outcomes = best_outcomes(
            (date.fromisoformat(day), outcome) for day, outcome in by_practice.get(record["id"], ())
        )
        yield LoggedPractice(record["id"], record, read_practice(record), outcomes)
