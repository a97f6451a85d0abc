"""Rules: the closed grammar, the days that they name, and what that costs."""

import sys
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from types import FrameType
from typing import Any

import pytest

from app.recurrence import MAX_RULE_LENGTH, Rule, UnsupportedRuleError, WeekStart, named_days, parse_rule
from tests.hostile.chance import EFFORT
from tests.recurrence.oracle import named
from tests.recurrence.random_practices import random_rule

ANCHOR = date(2026, 11, 2)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("FREQ=DAILY", Rule("DAILY")),
        ("FREQ=DAILY;COUNT=999;INTERVAL=99", Rule("DAILY", 99, 999)),
        ("FREQ=WEEKLY;BYDAY=SU,MO", Rule("WEEKLY", weekdays=(6, 0))),
        ("FREQ=MONTHLY;BYDAY=-1FR,4MO", Rule("MONTHLY", month_weekdays=((-1, 4), (4, 0)))),
        ("FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=31,-1,1", Rule("MONTHLY", 2, month_days=(31, -1, 1))),
        ("FREQ=YEARLY;INTERVAL=4", Rule("YEARLY", 4)),
    ],
)
def test_a_rule_of_the_grammar_is_parsed(text: str, rule: Rule) -> None:
    assert parse_rule(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FREQ",
        "FREQ=",
        "FREQ=daily",
        "freq=DAILY",
        "RRULE:FREQ=DAILY",
        " FREQ=DAILY",
        "FREQ=DAILY ",
        "FREQ=DAILY;",
        "FREQ=DAILY;;COUNT=1",
        "INTERVAL=2;FREQ=DAILY",
        "INTERVAL=2",
        "FREQ=SECONDLY",
        "FREQ=DAILY;INTERVAL=",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=100",
        "FREQ=DAILY;INTERVAL=01",
        "FREQ=DAILY;INTERVAL=1;INTERVAL=1",
        "FREQ=DAILY;INTERVAL=\N{ARABIC-INDIC DIGIT TWO}",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=1.5",
        "FREQ=DAILY;COUNT=1=1",
        "FREQ=DAILY;BYDAY=MO",
        "FREQ=DAILY;BYMONTHDAY=1",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;UNTIL=20270101",
        "FREQ=DAILY;BYHOUR=7",
        "FREQ=WEEKLY;BYDAY=",
        "FREQ=WEEKLY;BYDAY=MO,",
        "FREQ=WEEKLY;BYDAY=MO,MO",
        "FREQ=WEEKLY;BYDAY=MO,1TU",
        "FREQ=WEEKLY;BYDAY=mo",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYDAY=MO",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYDAY=+1MO",
        "FREQ=MONTHLY;BYDAY=-2MO",
        "FREQ=MONTHLY;BYDAY=1MO,1MO",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=-2",
        "FREQ=MONTHLY;BYMONTHDAY=1,1",
        "FREQ=MONTHLY;BYMONTHDAY=1,2,3,4,5,6,7",
        "FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=1",
        "FREQ=YEARLY;BYDAY=1MO",
        "FREQ=YEARLY;BYMONTHDAY=1",
        "FREQ=DAILY\x00",
        "FREQ=DAILY\r\nEXDATE:20261102",
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedRuleError):
        parse_rule(text)


def test_a_rule_has_at_most_120_characters() -> None:
    days = [f"{ordinal}{day}" for ordinal in (1, 2, 3, 4) for day in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")]
    longest = f"FREQ=MONTHLY;INTERVAL=10;BYDAY={','.join(days[:22])}"
    assert len(longest) <= MAX_RULE_LENGTH < len(f"{longest},{days[22]}")
    assert len(parse_rule(longest).month_weekdays) == 22
    with pytest.raises(UnsupportedRuleError):
        parse_rule(f"{longest},{days[22]}")


@pytest.mark.parametrize("seed", range(30))
def test_random_rules_name_the_same_days_as_an_independent_library(seed: int) -> None:
    random = Random(seed)  # noqa: S311
    for _ in range(100 * EFFORT):
        text, week_start = random_rule(random), random.choice(list(WeekStart))
        anchor = date(2019, 12, 20) + timedelta(days=random.randrange(3000))
        first = anchor + timedelta(days=random.choice([-40, 0, 1, 30, 400, 1200]))
        last = first + timedelta(days=random.choice([0, 6, 60, 400]))
        expected = sorted(day for day in named(text, anchor, last, week_start) if day >= first)
        assert named_days(parse_rule(text), anchor, first, last, week_start) == expected, (text, anchor, week_start)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;COUNT=999;INTERVAL=99",
        "FREQ=WEEKLY;COUNT=999;INTERVAL=99;BYDAY=SU",
        "FREQ=MONTHLY;COUNT=999",
        "FREQ=MONTHLY;COUNT=999;BYMONTHDAY=31",
        "FREQ=MONTHLY;COUNT=999;BYMONTHDAY=28,29,30,31,-1",
        "FREQ=MONTHLY;COUNT=999;BYDAY=4MO,-1MO",
        "FREQ=YEARLY;COUNT=999",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31",
    ],
)
def test_a_hostile_rule_costs_no_more_than_its_window(text: str) -> None:
    rule, anchor = parse_rule(text), date(1900, 2, 28)
    calls = count_calls(lambda: named_days(rule, anchor, date(2200, 1, 1), date(2200, 1, 31)))
    assert calls < 1_000


def test_a_window_before_the_anchor_or_after_the_end_has_no_day() -> None:
    rule = parse_rule("FREQ=DAILY;COUNT=3")
    assert named_days(rule, ANCHOR, date(2026, 1, 1), date(2026, 11, 1)) == []
    assert named_days(rule, ANCHOR, date(2026, 11, 5), date(2026, 12, 1)) == []
    assert named_days(rule, ANCHOR, date(2026, 12, 1), date(2026, 11, 1)) == []


def count_calls(function: Callable[[], object]) -> int:
    """Return how many functions were called, which a busy machine does not change as it changes time."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls
