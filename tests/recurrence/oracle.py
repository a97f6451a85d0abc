"""An independent reading of the days of a practice: day by day, with the rules of python-dateutil.

It takes a practice as its record has it (JSON), and rules as text, so that it shares nothing with the application.
"""

from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import islice, pairwise
from typing import Any

from dateutil.rrule import rrulestr

Json = dict[str, Any]
ONE_DAY = timedelta(days=1)
day_of = date.fromisoformat


@cache
def named(rule: str, anchor: date, last: date, week_start: str) -> frozenset[date]:
    """Return all days from the anchor to `last` that a rule names.

    COUNT is applied here, because python-dateutil would look for the missing days up to the year 9999.
    """
    parts = dict(part.split("=") for part in rule.split(";"))
    count = parts.pop("COUNT", None)
    endless = ";".join(f"{name}={value}" for name, value in parts.items())
    until = f"{last:%Y%m%d}T000000"
    days = rrulestr(f"{endless};UNTIL={until};WKST={week_start}", dtstart=datetime.combine(anchor, time()))
    return frozenset(moment.date() for moment in islice(days, None if count is None else int(count)))


def span_of(practice: Json, day: date) -> Json | None:
    """Return the span that is in force on a day."""
    if practice["ends_on"] is not None and day > day_of(practice["ends_on"]):
        return None
    begun: list[Json] = [span for span in practice["schedule"] if day_of(span["from_on"]) <= day]
    return begun[-1] if begun else None


def is_named(practice: Json, day: date, last: date) -> bool:
    """Return whether the rule in force names a day. `last` is the end of the test's window, for the cache."""
    span = span_of(practice, day)
    if span is None or span["rule"] is None:
        return False
    return day in named(span["rule"], day_of(span["from_on"]), last, practice["week_start"])


def is_paused(practice: Json, day: date) -> bool:
    """Return whether a pause covers a day on which the practice is in force."""
    return span_of(practice, day) is not None and any(
        day_of(pause["from_on"]) <= day and (pause["until_on"] is None or day <= day_of(pause["until_on"]))
        for pause in practice["pauses"]
    )


def best(entries: list[tuple[date, str]], day: date) -> str | None:
    """Return the best outcome that was logged for a day."""
    logged = [outcome for logged_for, outcome in entries if logged_for == day]
    return min(logged, key=["done", "partly", "skipped"].index, default=None)


def state(practice: Json, entries: list[tuple[date, str]], day: date, today: date, last: date) -> str:
    """Return the state of a day."""
    outcome = best(entries, day)
    if outcome is not None:
        return outcome
    span = span_of(practice, day)
    if span is None:
        return "none"
    if is_paused(practice, day):
        return "paused"
    if day == today and span["times_per_week"] is not None:
        return "open"
    if not is_named(practice, day, last):
        return "none"
    return "passed" if day < today else "open" if day == today else "ahead"


def week_of(practice: Json, day: date) -> date:
    """Return the first day of the week of a day."""
    names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    while names[day.weekday()] != practice["week_start"]:
        day -= ONE_DAY
    return day


def week(practice: Json, entries: list[tuple[date, str]], starts_on: date, today: date, last: date) -> Json:
    """Return the week that begins on a day, with the members of `recurrence.Week`."""
    days = [starts_on + n * ONE_DAY for n in range(7)]
    outcomes = [best(entries, day) for day in days]
    asked = [
        day
        for day, outcome in zip(days, outcomes, strict=True)
        if outcome != "skipped" and not is_paused(practice, day)
    ]
    spans = [span for day in asked if (span := span_of(practice, day)) is not None]
    expected = sum(is_named(practice, day, last) for day in asked)
    expected += sum(span["times_per_week"] or 0 for span in spans) // 7
    done, partly = outcomes.count("done"), outcomes.count("partly")
    percent = None
    if expected:
        percent = min(100, int(100 * (done + partly / 2) / expected + 0.5))
    condition = "free" if not expected else "kept" if (done + partly) * 3 >= expected * 2 else "not-kept"
    if condition == "not-kept" and today <= days[-1]:
        condition = "open"
    return {
        "starts_on": starts_on,
        "expected": expected,
        "done": done,
        "partly": partly,
        "skipped": outcomes.count("skipped"),
        "state": condition,
        "percent": percent,
    }


def runs(states: list[str]) -> tuple[int, int, bool]:
    """Return the current and the longest run of kept weeks, and whether one is forgiven in the current, from all states."""
    counted = [each for each in states if each in {"kept", "not-kept"}]
    found: list[list[str]] = [[]]
    for before, each in pairwise(["", *counted]):
        if before == each == "not-kept":
            found.append([])
        found[-1].append(each)
    current = "".join("+" if each == "kept" else "-" for each in found[-1]).lstrip("-")
    return current.count("+"), max(run.count("kept") for run in found), "-" in current
