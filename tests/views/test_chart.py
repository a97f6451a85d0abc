"""The chart of a measure, as an app gets it."""

from xml.etree import ElementTree as ET

import pytest

from app.ids import new_id
from tests.drafts import Json
from tests.refusals import faults, refused
from tests.serving import Person
from tests.views.test_progress import OPEN, phq_9, post, session
from tests.views.views import NOON, create, log

PATH = "/v1/progress/chart.svg"
SVG = "{http://www.w3.org/2000/svg}"


def chart(person: Person, measure: str, **query: str) -> ET.Element:
    response = person.client.get(PATH, params={"measure": measure, "as_of": NOON, "timezone": "UTC", **query})
    assert response.status_code == 200, response.text
    return ET.fromstring(response.content)  # noqa: S314 - our own image


def title(root: ET.Element) -> str:
    return root.findtext(f"{SVG}title", "")


def values(root: ET.Element) -> list[str]:
    return [each.findtext(f"{SVG}title", "") for each in root.iter(f"{SVG}circle")]


def test_a_chart_may_use_its_own_style_and_nothing_else(alice: Person) -> None:
    response = alice.client.get(PATH, params={"measure": "phq-9"})
    assert response.headers["content-type"] == "image/svg+xml"
    assert response.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_chart_of_a_questionnaire_has_bands_and_dosing_sessions(alice: Person) -> None:
    session(alice, "2026-11-10")
    session(alice, "2026-11-12", "integration")
    phq_9(alice, "2026-11-09T08:00:00Z", 16)
    phq_9(alice, "2026-11-20T08:00:00Z", 3)
    post(alice, "assessments", instrument="phq-9", answers=[None] * 10, taken_at="2026-11-21T08:00:00Z")
    root = chart(alice, "phq-9")
    assert title(root) == "Patient Health Questionnaire-9: total"
    assert values(root) == ["2026-11-09: 16 (moderately-severe)", "2026-11-20: 3 (minimal)"]
    bands = [each.text for each in root.iter(f"{SVG}text") if each.get("class") == "band"]
    assert bands == ["minimal", "mild", "moderate", "moderately-severe", "severe"]
    assert len([each for each in root.iter(f"{SVG}line") if each.get("class") == "mark"]) == 1


def test_the_chart_of_a_questionnaire_without_bands(alice: Person) -> None:
    post(alice, "assessments", instrument="pgi-c", answers=[2], taken_at="2026-11-20T08:00:00Z")
    assert values(chart(alice, "pgi-c")) == ["2026-11-20: 2"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("mood", 7, "Mood"), ("sleep_minutes", 450, "Sleep minutes"), ("sleep_minutes", 1440, "Sleep minutes")],
)
def test_the_chart_of_a_value_of_check_ins(alice: Person, name: str, value: int, shown: str) -> None:
    create(alice, "check-ins", **{"taken_at": "2026-11-20T08:00:00Z", name: value})
    create(alice, "check-ins", **{"taken_at": "2026-11-21T08:00:00Z", name: None, "craving": 3})
    root = chart(alice, f"check-in:{name}")
    assert title(root) == f"{shown}: mean of each day's check-ins"
    assert values(root) == [f"2026-11-20: {value}"]
    assert float(next(root.iter(f"{SVG}circle")).get("cy", "")) >= 44


def test_the_chart_of_a_practice_has_its_weeks(alice: Person) -> None:
    id = post(alice, "practices", title="wisteria <&> yew", schedule=[OPEN], ends_on="2026-11-24")["id"]
    for day in range(9, 16):
        log(alice, id, f"2026-11-{day:02}", "done")
    root = chart(alice, f"practice:{id}", **{"from": "2026-11-11"})
    assert title(root) == "wisteria <&> yew: percent of each week"
    assert values(root) == ["2026-11-11: 100 % (kept)", "2026-11-16: 0 % (not-kept)", "2026-11-23: 0 % (open)"]
    assert values(chart(alice, f"practice:{id}", to="2026-10-31")) == []


def test_a_practice_that_is_not_the_callers_is_missing(alice: Person, bob: Person) -> None:
    theirs: Json = post(bob, "practices", title="wisteria", schedule=[OPEN])
    for id in (theirs["id"], str(new_id())):
        refused(alice.client.get(PATH, params={"measure": f"practice:{id}"}), 404, "not-found")


@pytest.mark.parametrize(
    ("measure", "code"),
    [
        ("phq-8", "unknown-measure"),
        ("check-in:", "unknown-measure"),
        ("check-in:note", "unknown-measure"),
        ("check-in:mood:mood", "unknown-measure"),
        ("practice:", "unknown-measure"),
        ("practice:1", "unknown-measure"),
        ("../../etc/passwd", "unknown-measure"),
        ("PHQ-9", "unknown-measure"),
        ("", "string-too-short"),
        ("a" * 101, "string-too-long"),
    ],
    ids=lambda value: repr(value)[:16],
)
def test_a_measure_that_does_not_exist_is_refused(alice: Person, measure: str, code: str) -> None:
    assert faults(alice.client.get(PATH, params={"measure": measure})) == {"/measure": code}


def test_by_default_a_chart_shows_phq_9(alice: Person) -> None:
    assert alice.client.get(PATH).content == alice.client.get(PATH, params={"measure": "phq-9"}).content
