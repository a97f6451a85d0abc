"""Goal attainment scaling (Kiresuk and Sherman 1968): one T score for several weighted goals with levels from -2 to 2.

A score of 50 means that on average the goals were reached as expected.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import Final, NamedTuple
from uuid import UUID

CORRELATION: Final = 0.3
"""The correlation between goals that the formula assumes."""


class Goal(NamedTuple):
    """An intention with a scale: its weight, 1 to 9, and its level at the beginning, -2 to 2, or None."""

    weight: int
    baseline: int | None


class Level(NamedTuple):
    """The level of a goal on a day, -2 to 2, as an outcome states it."""

    goal_id: UUID
    day: date
    level: int


class GoalPoint(NamedTuple):
    """The T score of all goals that have a level, at the end of a day."""

    day: date
    t: float


@dataclass(frozen=True, slots=True)
class Attainment:
    """The attainment of goals in a range of days: `t` is the T score at the end of the range.

    `baseline_t` is the T score of the levels at the beginning, `count` is the number of goals, and `points` are the T
    scores by day.
    """

    t: float | None
    baseline_t: float | None
    count: int
    points: list[GoalPoint]


def t_score(weighted_levels: Iterable[tuple[int, int]]) -> float | None:
    """Return the T score of pairs of a weight and a level, to two decimal places; None if there is no pair."""
    pairs = list(weighted_levels)
    if not pairs:
        return None
    weights = [weight for weight, _ in pairs]
    squares = sum(weight * weight for weight in weights)
    spread = sqrt((1 - CORRELATION) * squares + CORRELATION * sum(weights) ** 2)
    return round(50 + 10 * sum(weight * level for weight, level in pairs) / spread, 2)


def attainment(goals: Mapping[UUID, Goal], levels: Sequence[Level], from_on: date) -> Attainment:
    """Return the attainment of the goals that have a level.

    `levels` are the levels of all days up to the end of the range, ordered by day. If a goal has several levels on a
    day, the last one counts. The result has a T score for each day from `from_on` on for which a level is known.
    """
    current: dict[UUID, int] = {}
    points: dict[date, float | None] = {}
    for level in levels:
        if level.goal_id in goals:
            current[level.goal_id] = level.level
            points[level.day] = t_score((goals[id].weight, reached) for id, reached in current.items())
    known = [(goal.weight, goal.baseline) for id in current if (goal := goals[id]).baseline is not None]
    return Attainment(
        t=t_score((goals[id].weight, reached) for id, reached in current.items()),
        baseline_t=t_score((weight, baseline) for weight, baseline in known if baseline is not None),
        count=len(current),
        points=[GoalPoint(day, t) for day, t in points.items() if day >= from_on and t is not None],
    )
