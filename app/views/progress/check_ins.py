"""Daily means of check-ins: for each day, the mean of each value that was entered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.library.scoring import round_half_up

SCALES: Final = ("mood", "anxiety", "energy", "sleep", "connectedness", "craving", "pain")
"""The names of the values of a check-in that are from 0 to 10."""
VALUES: Final = (*SCALES, "sleep_minutes")


@dataclass(frozen=True, slots=True)
class CheckInDay:
    """A day with check-ins: their number, and the mean of each of their values, to one decimal place, by its name."""

    day: date
    means: dict[str, float | None]
    count: int


def by_day(check_ins: Iterable[tuple[date, Mapping[str, int | None]]]) -> list[CheckInDay]:
    """Return the days that have check-ins, with the means of their values, in the order of the first check-ins.

    `check_ins` are the days and the values of the check-ins.
    """
    days: dict[date, list[Mapping[str, int | None]]] = {}
    for day, values in check_ins:
        days.setdefault(day, []).append(values)
    return [
        CheckInDay(day, {name: _mean([each[name] for each in of_day]) for name in VALUES}, len(of_day))
        for day, of_day in days.items()
    ]


def _mean(values: Iterable[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round_half_up(10 * sum(known), len(known)) / 10 if known else None
