"""Recurrence rules: a subset of the rules of RFC 5545 (section 3.3.10), and the days that a rule names.

A general library must not evaluate a rule from a client: python-dateutil never finishes `FREQ=DAILY;INTERVAL=0`. Here
the time is proportional to the requested window of days; COUNT adds at most one step for each month since the anchor,
which is the first day of the span that has the rule. Internally, a day is its ordinal (`date.toordinal`), and a month
is `12 * year + month - 1`.
"""

import re
from bisect import bisect_left, bisect_right
from calendar import isleap
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

MAX_RULE_LENGTH: Final = 120
_DAY_CODES: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BY_DAY: Final = f"(?:[1-4]|-1)?(?:{'|'.join(_DAY_CODES)})"
_MONTH_DAY: Final = "(?:[1-9]|[12][0-9]|3[01]|-1)"
_PARTS: Final = {
    "FREQ": re.compile("DAILY|WEEKLY|MONTHLY|YEARLY").fullmatch,
    "INTERVAL": re.compile("[1-9][0-9]?").fullmatch,
    "COUNT": re.compile("[1-9][0-9]{0,2}").fullmatch,
    "BYDAY": re.compile(f"{_BY_DAY}(?:,{_BY_DAY})*").fullmatch,
    "BYMONTHDAY": re.compile(f"{_MONTH_DAY}(?:,{_MONTH_DAY}){{0,5}}").fullmatch,
}
_MONTH_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CYCLE: Final = 12 * 400  # the number of months after which the lengths of months and their weekdays repeat


class WeekStart(StrEnum):
    """The weekday on which weeks begin."""

    MONDAY = "MO"
    SATURDAY = "SA"
    SUNDAY = "SU"


class UnsupportedRuleError(ValueError):
    """The text is not a recurrence rule, or has parts that are not supported (see `parse_rule`)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed recurrence rule.

    `count` is None if the rule has no COUNT. Only a weekly rule can have `weekdays` (0 is Monday). Only a monthly rule
    can have `month_days` (1 to 31, or -1 for the last day), or `month_weekdays`: pairs of a position in the month (1 to
    4, or -1 for the last) and a weekday.
    """

    frequency: str
    interval: int = 1
    count: int | None = None
    weekdays: tuple[int, ...] = ()
    month_weekdays: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()


def parse_rule(text: str) -> Rule:
    """Return the rule that a text describes; raise `UnsupportedRuleError` if the text is not supported.

    The text has at most 120 characters, in upper case. FREQ comes first, and no part occurs twice. The parts are:

    - `FREQ`: DAILY, WEEKLY, MONTHLY or YEARLY;
    - `INTERVAL`: 1 to 99;
    - `COUNT`: 1 to 999;
    - `BYDAY`: distinct weekdays; only with WEEKLY, or with MONTHLY, where each has an ordinal, 1 to 4 or -1;
    - `BYMONTHDAY`: one to six distinct days, 1 to 31 or -1; only with MONTHLY and without BYDAY.
    """
    parts = _split(text)
    frequency = parts["FREQ"]
    by_day = parts["BYDAY"].split(",") if "BYDAY" in parts else []
    by_month_day = parts["BYMONTHDAY"].split(",") if "BYMONTHDAY" in parts else []
    days = [(int(code[:-2] or 0), _DAY_CODES.index(code[-2:])) for code in by_day]
    with_ordinals = {"WEEKLY": {False}, "MONTHLY": {True}}.get(frequency, set())
    if (
        not {ordinal != 0 for ordinal, _ in days} <= with_ordinals
        or (by_month_day and (by_day or frequency != "MONTHLY"))
        or len(set(by_day)) < len(by_day)
        or len(set(by_month_day)) < len(by_month_day)
    ):
        raise UnsupportedRuleError
    return Rule(
        frequency,
        int(parts.get("INTERVAL", "1")),
        int(parts["COUNT"]) if "COUNT" in parts else None,
        weekdays=tuple(weekday for ordinal, weekday in days if not ordinal),
        month_weekdays=tuple(day for day in days if day[0]),
        month_days=tuple(map(int, by_month_day)),
    )


def _split(text: str) -> dict[str, str]:
    """Return the values of a rule's parts by name.

    Raise `UnsupportedRuleError` if the rule does not begin with FREQ, is too long, or has an invalid, unknown or
    repeated part. Whether the parts fit together is not checked.
    """
    parts: dict[str, str] = {}
    if len(text) > MAX_RULE_LENGTH or not text.startswith("FREQ="):
        raise UnsupportedRuleError
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name in parts or name not in _PARTS or not _PARTS[name](value):
            raise UnsupportedRuleError
        parts[name] = value
    return parts


def named_days(
    rule: Rule, anchor: date, first: date, last: date, week_start: WeekStart = WeekStart.MONDAY
) -> list[date]:
    """Return the days from `first` to `last`, both included, that a rule names, in order.

    `anchor` is the day from which INTERVAL and COUNT count. The rule names no day before the anchor, and the anchor
    itself only if it matches. A weekly, monthly or yearly rule without BYDAY and BYMONTHDAY uses the weekday, or the
    day of the month, of the anchor. The weeks of INTERVAL begin on `week_start`.
    """
    named = named_ordinals(rule, anchor.toordinal(), first.toordinal(), last.toordinal(), week_start)
    return [date.fromordinal(day) for day in named]


