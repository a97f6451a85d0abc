"""Charts as SVG images, which apps, documents and web pages can show.

An image has a title and a description for screen readers. It has no script, and refers to no font or other file. All
parts of the image differ in lightness or shape, so that the chart can be read without colour.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 640
HEIGHT: Final = 320
_LEFT: Final = 52
_RIGHT: Final = 624
_RIGHT_WITH_BANDS: Final = 516
"""The right edge of the plot in a chart with bands.

The names of the bands are written to the right of the plot, because inside they would overlap the newest points.
"""
_TOP: Final = 44
_BOTTOM: Final = 272
_MAX_DAY_LABELS: Final = 5
_MAX_VALUE_STEPS: Final = 7
_SHADES: Final = ("#f7f7f7", "#ececec", "#e0e0e0", "#d3d3d3", "#c6c6c6")
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#222}"
    ".heading{font-size:14px;font-weight:600}"
    ".band{fill:#444}"
    ".grid{stroke:#fff;stroke-width:1}"
    ".axis{stroke:#555;stroke-width:1}"
    ".line{fill:none;stroke:#1b4965;stroke-width:2;stroke-linejoin:round}"
    ".point{fill:#1b4965;stroke:#1b4965;stroke-width:2}"
    ".estimated{fill:#fff}"
    ".mark{stroke:#7a3b00;stroke-width:1.5;stroke-dasharray:5 3}"
    ".mark-head{fill:#7a3b00}"
    ".empty{text-anchor:middle}"
)


class ChartPoint(NamedTuple):
    """A value that the chart shows for a day. A point with `is_estimated` is drawn hollow."""

    day: date
    value: float
    text: str
    """The text for the tooltip and for screen readers, such as `12 (moderate)`."""
    is_estimated: bool = False


class Band(NamedTuple):
    """A range of values with a name, both ends included."""

    name: str
    lowest: float
    highest: float


class Chart(NamedTuple):
    """The content of a chart. `from_on`, `to_on`, `lowest` and `highest` are inclusive bounds of the axes."""

    id: str
    """The prefix of the ids in the image, which distinguishes them from those of other charts on the same page."""
    title: str
    from_on: date
    to_on: date
    lowest: int
    highest: int
    points: Sequence[ChartPoint]
    bands: Sequence[Band] = ()
    dosing_days: Sequence[date] = ()

    @property
    def right(self) -> int:
        """The x coordinate of the right edge of the plot."""
        return _RIGHT_WITH_BANDS if self.bands else _RIGHT


def render(chart: Chart) -> str:
    """Return the chart as an SVG document."""
    title_id, description_id = f"{chart.id}-title", f"{chart.id}-description"
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    labels = f'role="img" aria-labelledby="{escape(title_id)} {escape(description_id)}" xml:lang="en"'
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {labels}>',
            f'<title id="{escape(title_id)}">{_text(chart.title)}</title>',
            f'<desc id="{escape(description_id)}">{_text(describe(chart))}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            f'<text class="heading" x="{_LEFT}" y="22">{_text(chart.title)}</text>',
            *_bands(chart),
            *_values(chart),
            *_days(chart),
            *_marks(chart),
            *_points(chart),
            "</svg>",
        ]
    )


def describe(chart: Chart) -> str:
    """Return the description for screen readers: the range, every point, and the dosing sessions."""
    parts = [f"From {chart.from_on} to {chart.to_on}."]
    if chart.points:
        parts.append("; ".join(f"{point.day}: {point.text}" for point in chart.points) + ".")
    else:
        parts.append("No values in this range.")
    if chart.dosing_days:
        parts.append(f"Dosing sessions: {', '.join(map(str, chart.dosing_days))}.")
    return " ".join(parts)


def _x(chart: Chart, day: date) -> float:
    days = max(1, (chart.to_on - chart.from_on).days)
    return round(_LEFT + (chart.right - _LEFT) * (day - chart.from_on).days / days, 1)


def _y(chart: Chart, value: float) -> float:
    share = (value - chart.lowest) / max(1, chart.highest - chart.lowest)
    return round(_BOTTOM - (_BOTTOM - _TOP) * min(1.0, max(0.0, share)), 1)


def _bands(chart: Chart) -> Iterator[str]:
    if not chart.bands:
        yield f'<rect x="{_LEFT}" y="{_TOP}" width="{chart.right - _LEFT}" height="{_BOTTOM - _TOP}" fill="{_SHADES[0]}"/>'
    for index, band in enumerate(chart.bands):
        highest = chart.bands[index + 1].lowest if index + 1 < len(chart.bands) else band.highest
        top, bottom = _y(chart, highest), _y(chart, band.lowest)
        shade = _SHADES[min(index, len(_SHADES) - 1)]
        yield f'<rect x="{_LEFT}" y="{top}" width="{chart.right - _LEFT}" height="{round(bottom - top, 1)}" fill="{shade}"/>'
        yield f'<text class="band" x="{chart.right + 6}" y="{round((top + bottom) / 2 + 4, 1)}">{_text(band.name)}</text>'


def _values(chart: Chart) -> Iterator[str]:
    for value in range(chart.lowest, chart.highest + 1, _step(chart.highest - chart.lowest)):
        y = _y(chart, value)
        yield f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{chart.right}" y2="{y}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{value}</text>'
    yield f'<line class="axis" x1="{_LEFT}" y1="{_TOP}" x2="{_LEFT}" y2="{_BOTTOM}"/>'


def _step(span: int) -> int:
    """Return the distance between two grid lines.

    It is the smallest of 1, 2, 5, 10, 20, 50, … that divides the span of values into at most seven steps.
    """
    power = 1
    while 5 * power * _MAX_VALUE_STEPS < span:
        power *= 10
    return next(step for step in (power, 2 * power, 5 * power) if step * _MAX_VALUE_STEPS >= span)


def _days(chart: Chart) -> Iterator[str]:
    yield f'<line class="axis" x1="{_LEFT}" y1="{_BOTTOM}" x2="{chart.right}" y2="{_BOTTOM}"/>'
    days = (chart.to_on - chart.from_on).days
    labels = min(_MAX_DAY_LABELS, days + 1)
    offsets = [days * index // max(1, labels - 1) for index in range(labels)]
    for offset in offsets:
        day = chart.from_on + timedelta(days=offset)
        anchor = "start" if offset == 0 else "end" if offset == days else "middle"
        x = _x(chart, day)
        yield f'<line class="axis" x1="{x}" y1="{_BOTTOM}" x2="{x}" y2="{_BOTTOM + 5}"/>'
        yield f'<text x="{x}" y="{_BOTTOM + 20}" text-anchor="{anchor}">{day}</text>'


def _marks(chart: Chart) -> Iterator[str]:
    for day in chart.dosing_days:
        x = _x(chart, day)
        yield (
            f'<g><title>{day}: dosing session</title><line class="mark" x1="{x}" y1="{_TOP}" x2="{x}" y2="{_BOTTOM}"/>'
            f'<path class="mark-head" d="M{x - 5} {_TOP - 8}h10l-5 8z"/></g>'
        )
    if chart.dosing_days:
        y = HEIGHT - 10
        yield f'<path class="mark-head" d="M{_LEFT} {y - 9}h10l-5 8z"/><text x="{_LEFT + 16}" y="{y}">dosing session</text>'


def _points(chart: Chart) -> Iterator[str]:
    if not chart.points:
        yield f'<text class="empty" x="{(_LEFT + chart.right) // 2}" y="{(_TOP + _BOTTOM) // 2}">No values in this range</text>'
        return
    places = [(_x(chart, point.day), _y(chart, point.value), point) for point in chart.points]
    if len(places) > 1:
        yield f'<polyline class="line" points="{" ".join(f"{x},{y}" for x, y, _ in places)}"/>'
    for x, y, point in places:
        kind = "point estimated" if point.is_estimated else "point"
        words = _text(f"{point.day}: {point.text}")
        yield f'<circle class="{kind}" cx="{x}" cy="{y}" r="4"><title>{words}</title></circle>'


def _text(text: str) -> str:
    """Return a text escaped for XML. Control characters become blanks, because XML 1.0 does not allow them."""
    return escape("".join(each if each.isprintable() or each in "\t\n" else " " for each in text))
