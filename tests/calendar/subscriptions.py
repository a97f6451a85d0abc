"""What the tests of the calendar share: links, and calendars as a calendar app reads them."""

from typing import Any

from icalendar import Calendar

from tests.drafts import Json
from tests.serving import Person
from tests.witness import Client

LINKS = "/v1/calendar-links"
MAX_LINKS = 5
DAILY = [{"from_on": "2026-11-02", "rule": "FREQ=DAILY", "times_per_week": None}]


def new_link(person: Person, **draft: object) -> Json:
    """Create a link of a person. If the person has the most allowed, the oldest one is deleted first."""
    known = person.client.get(LINKS).json()["items"]
    if len(known) == MAX_LINKS:
        assert person.client.delete(f"{LINKS}/{known[-1]['id']}").status_code == 204
    response = person.client.post(LINKS, json=draft)
    assert response.status_code == 201, response.text
    link: Json = response.json()
    return link


def calendar(client: Client, link: Json) -> Calendar:
    """Return the calendar of a link as icalendar reads it."""
    response = client.get(link["url"])
    assert response.status_code == 200, response.text
    return Calendar.from_ical(response.content)


def events(client: Client, link: Json) -> list[Any]:
    """Return the events of the calendar of a link."""
    return [*calendar(client, link).walk("VEVENT")]


def summaries(client: Client, link: Json) -> list[str]:
    """Return what the events of the calendar of a link are called, without repetitions, in alphabetical order."""
    return sorted({str(event["SUMMARY"]) for event in events(client, link)})


def starts(found: list[Any]) -> list[Any]:
    """Return the start of each event, in order."""
    return sorted(event["DTSTART"].dt for event in found)
