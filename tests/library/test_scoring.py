"""Scoring: the right values of `scoring.json`, and the rules that hold for every instrument."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.library import Instrument, Library, Scoring, score
from app.library.scoring import round_half_up

CASES = json.loads(Path(__file__).with_name("scoring.json").read_text("utf-8"))["cases"]
LIBRARY = Library()
EVERY = pytest.mark.parametrize("instrument", LIBRARY.instruments(), ids=lambda each: each.code)


def phq(*answers: int | None, status: str = "completed") -> Any:
    """Return the score of answers to the PHQ-9."""
    return score(instrument_of("phq-9"), answers, status)


def instrument_of(code: str, **changes: object) -> Instrument:
    """Return a shipped instrument, with changes."""
    found = LIBRARY.instrument(code)
    assert found is not None
    return Instrument.model_validate(found.model_dump(by_alias=True) | changes)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_case_has_its_right_value(case: dict[str, Any]) -> None:
    given = case["given"]
    found = score(instrument_of(given["instrument"]), given["answers"], given["status"])
    assert found._asdict() == case["expect"]


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [(144, 8, 18), (49, 6, 8), (5, 2, 3), (1, 2, 1), (0, 7, 0), (-5, 2, -2), (-1, 3, 0)],
)
def test_a_half_is_rounded_up(dividend: int, divisor: int, quotient: int) -> None:
    assert round_half_up(dividend, divisor) == quotient


def test_an_unfinished_assessment_is_never_completed_in_proportion() -> None:
    answers = (2, 2, None, 2, 2, 2, 2, 2, 0, None)
    assert phq(*answers).scoring is Scoring.PRORATED
    assert phq(*answers, status="in-progress") == (Scoring.INCOMPLETE, None, None, None, [])


def test_an_unfinished_assessment_with_all_answers_has_a_total() -> None:
    assert phq(*[1] * 8, 0, None, status="in-progress") == (Scoring.COMPLETE, 8, None, "mild", [])


def test_an_assessment_entered_in_error_says_nothing() -> None:
    assert phq(*[3] * 10, status="entered-in-error") == (Scoring.INCOMPLETE, None, None, None, [])


def test_more_missing_answers_than_allowed_give_no_total() -> None:
    assert phq(2, 2, None, None, 2, 2, 2, 2, 0, 1).scoring is Scoring.INCOMPLETE


def test_a_total_in_proportion_has_no_subscales() -> None:
    lenient = instrument_of("pcl-5", missing_allowed=1)
    found = score(lenient, [1] * 19 + [None], "completed")
    assert found == (Scoring.PRORATED, 20, None, None, [])


def test_a_factor_multiplies_subscales_too() -> None:
    doubled = instrument_of("pcl-5", factor=2)
    found = score(doubled, [1] * 20, "completed")
    assert (found.total, found.subscales) == (
        40,
        {"intrusion": 10, "avoidance": 4, "cognition-mood": 14, "arousal": 12},
    )


def test_only_an_instrument_with_a_rule_guards_safety() -> None:
    assert [each.code for each in LIBRARY.instruments() if each.guards_safety] == ["phq-9"]


def test_a_flag_is_raised_once() -> None:
    rules = [{"item": 9, "at_least": 1, "flag": "self-harm"}, {"item": 8, "at_least": 2, "flag": "self-harm"}]
    assert score(instrument_of("phq-9", safety=rules), [2] * 10, "completed").flags == ["self-harm"]


@EVERY
def test_random_answers_keep_the_rules(instrument: Instrument) -> None:
    rng = Random(instrument.code)  # noqa: S311 - the same answers each time
    lowest, highest = (
        sum(getattr(item, bound) for item in instrument.items if item.counts) * instrument.factor
        for bound in ("least", "most")
    )
    for _ in range(300):
        answers = [None if rng.random() < 0.08 else rng.randint(item.least, item.most) for item in instrument.items]
        found = score(instrument, answers, rng.choice(["completed", "in-progress"]))
        missing = any(answer is None for item, answer in zip(instrument.items, answers, strict=True) if item.counts)
        assert (found.scoring is Scoring.COMPLETE) is not missing
        assert (found.total is None) is (found.scoring is Scoring.INCOMPLETE)
        assert found.total is None or lowest <= found.total <= highest
        assert found.band is None or found.total is not None
        flagged = any((answers[rule.item - 1] or 0) >= rule.at_least for rule in instrument.safety)
        assert bool(found.flags) is flagged
