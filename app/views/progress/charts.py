"""The charts of progress: the points, bands and axis bounds of each measure."""

from collections.abc import Callable
from datetime import date
from typing import Final
from uuid import UUID

from app import ids
from app.library import Instrument, Library
from app.library.scoring import Scoring
from app.problems import Fault, Invalid, NotFound
from app.resources.sessions.terms import SessionKind
from app.views.progress.assembly import Rows, all_practices, check_in_days, measures, sessions
from app.views.progress.check_ins import SCALES, VALUES
from app.views.progress.practices import weeks_of
from app.views.progress.sources import Range
from app.views.progress.svg import Band, Chart, ChartPoint

Draw = Callable[[Rows, Range], Chart]
_CHECK_IN: Final = "check-in"
_PRACTICE: Final = "practice"
_MAX_SCALE: Final = 10
_NIGHT_MINUTES: Final = 600
"""The upper bound of the axis for minutes of sleep, unless a value is higher."""


def chart_of(measure: str, library: Library) -> Draw:
    """Return the function that makes the chart of a measure. Raise `Invalid` if the measure does not exist.

    `measure` is the code of an instrument, `check-in:` and the name of a value, such as `check-in:mood`, or `practice:`
    and the id of a practice. The function for a practice raises `NotFound` if the owner has no practice with this id.
    """
    sort, _, name = measure.partition(":")
    if sort == _CHECK_IN and name in VALUES:
        return lambda rows, range_: _check_ins(name, rows, range_)
    if sort == _PRACTICE and ids.is_id(name):
        return lambda rows, range_: _practice(ids.parse(name), rows, range_)
    instrument = library.instrument(measure)
    if instrument is None:
        message = "Send the code of an instrument, check-in: and the name of a value, or practice: and an id."
        raise Invalid(Fault("/measure", "unknown-measure", message))
    return lambda rows, range_: _instrument(instrument, rows, range_, library)


def _dosing_days(rows: Rows, range_: Range) -> list[date]:
    return [each["day"] for each in sessions(rows, range_) if each["kind"] == SessionKind.DOSING]


def _instrument(newest: Instrument, rows: Rows, range_: Range, library: Library) -> Chart:
    """Return the chart of an instrument's totals. It shows the newest version of the instrument that has scores in the
    range.
    """
    found = {version: each for (code, version), each in measures(rows, range_, library).items() if code == newest.code}
    version = max(found, key=int, default=newest.version)
    instrument = library.instrument(newest.code, version) or newest
    counted = [item for item in instrument.items if item.counts]
    points = found[version].points if found else []
    return Chart(
        id=instrument.code,
        title=f"{instrument.title}: total",
        from_on=range_.from_on,
        to_on=range_.to_on,
        lowest=instrument.factor * sum(item.least for item in counted),
        highest=instrument.factor * sum(item.most for item in counted),
        points=[
            ChartPoint(
                each.day,
                each.total,
                f"{each.total}{f' ({each.band})' if each.band else ''}",
                is_estimated=each.scoring == Scoring.PRORATED,
            )
            for each in points
            if each.total is not None
        ],
        bands=[Band(each.code, each.lowest, each.highest) for each in instrument.bands],
        dosing_days=_dosing_days(rows, range_),
    )


def _check_ins(name: str, rows: Rows, range_: Range) -> Chart:
    means = [(each.day, each.means[name]) for each in check_in_days(rows, range_.timezone)]
    values = [(day, mean) for day, mean in means if mean is not None]
    highest = _MAX_SCALE if name in SCALES else max([_NIGHT_MINUTES, *(int(mean) + 1 for _, mean in values)])
    return Chart(
        id=f"{_CHECK_IN}-{name.replace('_', '-')}",
        title=f"{name.replace('_', ' ').capitalize()}: mean of each day's check-ins",
        from_on=range_.from_on,
        to_on=range_.to_on,
        lowest=0,
        highest=highest,
        points=[ChartPoint(day, mean, f"{mean:g}") for day, mean in values],
        dosing_days=_dosing_days(rows, range_),
    )


def _practice(id: UUID, rows: Rows, range_: Range) -> Chart:
    """Return the chart of a practice: how many percent of it were done in each week.

    Raise `NotFound` if the owner has no practice with this id.
    """
    logged = next((each for each in all_practices(rows) if each.id == id), None)
    if logged is None:
        raise NotFound
    return Chart(
        id=f"{_PRACTICE}-{id}",
        title=f"{logged.record['title']}: percent of each week",
        from_on=range_.from_on,
        to_on=range_.to_on,
        lowest=0,
        highest=100,
        points=[
            ChartPoint(
                max(week["starts_on"], range_.from_on), week["percent"], f"{week['percent']} % ({week['state']})"
            )
            for week in weeks_of(logged, range_)
            if week["percent"] is not None
        ],
        dosing_days=_dosing_days(rows, range_),
    )
