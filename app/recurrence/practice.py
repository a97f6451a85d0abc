"""The days of one practice: its due days, its paused days, and the state of each day."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from app.recurrence.rules import Rule, WeekStart, named_ordinals, parse_rule


class EntryOutcome(StrEnum):
    """The outcome of a practice on a day. The values are in order, from the best outcome to the worst."""

    DONE = "done"
    PARTLY = "partly"
    SKIPPED = "skipped"


class DayState(StrEnum):
    """The state of a day of a practice.

    `done`, `partly`, `skipped`: the day has practice entries, and this is their best outcome. The other values are for
    days without an entry. `paused`: the practice has begun, has not ended, and is paused. `open`: today, if the
    practice is due today or has a number of times per week. `passed`: a due day before today. `ahead`: a due day after
    today. `none`: any other day.
    """

    DONE = "done"
    PARTLY = "partly"
    SKIPPED = "skipped"
    PAUSED = "paused"
    OPEN = "open"
    PASSED = "passed"
    AHEAD = "ahead"
    NONE = "none"


class Span(NamedTuple):
    """A part of the schedule of a practice, in force from the day `from_on` until the day before the next span begins.

    Either `rule` names the due days, or the practice should be done on `times_per_week` (1 to 7) days of each week. If
    both are None, no day is due.
    """

    from_on: date
    rule: Rule | None = None
    times_per_week: int | None = None


class Pause(NamedTuple):
    """A pause of a practice, from `from_on` to `until_on`, both included. It has no end if `until_on` is None."""

    from_on: date
    until_on: date | None = None


class Practice(NamedTuple):
    """The part of a practice's record that determines the days of the practice.

    `schedule` has at least one span. The spans and the pauses are in ascending order. `ends_on` is the last day of the
    practice, or None if the practice has no end.
    """

    schedule: tuple[Span, ...]
    ends_on: date | None = None
    pauses: tuple[Pause, ...] = ()
    week_start: WeekStart = WeekStart.MONDAY


def read_practice(record: Mapping[str, Any]) -> Practice:
    """Return the `Practice` of a record in JSON form, from its `schedule`, `ends_on`, `pauses` and `week_start`.

    The days in the record are text (`YYYY-MM-DD`). Raise `UnsupportedRuleError` if `parse_rule` does not accept a rule.
    """
    return Practice(
        schedule=tuple(
            Span(
                date.fromisoformat(span["from_on"]),
                None if span["rule"] is None else parse_rule(span["rule"]),
                span["times_per_week"],
            )
            for span in record["schedule"]
        ),
        ends_on=_read_day(record["ends_on"]),
        pauses=tuple(
            Pause(date.fromisoformat(pause["from_on"]), _read_day(pause["until_on"])) for pause in record["pauses"]
        ),
        week_start=WeekStart(record["week_start"]),
    )


def _read_day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def best_outcomes(entries: Iterable[tuple[date, str]]) -> dict[date, EntryOutcome]:
    """Return the best outcome of each day that has practice entries: done before partly before skipped.

    `entries` has a day and an outcome for each practice entry, in any order.
    """
    logged: dict[date, set[str]] = {}
    for day, outcome in entries:
        logged.setdefault(day, set()).add(outcome)
    return {day: next(best for best in EntryOutcome if best in outcomes) for day, outcomes in logged.items()}


def due_days(practice: Practice, first: date, last: date) -> list[date]:
    """Return the due days from `first` to `last`, both included, in order.

    A day is due if the rule of the span in force names the day, and the practice is not paused. A span with
    `times_per_week` has no due days.
    """
    start, end = first.toordinal(), last.toordinal()
    paused = paused_ordinals(practice, start, end)
    return [date.fromordinal(day) for day in ruled_ordinals(practice, start, end) if day not in paused]


def day_states(
    practice: Practice, outcomes: Mapping[date, EntryOutcome], first: date, last: date, today: date
) -> dict[date, DayState]:
    """Return the state of each day from `first` to `last`, both included, in order.

    `outcomes` is the result of `best_outcomes`; it may have days outside the window.
    """
    start, end, now = first.toordinal(), last.toordinal(), today.toordinal()
    states = dict.fromkeys(range(start, end + 1), DayState.NONE)
    for day in ruled_ordinals(practice, start, end):
        states[day] = DayState.PASSED if day < now else DayState.AHEAD
    for span, begin, until in spans_in_force(practice, start, end):
        if begin <= now <= until and (span.times_per_week or states[now] == DayState.AHEAD):
            states[now] = DayState.OPEN
    for day in paused_ordinals(practice, start, end):
        states[day] = DayState.PAUSED
    for logged, outcome in outcomes.items():
        if first <= logged <= last:
            states[logged.toordinal()] = DayState(outcome)
    return {date.fromordinal(day): state for day, state in states.items()}


def spans_in_force(practice: Practice, first: int, last: int) -> Iterator[tuple[Span, int, int]]:
    """Yield each span that is in force on a day of a window, with the first and the last of its days in the window.

    Days are given as ordinals (`date.toordinal`).
    """
    if practice.ends_on is not None:
        last = min(last, practice.ends_on.toordinal())
    nexts = [span.from_on.toordinal() - 1 for span in practice.schedule[1:]]
    for span, until in zip(practice.schedule, [*nexts, last], strict=True):
        begin, end = max(first, span.from_on.toordinal()), min(last, until)
        if begin <= end:
            yield span, begin, end


def ruled_ordinals(practice: Practice, first: int, last: int) -> list[int]:
    """Return the days from `first` to `last` that the rules name, including paused days, in order, as ordinals."""
    return [
        day
        for span, begin, end in spans_in_force(practice, first, last)
        if span.rule is not None
        for day in named_ordinals(span.rule, span.from_on.toordinal(), begin, end, practice.week_start)
    ]


def paused_ordinals(practice: Practice, first: int, last: int) -> set[int]:
    """Return the days of the practice from `first` to `last` on which it is paused. Days are ordinals."""
    first = max(first, practice.schedule[0].from_on.toordinal())
    if practice.ends_on is not None:
        last = min(last, practice.ends_on.toordinal())
    paused: set[int] = set()
    for pause in practice.pauses:
        until = last if pause.until_on is None else min(last, pause.until_on.toordinal())
        paused.update(range(max(first, pause.from_on.toordinal()), until + 1))
    return paused
