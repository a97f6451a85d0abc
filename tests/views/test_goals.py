"""Goal attainment: the T score, by the cases with known values and by the formula's properties."""

import json
from datetime import date, timedelta
from math import sqrt
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.views.progress.goals import Attainment, Goal, GoalPoint, Level, attainment, t_score

CASES = json.loads(Path(__file__).with_name("goals.json").read_text("utf-8"))["cases"]
DAY = date(2026, 11, 1)
FIRST, SECOND = UUID(int=1), UUID(int=2)
NOTHING = Attainment(None, None, 0, [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_score_of_a_case(case: dict[str, Any]) -> None:
    assert case["asks"] == "t"
    assert t_score(case["given"]["goals"]) == case["expect"]


def test_goals_reached_as_expected_score_50() -> None:
    assert t_score([(1, 0), (9, 0)]) == 50


def test_without_goals_there_is_no_score() -> None:
    assert t_score([]) is None
    assert attainment({}, [], DAY) == NOTHING


def test_a_score_does_not_depend_on_the_order_of_goals() -> None:
    assert t_score([(3, 2), (1, -2), (5, 1)]) == t_score([(5, 1), (3, 2), (1, -2)])


def test_each_day_with_a_level_has_the_score_of_all_levels_so_far() -> None:
    goals = {FIRST: Goal(1, -1), SECOND: Goal(3, None)}
    levels = [
        Level(FIRST, DAY, 0),
        Level(SECOND, DAY + timedelta(days=1), 1),
        Level(FIRST, DAY + timedelta(days=3), -1),
        Level(FIRST, DAY + timedelta(days=3), 2),
    ]
    found = attainment(goals, levels, DAY + timedelta(days=1))
    both = sqrt(0.7 * 10 + 0.3 * 16)
    assert found.points == [
        GoalPoint(DAY + timedelta(days=1), round(50 + 30 / both, 2)),
        GoalPoint(DAY + timedelta(days=3), round(50 + 50 / both, 2)),
    ]
    assert found.t == found.points[-1].t
    assert found.count == 2
    assert found.baseline_t == 40  # of the goal that has one


def test_a_goal_without_a_level_and_a_level_without_a_goal_do_not_count() -> None:
    found = attainment({FIRST: Goal(1, -2)}, [Level(SECOND, DAY, 2)], DAY)
    assert found == NOTHING
