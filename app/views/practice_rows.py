"""The parts of views with practices and practice entries, and practices with the outcomes of their entries."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from app.db import bind
from app.recurrence import EntryOutcome, Practice, best_outcomes, read_practice
from app.resources.practice_entries import PracticeEntryRecord
from app.resources.practices import PRACTICES, PracticeRecord
from app.views.parts import Part

_practice, _entry = PracticeRecord.table(), PracticeEntryRecord.table()
ENTRIES: Final = Part(
    "entries",
    _entry,
    [_entry.c.practice_id, _entry.c.day, _entry.c.outcome],
    [_entry.c.day >= bind(_entry.c.day, "entries_from"), _entry.c.day <= bind(_entry.c.day, "entries_to")],
    grouped_by="practice_id",
)
"""The part with the practice entries of the days from `entries_from` to `entries_to`, grouped by practice: the day and
the outcome of each.
"""


def newest_practices(limit: int) -> Part:
    """Return the part that reads at most `limit` practices, newest first."""
    return Part(
        "practices",
        _practice,
        [_practice.c.id, _practice.c.created_at],
        document_kind=PRACTICES,
        order_by=[_practice.c.created_at.desc(), _practice.c.id.desc()],
        limit=limit,
    )


class LoggedPractice(NamedTuple):
    """A practice: its record, the rules for its days, and the best outcome of each day with an entry."""

    id: UUID
    record: Mapping[str, Any]
    practice: Practice
    outcomes: dict[date, EntryOutcome]


def logged_practices(
    practices: Iterable[Mapping[str, Any]], entries: Iterable[Mapping[str, Any]]
) -> Iterator[LoggedPractice]:
    """Yield each practice with the best outcome of each day with an entry.

    `practices` are the rows of the part that `newest_practices` returns, and `entries` those of the part `ENTRIES`.
    """
    by_practice = {each["id"]: each["rows"] for each in entries}
    for record in practices:
        outcomes = best_outcomes(
            (date.fromisoformat(day), outcome) for day, outcome in by_practice.get(record["id"], ())
        )
        yield LoggedPractice(record["id"], record, read_practice(record), outcomes)
