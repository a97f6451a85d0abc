"""Measures: the scores of a questionnaire over time, from the baseline to the latest one."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from app.library import Instrument
from app.library.scoring import round_half_up

BASELINE: Final = "baseline"
HIGHER_IS_BETTER: Final = "higher-is-better"


class Point(NamedTuple):
    """The score of a completed assessment. `total` is null if too many answers are missing."""

    assessment_id: UUID
    day: date
    total: int | None
    band: str | None
    scoring: str
    timepoint: str | None
    days_since_dosing: int | None


class Change(NamedTuple):
    """The difference between the latest total and the baseline, and what it means by the instrument's file."""

    points: int
    percent: int | None
    """Of the baseline; null if that is 0."""
    beyond: bool | None
    response: bool | None
    remission: bool | None


class Measure(NamedTuple):
    """The scores of one version of an instrument."""

    points: list[Point]
    baseline: Point | None
    latest: Point | None
    change: Change | None


def measure(
    points: Iterable[Point], instrument: Instrument | None, first_dosing_on: date | None, from_on: date
) -> Measure:
    """Return the measure of all completed assessments up to the end of a range, in the order of their times.

    The result's points are those from `from_on` on. Its baseline and change are of all. `instrument` is None if the server
    no longer has it.
    """
    ordered = list(points)
    scored = [each for each in ordered if each.total is not None]
    baseline = baseline_of(scored, first_dosing_on)
    latest = scored[-1] if scored else None
    shown = [each for each in ordered if each.day >= from_on]
    return Measure(shown, baseline, latest, change(baseline, latest, instrument))


def baseline_of(scored: Sequence[Point], first_dosing_on: date | None) -> Point | None:
    """Return the first point that is marked as baseline, else the first one not after the first dosing day, else the first."""
    marked = (each for each in scored if each.timepoint == BASELINE)
    before = (each for each in scored if first_dosing_on is not None and each.day <= first_dosing_on)
    return next(marked, None) or next(before, None) or next(iter(scored), None)


def change(baseline: Point | None, latest: Point | None, instrument: Instrument | None) -> Change | None:
    """Return the change between two points; None if there is no second one."""
    if baseline is None or latest is None or baseline.total is None or latest.total is None or baseline == latest:
        return None
    points = latest.total - baseline.total
    meaningful = None if instrument is None else instrument.change
    responded, remitted = (None, None) if instrument is None else _response(baseline.total, latest.total, instrument)
    return Change(
        points=points,
        percent=round_half_up(100 * points, baseline.total) if baseline.total else None,
        beyond=None if meaningful is None else abs(points) >= meaningful.points,
        response=responded,
        remission=remitted,
    )


def _response(baseline: int, latest: int, instrument: Instrument) -> tuple[bool | None, bool | None]:
    """Return whether a person has responded, and whether the symptoms have remitted; None where the file says nothing.

    Neither is defined for a baseline that is lower than the instrument's file demands.
    """
    rule = instrument.response
    if rule is None or not baseline or (rule.baseline_at_least is not None and baseline < rule.baseline_at_least):
        return None, None
    improvement = latest - baseline if instrument.direction == HIGHER_IS_BETTER else baseline - latest
    has_remitted = None if rule.remission_below is None else latest < rule.remission_below
    return 100 * improvement >= rule.percent * baseline, has_remitted
