"""The progress of practices in a range of days: their weeks, their days, and runs of kept weeks."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from app.db import Row
from app.records.domains import Domain
from app.recurrence import DayState, EntryOutcome, day_states, weeks, weeks_kept
from app.views.practice_rows import LoggedPractice
from app.views.progress.sources import Range

MAX_DAYS_LISTED: Final = 92
"""In a range of at most this many days, the progress of a practice lists each day."""
_PRACTISED: Final = frozenset({EntryOutcome.DONE, EntryOutcome.PARTLY})


def in_range(practices: Iterable[LoggedPractice], range_: Range) -> Iterator[LoggedPractice]:
    """Yield the practices whose lifetime overlaps the range.

    The lifetime is from the first to the last day on which the practice is in force or has an entry.
    """
    for each in practices:
        first, last = _lifetime(each)
        if first <= range_.to_on and (last is None or last >= range_.from_on):
            yield each


def progress_of(logged: LoggedPractice, range_: Range) -> Row:
    """Return the progress of one practice as JSON values."""
    states = None
    if (range_.to_on - range_.from_on).days < MAX_DAYS_LISTED:
        states = day_states(logged.practice, logged.outcomes, range_.from_on, range_.to_on, range_.today)
    return {
        "practice_id": logged.id,
        "title": logged.record["title"],
        "weeks": weeks_of(logged, range_),
        "days": None if states is None else _days(states),
        "weeks_kept": weeks_kept(logged.practice, logged.outcomes, range_.today)._asdict(),
    }


def weeks_of(logged: LoggedPractice, range_: Range) -> list[dict[str, Any]]:
    """Return the weeks that have a day both in the range and in the practice's lifetime.

    The lifetime is from the first to the last day on which the practice is in force or has an entry.
    """
    first, last = _lifetime(logged)
    start, end = max(first, range_.from_on), range_.to_on if last is None else min(last, range_.to_on)
    if start > end:
        return []
    return [each._asdict() for each in weeks(logged.practice, logged.outcomes, start, end, range_.today)]


def practice_days(practices: Iterable[LoggedPractice], range_: Range) -> dict[str, set[date]]:
    """Return, for each domain, the days of the range on which a practice of this domain was done or partly done."""
    days: dict[str, set[date]] = {domain: set() for domain in Domain}
    for each in practices:
        if each.record["domain"] is not None:
            days[each.record["domain"]].update(
                day
                for day, outcome in each.outcomes.items()
                if outcome in _PRACTISED and range_.from_on <= day <= range_.to_on
            )
    return days


def _lifetime(logged: LoggedPractice) -> tuple[date, date | None]:
    """Return the lifetime of a practice: the first and the last day on which it is in force or has an entry.

    The last day is None if the practice does not end.
    """
    first, last = logged.practice.schedule[0].from_on, logged.practice.ends_on
    return min([first, *logged.outcomes]), None if last is None else max([last, *logged.outcomes])


def _days(states: Mapping[date, DayState]) -> list[Row]:
    return [{"day": day, "state": state} for day, state in states.items()]
