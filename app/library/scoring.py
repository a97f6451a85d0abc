"""Scoring: computes the score of a person's answers by the rules of the instrument, and from nothing else."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from app.library.instruments import Instrument

COMPLETED: Final = "completed"
IN_ERROR: Final = "entered-in-error"


class Scoring(StrEnum):
    """How a total was computed.

    `complete`: all items that count are answered. `prorated`: some of them are not answered, and the total is
    extrapolated from the answers to the others. `incomplete`: there is no total.
    """

    COMPLETE = "complete"
    PRORATED = "prorated"
    INCOMPLETE = "incomplete"


class Score(NamedTuple):
    """The score of a person's answers to an instrument.

    `total` is None if it cannot be computed. `band` is the code of the band that contains the total, or None.
    `subscales` has the sum of each subscale by its code; it is None if the instrument has no subscales, or if an item
    that counts is not answered.
    """

    scoring: Scoring
    total: int | None
    subscales: dict[str, int] | None
    band: str | None
    flags: list[str]


def score(instrument: Instrument, answers: Sequence[int | None], status: str) -> Score:
    """Return the score of the answers of an assessment with this status.

    `answers` has one entry for each item, None if the item is not answered. An assessment that was entered in error has
    no total and no flags. A total is prorated only if the assessment is completed, at most `missing_allowed` of the
    items that count are not answered, and every item with a safety rule is answered.
    """
    if status == IN_ERROR:
        return Score(Scoring.INCOMPLETE, None, None, None, [])
    flags = flags_of(instrument, answers)
    counted = [answer for item, answer in zip(instrument.items, answers, strict=True) if item.counts]
    answered = [answer for answer in counted if answer is not None]
    total = sum(answered) * instrument.factor
    missing = len(counted) - len(answered)
    if not missing:
        return Score(Scoring.COMPLETE, total, _subscales(instrument, answers), _band(instrument, total), flags)
    guards = any(answers[rule.item - 1] is None for rule in instrument.safety)
    if status != COMPLETED or missing > instrument.missing_allowed or guards:
        return Score(Scoring.INCOMPLETE, None, None, None, flags)
    total = round_half_up(total * len(counted), len(answered))
    return Score(Scoring.PRORATED, total, None, _band(instrument, total), flags)


def flags_of(instrument: Instrument, answers: Sequence[int | None]) -> list[str]:
    """Return the flags that the instrument's safety rules give to answers, each once, in the order of the rules."""
    found = {
        rule.flag: None
        for rule in instrument.safety
        if (answer := answers[rule.item - 1]) is not None and answer >= rule.at_least
    }
    return [*found]


def round_half_up(dividend: int, divisor: int) -> int:
    """Return a quotient, rounded to the nearest integer; a half is rounded up. The divisor must be positive."""
    return (2 * dividend + divisor) // (2 * divisor)


def _subscales(instrument: Instrument, answers: Sequence[int | None]) -> dict[str, int] | None:
    sums = {
        each.code: sum(answer or 0 for answer in answers[each.first - 1 : each.last]) * instrument.factor
        for each in instrument.subscales
    }
    return sums or None


def _band(instrument: Instrument, total: int) -> str | None:
    return next((band.code for band in instrument.bands if band.lowest <= total <= band.highest), None)
