"""Calendars, as the library icalendar reads them: what they have and never have, and how they are requested."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.calendar.conftest import NOW
from tests.calendar.subscriptions import LINKS, calendar, events, new_link, starts, summaries
from tests.conftest import Servers
from tests.drafts import Json, create_record, resource_of
from tests.refusals import refused
from tests.serving import Person, Server
from tests.witness import Client

FIRST, LAST = date(2026, 10, 29), date(2027, 2, 26)
"""The days of a calendar at the moment of these tests."""
DAILY = {"rule": "FREQ=DAILY", "times_per_week": None}
TRICKY = 'Sit; breathe, then "listen" \\n 🌿' + "é" * 150


def practice(person: Person, **changes: object) -> Json:
    """Create a practice."""
    draft = {"title": "wisteria", "schedule": [{"from_on": "2026-10-01", **DAILY}], **changes}
    return _created(person, "practices", draft)


def session(person: Person, scheduled_at: str, **changes: object) -> Json:
    """Create a planned session."""
    return _created(person, "sessions", {"kind": "preparation", "scheduled_at": scheduled_at, **changes})


def action_item(person: Person, due_on: str, **changes: object) -> Json:
    """Create an action item."""
    draft = {"title": "wisteria", "change": "external", "facet": "work", "due_on": due_on, **changes}
    return _created(person, "action-items", draft)


def _created(person: Person, collection: str, draft: Json) -> Json:
    response = person.client.post(f"/v1/{collection}", json=draft)
    assert response.status_code == 201, response.text
    found: Json = response.json()
    return found


def test_a_calendar_without_events_says_how_often_to_ask_and_has_a_name(ilse: Person, anyone: Client) -> None:
    link = new_link(ilse)
    response = anyone.get(link["url"])
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert response.headers["cache-control"] == "private, max-age=3600"
    lines = response.text.split("\r\n")
    assert (lines[0], lines[1], *lines[-2:]) == ("BEGIN:VCALENDAR", "VERSION:2.0", "END:VCALENDAR", "")
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT6H" in lines
    assert calendar(anyone, link)["X-WR-CALNAME"] == calendar(anyone, link)["NAME"] == "Afterglow"
    assert events(anyone, link) == []


def test_a_practice_with_a_time_is_in_utc_on_each_day_that_it_is_due(ilse: Person, anyone: Client) -> None:
    made = practice(ilse, at="07:30", minutes=20)
    found = events(anyone, new_link(ilse))
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    assert len(found) == len(days) == 121
    hours = [11 if day < date(2026, 11, 1) else 12 for day in days]
    assert starts(found) == [
        datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC) for day, hour in zip(days, hours, strict=True)
    ]
    assert {event["DURATION"].dt for event in found} == {timedelta(minutes=20)}
    assert sorted(event["UID"] for event in found) == [f"{made['id']}-{day}@afterglow.invalid" for day in days]
    written = datetime.fromisoformat(made["updated_at"]).replace(microsecond=0)
    assert {event["DTSTAMP"].dt for event in found} == {written}
    assert not any("TRANSP" in event or "RRULE" in event for event in found)


def test_a_practice_without_a_duration_takes_15_minutes(ilse: Person, anyone: Client) -> None:
    practice(ilse, at="23:59")
    assert {event["DURATION"].dt for event in events(anyone, new_link(ilse))} == {timedelta(minutes=15)}


def test_a_practice_without_a_time_is_all_day_and_leaves_the_day_free(ilse: Person, anyone: Client) -> None:
    schedule = [
        {"from_on": "2026-11-02", "rule": "FREQ=WEEKLY;BYDAY=MO", "times_per_week": None},
        {"from_on": "2026-11-23", "rule": None, "times_per_week": 3},
    ]
    practice(ilse, schedule=schedule, minutes=20, pauses=[{"from_on": "2026-11-09", "until_on": "2026-11-09"}])
    found = events(anyone, new_link(ilse))
    assert starts(found) == [date(2026, 11, 2), date(2026, 11, 16)]
    assert {event["TRANSP"] for event in found} == {"TRANSPARENT"}
    assert not any("DURATION" in event or "DTEND" in event for event in found)


def test_a_practice_that_ended_before_the_first_day_is_not_read(ilse: Person, anyone: Client) -> None:
    practice(ilse, ends_on=str(FIRST - timedelta(days=1)))
    assert events(anyone, new_link(ilse)) == []
    practice(ilse, ends_on=str(FIRST))
    assert starts(events(anyone, new_link(ilse))) == [FIRST]


def test_a_session_is_at_its_planned_time_if_it_was_not_cancelled(ilse: Person, anyone: Client) -> None:
    planned = session(ilse, "2026-12-01T02:00:00.5Z")
    session(ilse, "2026-11-20T14:00:00Z", status="completed", started_at="2026-11-20T14:05:00Z")
    session(ilse, "2026-11-21T14:00:00Z", status="not-done", status_reason="wisteria")
    session(ilse, "2026-11-22T14:00:00Z", status="entered-in-error", status_reason="wisteria")
    link = new_link(ilse)
    assert starts(events(anyone, link)) == [
        datetime(2026, 11, 20, 14, tzinfo=UTC),
        datetime(2026, 12, 1, 2, tzinfo=UTC),
    ]
    assert summaries(anyone, link) == ["Appointment"]
    assert f"{planned['id']}-2026-11-30@afterglow.invalid" in {str(event["UID"]) for event in events(anyone, link)}


def test_an_open_action_item_is_on_the_day_that_it_is_due(ilse: Person, anyone: Client) -> None:
    action_item(ilse, "2026-12-01")
    action_item(ilse, "2026-12-02", status="on-hold")
    for status in ("draft", "requested", "rejected", "completed", "failed", "cancelled"):
        action_item(ilse, "2026-12-03", status=status)
    link = new_link(ilse)
    assert starts(events(anyone, link)) == [date(2026, 12, 1), date(2026, 12, 2)]
    assert summaries(anyone, link) == ["To do"]


def test_a_calendar_has_30_days_before_today_and_90_after_it(ilse: Person, anyone: Client) -> None:
    midnight = "T04:00:00Z"
    session(ilse, f"{FIRST}{midnight}")
    session(ilse, f"{FIRST}T03:59:59Z")
    session(ilse, f"{LAST + timedelta(days=1)}T05:00:00Z")
    session(ilse, f"{LAST + timedelta(days=1)}T04:59:59Z")
    for day in (FIRST - timedelta(days=1), FIRST, LAST, LAST + timedelta(days=1)):
        action_item(ilse, str(day))
    found = starts_by_sort(events(anyone, new_link(ilse)))
    assert found["timed"] == [datetime(2026, 10, 29, 4, tzinfo=UTC), datetime(2027, 2, 27, 4, 59, 59, tzinfo=UTC)]
    assert found["all day"] == [FIRST, LAST]


def starts_by_sort(found: list[Any]) -> dict[str, list[Any]]:
    """Return the starts of events with a time, and of those without."""
    timed = [event for event in found if isinstance(event["DTSTART"].dt, datetime)]
    return {"timed": starts(timed), "all day": starts([event for event in found if event not in timed])}


def test_titles_are_shown_only_by_a_link_with_titles(ilse: Person, anyone: Client) -> None:
    practice(ilse, title=TRICKY)
    session(ilse, "2026-12-01T14:00:00Z", title="wisteria\r\n\u2028and\x07 more\t")
    session(ilse, "2026-12-02T14:00:00Z")
    session(ilse, "2026-12-03T14:00:00Z", title=" \x01 ")
    action_item(ilse, "2026-12-03", title="call; her, \\ now")
    plain, titled = new_link(ilse), new_link(ilse, titles=True)
    assert summaries(anyone, plain) == ["Appointment", "Practice", "To do"]
    assert summaries(anyone, titled) == sorted(["Appointment", TRICKY, "call; her, \\ now", "wisteria and more"])
    assert "wisteria" not in anyone.get(plain["url"]).text


def test_every_line_has_at_most_75_octets_and_ends_with_crlf(ilse: Person, anyone: Client) -> None:
    practice(ilse, title=TRICKY, at="08:00")
    body = anyone.get(new_link(ilse, titles=True)["url"]).content
    lines = body.split(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= 75
    for line in lines:
        line.decode()  # no character is divided by a fold
    assert re.search(rb"TZID|RRULE|DTSTART:\d{8}T\d{6}\r", body) is None


def test_a_calendar_has_nothing_of_answers_scores_check_ins_or_entries(ilse: Person, anyone: Client) -> None:
    made = practice(ilse, at="08:00")
    link = new_link(ilse, titles=True)
    before = anyone.get(link["url"]).content
    answers = [3] * 9 + [None]
    _created(ilse, "assessments", {"instrument": "phq-9", "answers": answers, "taken_at": "2026-11-27T10:00:00Z"})
    for outcome in ("skipped", "partly", "done"):
        entry = {"practice_id": made["id"], "day": "2026-11-27", "outcome": outcome, "note": "wisteria"}
        _created(ilse, "practice-entries", entry)
    for collection in ("check-ins", "reflections", "intentions", "elements", "outcomes"):
        create_record(ilse.client, resource_of(collection), ilse)
    assert anyone.get(link["url"]).content == before


def test_a_calendar_is_304_until_a_record_the_day_or_the_time_zone_changes(ilse: Person, anyone: Client) -> None:
    practice(ilse, at="08:00")
    url = new_link(ilse)["url"]

    def changed(tag: str) -> str:
        response = anyone.get(url, headers={"If-None-Match": tag})
        assert response.status_code == 200
        again = anyone.get(url, headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == response.headers["etag"]
        assert again.headers["cache-control"] == "private, max-age=3600"
        return str(response.headers["etag"])

    tag = changed('"1"')
    action_item(ilse, "2026-12-01")
    tag = changed(tag)
    assert ilse.client.patch("/v1/me", json={"timezone": "Asia/Tokyo"}).status_code == 200
    tag = changed(tag)
    with time_machine.travel(NOW + timedelta(days=1)):
        changed(tag)


def test_two_links_have_different_tags(ilse: Person, anyone: Client) -> None:
    tags = {anyone.get(new_link(ilse, titles=titles)["url"]).headers["etag"] for titles in (False, True)}
    assert len(tags) == 2


def test_head_has_no_body_and_a_query_is_refused(ilse: Person, anyone: Client) -> None:
    url = new_link(ilse)["url"]
    head = anyone.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert anyone.get(url, params={"wisteria": "1"}).status_code == 422


@pytest.mark.parametrize("name", ["A" * 43 + ".ics", "A" * 43, "A" * 42 + ".ics", "A" * 44 + ".ics", "w.ics"])
def test_a_url_that_was_never_issued_is_not_found(ilse: Person, anyone: Client, name: str) -> None:
    headers = {"X-Request-Id": "the-same"}
    link = new_link(ilse)
    assert ilse.client.delete(f"{LINKS}/{link['id']}").status_code == 204
    never, deleted = (anyone.get(url, headers=headers) for url in (f"/v1/calendar/{name}", link["url"]))
    assert (never.status_code, never.content) == (deleted.status_code, deleted.content)
    assert never.status_code == 404
    assert {**never.headers, "date": ""} == {**deleted.headers, "date": ""}


def test_the_last_use_of_a_link_is_listed(ilse: Person, anyone: Client) -> None:
    link, other = new_link(ilse), new_link(ilse)
    anyone.get(link["url"])
    used = {item["id"]: item["last_used_at"] for item in ilse.client.get(LINKS).json()["items"]}
    assert used[other["id"]] is None
    assert timedelta(0) <= datetime.fromisoformat(used[link["id"]]) - NOW < timedelta(minutes=5)


@pytest.fixture
def strict_server(servers: Servers, database: str) -> Iterator[Server]:
    """A server on which a calendar can be requested three times an hour."""
    server = servers.shared(database, throttle_calendar=3)
    yield server
    server.end_test()


def test_a_calendar_can_be_requested_a_limited_number_of_times_an_hour(strict_server: Server, now: datetime) -> None:
    person, anyone = strict_server.person("ilse"), strict_server.anyone
    link, other = new_link(person), new_link(person)
    assert [anyone.get(link["url"]).status_code for _ in range(3)] == [200] * 3
    response = anyone.get(link["url"])
    refused(response, 429, "too-many-attempts")
    assert 3000 < int(response.headers["retry-after"]) <= 3600
    assert anyone.get(other["url"]).status_code == 200
    with time_machine.travel(now + timedelta(hours=1, minutes=1)):
        assert anyone.get(link["url"]).status_code == 200


def test_the_secret_stands_in_no_log_line(strict_server: Server, now: datetime, every_log_line: list[str]) -> None:
    assert now
    person, begin = strict_server.person("ilse"), len(every_log_line)
    url = new_link(person)["url"]
    secret = url.rpartition("/")[2].removesuffix(".ics")
    for path in (url, f"{url}?{secret}", f"{url}/", url.replace(secret, f"{secret}A")):
        for _ in range(4):  # the last one is refused by the limit
            strict_server.anyone.get(path, headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    lines = every_log_line[begin:]
    assert any('"/v1/calendar/{file}"' in line for line in lines)
    assert not [line for line in lines if secret[:20] in line]
