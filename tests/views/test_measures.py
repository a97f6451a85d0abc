"""Measures: the baseline, the change, and what it means by an instrument's file."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from app.library import Instrument, Library
from app.views.progress.measures import Change, Point, baseline_of, change, measure

DAY = date(2026, 11, 1)


def instrument(code: str) -> Instrument:
    found = Library().instrument(code)
    assert found is not None
    return found


def point(days: int, total: int | None, timepoint: str | None = None) -> Point:
    id = UUID(int=1000 + days)
    return Point(id, DAY + timedelta(days=days), total, None, "complete", timepoint, None)


def test_the_baseline_is_the_first_point_marked_as_one() -> None:
    points = [point(0, 20), point(1, 18, "baseline"), point(2, 16, "baseline")]
    assert baseline_of(points, DAY) == points[1]


def test_without_a_mark_the_baseline_is_the_first_point_up_to_the_first_dosing_day() -> None:
    points = [point(1, 20), point(3, 18)]
    assert baseline_of(points, DAY + timedelta(days=2)) == points[0]


@pytest.mark.parametrize("dosing", [None, DAY - timedelta(days=1)], ids=["no-dosing", "all-later"])
def test_else_the_baseline_is_the_first_point(dosing: date | None) -> None:
    points = [point(1, 20), point(3, 18)]
    assert baseline_of(points, dosing) == points[0]


def test_points_without_a_total_are_shown_but_neither_baseline_nor_latest() -> None:
    points = [point(0, None, "baseline"), point(1, 12), point(2, 7), point(3, None)]
    found = measure(points, instrument("phq-9"), DAY, DAY)
    assert (found.points, found.baseline, found.latest) == (points, points[1], points[2])


def test_the_baseline_may_be_before_the_range() -> None:
    points = [point(0, 20), point(40, 8)]
    found = measure(points, instrument("phq-9"), None, DAY + timedelta(days=30))
    assert (found.points, found.baseline) == (points[1:], points[0])
    assert found.change == Change(-12, -60, beyond=True, response=True, remission=False)


@pytest.mark.parametrize(
    ("code", "totals", "expected"),
    [
        ("phq-9", (20, 10), Change(-10, -50, beyond=True, response=True, remission=False)),
        ("phq-9", (20, 11), Change(-9, -45, beyond=True, response=False, remission=False)),
        ("phq-9", (10, 4), Change(-6, -60, beyond=True, response=True, remission=True)),
        ("phq-9", (9, 4), Change(-5, -56, beyond=True, response=None, remission=None)),
        ("phq-9", (10, 6), Change(-4, -40, beyond=False, response=False, remission=False)),
        ("phq-9", (10, 16), Change(6, 60, beyond=True, response=False, remission=False)),
        ("gad-7", (8, 4), Change(-4, -50, beyond=True, response=True, remission=None)),
        ("gad-7", (0, 3), Change(3, None, beyond=False, response=None, remission=None)),
        ("who-5", (40, 52), Change(12, 30, beyond=True, response=None, remission=None)),
        ("pgi-c", (4, 2), Change(-2, -50, beyond=None, response=None, remission=None)),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_a_change_means_what_the_instruments_file_says(code: str, totals: tuple[int, int], expected: Change) -> None:
    assert change(point(0, totals[0]), point(1, totals[1]), instrument(code)) == expected


def test_a_response_to_an_instrument_with_better_higher_totals_is_a_rise() -> None:
    rule = instrument("gad-7").response
    reversed_ = instrument("who-5").model_copy(update={"response": rule})
    found = [change(point(0, 40), point(1, total), reversed_) for total in (20, 60)]
    assert [each and each.response for each in found] == [False, True]


def test_without_the_instrument_a_change_has_numbers_only() -> None:
    expected = Change(-10, -50, beyond=None, response=None, remission=None)
    assert change(point(0, 20), point(1, 10), None) == expected


def test_one_point_is_no_change() -> None:
    assert change(point(0, 20), point(0, 20), instrument("phq-9")) is None
    assert measure([], instrument("phq-9"), None, DAY).change is None
