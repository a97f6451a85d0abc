"""The weeks of a practice: how many days were expected and done in each week, and which weeks in a row were kept."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from app.recurrence.practice import EntryOutcome, Practice, paused_ordinals, ruled_ordinals, spans_in_force
from app.recurrence.rules import WeekStart, first_of_week

MAX_WEEKS_BACK: Final = 260


class WeekState(StrEnum):
    """The state of a week of a practice.

    `free`: no day was expected. `kept`: the number of days that were done or partly done is at least two thirds of the
    number of expected days. `open`: the week is neither over nor kept yet. `not-kept`: the week is over and was not
    kept.
    """

    KEPT = "kept"
    NOT_KEPT = "not-kept"
    OPEN = "open"
    FREE = "free"


class Week(NamedTuple):
    """A week of a practice: the numbers of expected, done, partly done and skipped days, and the state.

    `percent` is the share of the expected days that was done, or None if no day was expected.
    """

    starts_on: date
    expected: int
    done: int
    partly: int
    skipped: int
    state: WeekState
    percent: int | None


class WeeksKept(NamedTuple):
    """How many weeks of a practice were kept in a row: in the current run and in the longest run.

    A run continues over a single week that was not kept. `forgiven`: whether the current run has such a week.
    """

    current: int
    longest: int
    forgiven: bool


def week_of(day: date, week_start: WeekStart) -> date:
    """Return the first day of the week that contains a day."""
    return date.fromordinal(first_of_week(day.toordinal(), week_start))


def weeks(
    practice: Practice, outcomes: Mapping[date, EntryOutcome], first: date, last: date, today: date
) -> list[Week]:
    """Return the weeks that have a day from `first` to `last`, both included, in order.

    `outcomes` is the result of `best_outcomes`; it may have days outside these weeks.

    - `expected`: the number of days that the rules name, without paused and skipped days. In a span with
      `times_per_week`, each day that is not paused or skipped adds a seventh of it; the sum of the sevenths is rounded
      down;
    - `done`, `partly`, `skipped`: the number of days with this best outcome, whether they were due or not;
    - `state`: `kept` if `done` and `partly` together are at least two thirds of `expected`;
    - `percent`: the share of `expected` that was done, at most 100. A day in `partly` counts as half a day; half
      percents are rounded up.
    """
    start = first_of_week(first.toordinal(), practice.week_start)
    end = first_of_week(last.toordinal(), practice.week_start) + 6
    logged = {day.toordinal(): outcome for day, outcome in outcomes.items()}
    logged = {day: outcome for day, outcome in logged.items() if start <= day <= end}
    excused = paused_ordinals(practice, start, end)
    excused.update(day for day, outcome in logged.items() if outcome == EntryOutcome.SKIPPED)
    numbers = range((end - start) // 7 + 1)
    due, sevenths = [0 for _ in numbers], [0 for _ in numbers]
    for day in ruled_ordinals(practice, start, end):
        due[(day - start) // 7] += day not in excused
    for span, begin, until in spans_in_force(practice, start, end):
        if span.times_per_week is not None:
            for day in range(begin, until + 1):
                sevenths[(day - start) // 7] += span.times_per_week * (day not in excused)
    counts = [dict.fromkeys(EntryOutcome, 0) for _ in numbers]
    for day, outcome in logged.items():
        counts[(day - start) // 7][outcome] += 1
    now = today.toordinal()
    return [
        _week(start + 7 * n, due[n] + sevenths[n] // 7, counts[n], is_over=start + 7 * n + 6 < now) for n in numbers
    ]


def weeks_kept(practice: Practice, outcomes: Mapping[date, EntryOutcome], today: date) -> WeeksKept:
    """Return how many weeks were kept in a row, among the week of `today` and the 260 weeks before it.

    Free weeks are ignored. A single week that was not kept does not end a run, and is not counted in it; two such weeks
    in a row end the run. The week of `today` counts as soon as it is kept. `outcomes` is the result of `best_outcomes`.
    """
    run = longest = 0
    lapsed = forgiven = False
    first = max(practice.schedule[0].from_on, date.fromordinal(today.toordinal() - 7 * MAX_WEEKS_BACK))
    for week in weeks(practice, outcomes, first, today, today) if first <= today else ():
        if week.state == WeekState.KEPT:
            run, lapsed = run + 1, False
            longest = max(longest, run)
        elif week.state == WeekState.NOT_KEPT:
            run, forgiven, lapsed = (0, False, True) if lapsed else (run, run > 0, True)
    return WeeksKept(run, longest, forgiven)


def _week(start: int, expected: int, counts: Mapping[EntryOutcome, int], *, is_over: bool) -> Week:
    """Return the week that begins on the day `start`, an ordinal.

    `counts` has the number of days with each best outcome. `is_over` says whether the last day of the week has passed.
    """
    done, partly, skipped = (counts[outcome] for outcome in EntryOutcome)
    if not expected:
        state = WeekState.FREE
    elif 3 * (done + partly) >= 2 * expected:
        state = WeekState.KEPT
    else:
        state = WeekState.NOT_KEPT if is_over else WeekState.OPEN
    percent = min(100, (100 * (2 * done + partly) + expected) // (2 * expected)) if expected else None
    return Week(date.fromordinal(start), expected, done, partly, skipped, state, percent)
