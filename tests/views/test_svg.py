"""The charts: what they show, for eyes, for screen readers and in grey, and what they never contain."""

from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from app.views.progress.svg import Band, Chart, ChartPoint, render

SVG = "{http://www.w3.org/2000/svg}"
DAY = date(2026, 9, 1)
POINTS = [
    ChartPoint(DAY, 18, "18 (severe)"),
    ChartPoint(DAY + timedelta(days=30), 9, "9 (mild)", is_estimated=True),
    ChartPoint(DAY + timedelta(days=60), 4, "4 (minimal)"),
]
BANDS = [Band("minimal", 0, 4), Band("mild", 5, 9), Band("severe", 10, 27)]
CHART = Chart("phq-9", "PHQ-9: total", DAY, DAY + timedelta(days=60), 0, 27, POINTS, BANDS, [DAY + timedelta(days=15)])


def drawn(chart: Chart) -> ET.Element:
    return ET.fromstring(render(chart))  # noqa: S314 - our own image


def test_a_screen_reader_reads_a_title_and_every_value() -> None:
    root = drawn(CHART)
    named = {each.get("id"): each.text for each in root if each.tag in {f"{SVG}title", f"{SVG}desc"}}
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", " ".join(map(str, named)))
    values = "2026-09-01: 18 (severe); 2026-10-01: 9 (mild); 2026-10-31: 4 (minimal)."
    description = f"From 2026-09-01 to 2026-10-31. {values} Dosing sessions: 2026-09-16."
    assert [*named.values()] == ["PHQ-9: total", description]


def test_points_are_where_their_days_and_values_are() -> None:
    circles = [*drawn(CHART).iter(f"{SVG}circle")]
    xs, ys = ([float(each.get(name, "")) for each in circles] for name in ("cx", "cy"))
    assert xs == [52, 284, 516]
    assert ys == sorted(ys)  # lower values are lower in the image
    assert [each.get("class") for each in circles] == ["point", "point estimated", "point"]


def test_bands_differ_in_lightness_and_have_names() -> None:
    root = drawn(CHART)
    shades = [each.get("fill") for each in root.iter(f"{SVG}rect")][1:]
    assert len({*shades}) == len(BANDS)
    assert all(shade and len({shade[1:3], shade[3:5], shade[5:7]}) == 1 for shade in shades)  # grey
    assert [each.text for each in root.iter(f"{SVG}text") if each.get("class") == "band"] == [b.name for b in BANDS]


def test_the_names_of_bands_are_beside_the_plot() -> None:
    root = drawn(CHART)
    names = [float(each.get("x", "")) for each in root.iter(f"{SVG}text") if each.get("class") == "band"]
    assert min(names) > max(float(each.get("cx", "")) for each in root.iter(f"{SVG}circle"))
    without = drawn(CHART._replace(bands=[]))
    assert max(float(each.get("cx", "")) for each in without.iter(f"{SVG}circle")) == 624


def test_dosing_sessions_are_marked_by_shape() -> None:
    marks = [each for each in drawn(CHART).iter(f"{SVG}line") if each.get("class") == "mark"]
    assert [each.get("x1") for each in marks] == ["168.0"]


def test_a_chart_without_values_says_so() -> None:
    chart = CHART._replace(points=[], bands=[], dosing_days=[])
    assert "No values in this range" in render(chart)
    assert not [*drawn(chart).iter(f"{SVG}circle")]


@pytest.mark.parametrize("days", [0, 1, 3, 365], ids=lambda days: f"{days + 1}-days")
def test_the_days_of_the_axis_are_different_and_in_the_range(days: int) -> None:
    chart = CHART._replace(to_on=DAY + timedelta(days=days), points=POINTS[:1], dosing_days=[])
    labels = [each.text or "" for each in drawn(chart).iter(f"{SVG}text") if (each.text or "").startswith("202")]
    assert labels == sorted({*labels})
    assert (labels[0], labels[-1]) == (str(DAY), str(DAY + timedelta(days=days)))
    assert len(labels) == min(5, days + 1)


def test_a_value_beyond_the_axis_is_drawn_at_its_end() -> None:
    chart = CHART._replace(points=[ChartPoint(DAY, 99, "99"), ChartPoint(DAY, -5, "-5")])
    assert [each.get("cy") for each in drawn(chart).iter(f"{SVG}circle")] == ["44.0", "272.0"]


def test_the_axis_of_values_has_at_most_eight_labels() -> None:
    for highest in (1, 6, 27, 80, 600, 1_440, 100_000):
        labels = [
            each
            for each in drawn(CHART._replace(highest=highest)).iter(f"{SVG}text")
            if each.get("text-anchor") == "end"
        ]
        assert 2 <= len([each for each in labels if (each.text or "").isdigit()]) <= 8, highest


HOSTILE = "</title><script>alert(1)</script>&\"'\x00\x0b\ud800<!--]]>"


def test_words_of_a_person_stay_text() -> None:
    chart = CHART._replace(title=HOSTILE, points=[ChartPoint(DAY, 1, HOSTILE)])
    root = drawn(chart)
    assert {each.tag for each in root.iter()} <= {
        f"{SVG}{tag}"
        for tag in ("svg", "title", "desc", "style", "rect", "text", "line", "polyline", "circle", "g", "path")
    }
    assert "alert(1)" in "".join(root.itertext())
    render(chart).encode()


def test_nothing_is_loaded_or_run() -> None:
    image = render(CHART)
    for word in ("href", "url(", "@import", "<script", "onload", "foreignObject", "<image", "<use"):
        assert word not in image
    assert image.count("http") == 1  # the namespace
