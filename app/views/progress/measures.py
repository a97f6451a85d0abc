"""Measures: the scores of a questionnaire over time, and the change from the baseline to the latest score."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from app.library import Instrument
from app.library.scoring import round_half_up

BASELINE: Final = "baseline"
HIGHER_IS_BETTER: Final = "higher-is-better"


class Point(NamedTuple):
    """The score of a completed assessment. `total` is None if too many answers are missing."""

    assessment_id: UUID
    day: date
    total: int | None
    band: str | None
    scoring: str
    timepoint: str | None
    days_since_dosing: int | None


class Change(NamedTuple):
    """The change from the baseline to the latest total, and its meaning by the rules of the instrument."""

    points: int
    percent: int | None
    """The change in percent of the baseline; None if the baseline is 0."""
    beyond: bool | None
    """Whether the change is at least the instrument's `change.points`; None if the instrument has no such number."""
    response: bool | None
    remission: bool | None


class Measure(NamedTuple):
    """The scores of one version of an instrument in a range of days, and the change from the baseline to the latest."""

    points: list[Point]
    baseline: Point | None
    latest: Point | None
    change: Change | None


def measure(
    points: Iterable[Point], instrument: Instrument | None, first_dosing_on: date | None, from_on: date
) -> Measure:
    """Return the measure of one version of an instrument in a range of days.

    `points` are the scores of all completed assessments up to the end of the range, ordered by time. The result lists
    only the points from `from_on` on, but its baseline, latest point and change are computed from all points.
    `instrument` is None if the server no longer has this version.
    """
    ordered = list(points)
    scored = [each for each in ordered if each.total is not None]
    baseline = baseline_of(scored, first_dosing_on)
    latest = scored[-1] if scored else None
    shown = [each for each in ordered if each.day >= from_on]
    return Measure(shown, baseline, latest, change(baseline, latest, instrument))


def baseline_of(scored: Sequence[Point], first_dosing_on: date | None) -> Point | None:
    """Return the baseline: the first point with the timepoint `baseline`.

    Without such a point, return the first point on or before the day of the first dosing session; without one of
    these, return the first point. Return None if there are no points. `scored` are the points that have a total.
    """
    marked = (each for each in scored if each.timepoint == BASELINE)
    before = (each for each in scored if first_dosing_on is not None and each.day <= first_dosing_on)
    return next(marked, None) or next(before, None) or next(iter(scored), None)


def change(baseline: Point | None, latest: Point | None, instrument: Instrument | None) -> Change | None:
    """Return the change from the baseline to the latest point.

    Return None if one of the two is None or has no total, or if both are the same point.
    """
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
    """Return whether the change is a response, and whether the latest total is a remission, by the instrument's rules.

    A response is an improvement by at least a percentage of the baseline, and a remission a total below a limit.

    Each is None if the instrument has no rule for it. Both are None if the baseline is 0, or lower than the rule's
    `baseline_at_least`.
    """
    rule = instrument.response
    if rule is None or not baseline or (rule.baseline_at_least is not None and baseline < rule.baseline_at_least):
        return None, None
    improvement = latest - baseline if instrument.direction == HIGHER_IS_BETTER else baseline - latest
    has_remitted = None if rule.remission_below is None else latest < rule.remission_below
    return 100 * improvement >= rule.percent * baseline, has_remitted
