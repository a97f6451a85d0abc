"""Computes the days of a practice: due days, paused days, the states of days, and weeks.

All results depend only on the arguments: nothing here reads a clock or a database, or imports other parts of the
application. A day is a `datetime.date` without a time zone, so that clock changes and travel do not move it. A window
of days, from `first` to `last`, includes both.

    practice = read_practice(record)                                # the record as JSON
    outcomes = best_outcomes((entry.day, entry.outcome) for entry in entries)
    day_states(practice, outcomes, first, last, today)              # {day: DayState}
    weeks(practice, outcomes, first, last, today)                   # [Week]
"""

from app.recurrence.moments import instant, local_day
from app.recurrence.practice import (
    DayState,
    EntryOutcome,
    Pause,
    Practice,
    Span,
    best_outcomes,
    day_states,
    due_days,
    read_practice,
)
from app.recurrence.rules import MAX_RULE_LENGTH, Rule, UnsupportedRuleError, WeekStart, named_days, parse_rule
from app.recurrence.weeks import Week, WeeksKept, WeekState, week_of, weeks, weeks_kept

__all__ = [
    "MAX_RULE_LENGTH",
    "DayState",
    "EntryOutcome",
    "Pause",
    "Practice",
    "Rule",
    "Span",
    "UnsupportedRuleError",
    "Week",
    "WeekStart",
    "WeekState",
    "WeeksKept",
    "best_outcomes",
    "day_states",
    "due_days",
    "instant",
    "local_day",
    "named_days",
    "parse_rule",
    "read_practice",
    "week_of",
    "weeks",
    "weeks_kept",
]