def named_ordinals(rule: Rule, anchor: int, first: int, last: int, week_start: WeekStart) -> list[int]:
    """Return the same days as `named_days`. All days, also those of the arguments, are ordinals."""
    rule = _completed(rule, anchor)
    if rule.count is not None:
        last = min(last, _last_counted(rule, anchor, last, week_start))
    first = max(first, anchor)
    if first > last:
        return []
    if rule.frequency == "DAILY":
        return list(range(first + (anchor - first) % rule.interval, last + 1, rule.interval))
    if rule.frequency == "WEEKLY":
        offsets, week, step = _offsets(rule, week_start), first_of_week(anchor, week_start), 7 * rule.interval
        week += (first - week) // step * step
        days = [day + offset for day in range(week, last + 1, step) for offset in offsets]
    else:
        month = _month_of(anchor)
        month += max(0, _month_of(first) - month + rule.interval - 1) // rule.interval * rule.interval
        days = [day for each in range(month, _month_of(last) + 1, rule.interval) for day in _days_of(rule, each)]
    return days[bisect_left(days, first) : bisect_right(days, last)]


def first_of_week(day: int, week_start: WeekStart) -> int:
    """Return the first day of the week that contains `day`. Both are ordinals."""
    return day - (day - 1 - _DAY_CODES.index(week_start)) % 7  # the ordinal 1 is a Monday


def _completed(rule: Rule, anchor: int) -> Rule:
    """Return a copy of a rule that no longer depends on the anchor's weekday or day of the month.

    A weekly or monthly rule without BYDAY and BYMONTHDAY gets the weekday, or the day of the month, of the anchor. A
    yearly rule becomes a monthly rule with twelve times the interval and the anchor's day of the month.
    """
    if rule.frequency == "WEEKLY" and not rule.weekdays:
        return replace(rule, weekdays=((anchor - 1) % 7,))
    if rule.frequency == "YEARLY":
        return Rule("MONTHLY", 12 * rule.interval, rule.count, month_days=(date.fromordinal(anchor).day,))
    if rule.frequency == "MONTHLY" and not rule.month_days and not rule.month_weekdays:
        return replace(rule, month_days=(date.fromordinal(anchor).day,))
    return rule


def _last_counted(rule: Rule, anchor: int, last: int, week_start: WeekStart) -> int:
    """Return the last day that a rule with COUNT names, as an ordinal.

    The search in a monthly rule ends with the month of `last`: if COUNT is not reached by then, return `last`.
    """
    left = rule.count or 0
    if rule.frequency == "DAILY":
        return anchor + rule.interval * (left - 1)
    if rule.frequency == "WEEKLY":
        offsets, week = _offsets(rule, week_start), first_of_week(anchor, week_start)
        weeks, n = divmod(bisect_left(offsets, anchor - week) + left - 1, len(offsets))
        return week + 7 * rule.interval * weeks + offsets[n]
    left += bisect_left(_days_of(rule, _month_of(anchor)), anchor)
    sizes: dict[int, int] = {}
    for month in range(_month_of(anchor), _month_of(last) + 1, rule.interval):
        sort = _SORTS_OF_MONTHS[month % _CYCLE]
        if sort not in sizes:
            sizes[sort] = len(_days_of(rule, month))
        if left <= sizes[sort]:
            return _days_of(rule, month)[left - 1]
        left -= sizes[sort]
    return last


def _offsets(rule: Rule, week_start: WeekStart) -> list[int]:
    """Return the weekdays of a weekly rule as numbers of days after the first day of the week, in order."""
    return sorted((weekday - _DAY_CODES.index(week_start)) % 7 for weekday in rule.weekdays)


def _month_of(day: int) -> int:
    """Return the month of a day, as `12 * year + month - 1`. The day is an ordinal."""
    moment = date.fromordinal(day)
    return 12 * moment.year + moment.month - 1


def _days_of(rule: Rule, month: int) -> list[int]:
    """Return the days of a month that a monthly rule names, as ordinals, in order and without repetition."""
    first = date(month // 12, month % 12 + 1, 1).toordinal()
    length, weekday = _length(month), (first - 1) % 7
    days = {length if day < 0 else day for day in rule.month_days if day <= length}
    for ordinal, named in rule.month_weekdays:
        if ordinal > 0:
            days.add(1 + (named - weekday) % 7 + 7 * (ordinal - 1))
        else:
            days.add(length - (weekday + length - 1 - named) % 7)
    return [first + day - 1 for day in sorted(days)]


def _length(month: int) -> int:
    """Return the number of days of a month."""
    return 29 if month % 12 == 1 and isleap(month // 12) else _MONTH_LENGTHS[month % 12]


def _sorts_of_months() -> bytes:
    """Return a number for each month of the calendar's cycle of 400 years.

    Months with the same length and the same first weekday get the same number: a monthly rule names as many days in
    each of them.
    """
    sorts, weekday = [], 5  # 1 January of the year 0, and of 2000, is a Saturday
    for month in range(_CYCLE):
        sorts.append(7 * _length(month) + weekday)
        weekday = (weekday + _length(month)) % 7
    return bytes(sorts)


_SORTS_OF_MONTHS: Final = _sorts_of_months()
