"""Follow-ups: when they are open, and when they are done."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from app.library import FollowUpKind, FollowUpRule, Library
from app.views.today.follow_ups import Logged, follow_ups

SESSION_ID = UUID(int=1)
SESSION_DAY = date(2026, 11, 1)
RULES = Library().follow_ups.follow_ups


def on(days: int) -> date:
    return SESSION_DAY + timedelta(days=days)


def open_on(first: int, last: int | None = None, *logged: Logged) -> list[tuple[str, int, int, bool]]:
    span = on(first), on(first if last is None else last)
    found = follow_ups(RULES, SESSION_ID, SESSION_DAY, logged, span)
    assert {each.session_id for each in found} <= {SESSION_ID}
    days = [((each.opens_on - SESSION_DAY).days, (each.closes_on - SESSION_DAY).days) for each in found]
    return [(each.instrument or each.kind, *both, each.done) for each, both in zip(found, days, strict=True)]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (0, []),
        (1, [("check-in", 1, 2, False), ("reflection", 1, 2, False)]),
        (2, [("check-in", 1, 2, False), ("reflection", 1, 2, False)]),
        (7, [("reflection", 3, 13, False), ("check-in", 7, 13, False)]),
        (14, [(each, 14, 29, False) for each in ("check-in", "reflection", "phq-9", "gad-7")]),
        (60, [*((each, 30, 89, False) for each in ("check-in", "phq-9", "gad-7"))]),
        (90, [(each, 90, 119, False) for each in ("check-in", "phq-9", "gad-7")]),
        (119, [(each, 90, 119, False) for each in ("check-in", "phq-9", "gad-7")]),
        (120, []),
    ],
    ids=lambda value: f"day-{value}" if isinstance(value, int) else "",
)
def test_each_is_open_until_the_next_of_its_kind_opens(day: int, expected: list[tuple[str, int, int, bool]]) -> None:
    assert open_on(day) == expected


def test_those_that_open_in_the_days_ahead_are_listed_too() -> None:
    kinds = [(kind, opens) for kind, opens, _, _ in open_on(10, 14)]
    expected = [
        ("reflection", 3),
        ("check-in", 7),
        *((each, 14) for each in ("check-in", "reflection", "phq-9", "gad-7")),
    ]
    assert kinds == expected


@pytest.mark.parametrize(("day", "done"), [(13, False), (14, True), (29, True), (30, False)])
def test_one_is_done_by_a_record_of_its_kind_on_one_of_its_days(day: int, *, done: bool) -> None:
    found = open_on(20, 20, Logged(FollowUpKind.ASSESSMENT, "phq-9", on(day)))
    assert [each[-1] for each in found] == [False, False, done, False]


def test_the_last_reflection_is_open_for_30_days() -> None:
    assert ("reflection", 30, 59, False) in open_on(59)
    assert "reflection" not in [each[0] for each in open_on(60)]


def test_the_longest_is_found_for_the_reach_of_the_query() -> None:
    assert [rule.longest_days for rule in RULES] == [60, 30, 60, 60]


@pytest.mark.parametrize(
    "wrong",
    [{"days": [3, 3]}, {"days": []}, {"kind": "assessment"}, {"instrument": "phq-9"}, {"last_open_days": 0}],
    ids=["same-day", "no-day", "no-instrument", "instrument-of-a-check-in", "never-open"],
)
def test_a_wrong_rule_is_refused(wrong: dict[str, object]) -> None:
    rule = {"kind": "check-in", "instrument": None, "days": [1], "last_open_days": 30}
    with pytest.raises(ValidationError):
        FollowUpRule.model_validate(rule | wrong)
