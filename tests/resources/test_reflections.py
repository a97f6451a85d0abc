"""Reflections: what only they promise."""

from datetime import UTC, datetime

import pytest

from app import clock
from app.ids import new_id
from app.resources.reflections import REFLECTIONS
from tests.refusals import faults, pointers
from tests.resources.pen import NOT_A_CHOICE, NOT_TEXT, NOW, ODD, Pen, long
from tests.serving import Person

DOMAINS = ["nature", "mind", "body", "relationships", "lifestyle", "spirit"]


@pytest.fixture
def pen(alice: Person) -> Pen:
    return Pen(alice, REFLECTIONS, body="wisteria again")


def test_a_reflection_is_written_now_where_its_owner_lives_unless_it_says_otherwise(alice: Person, pen: Pen) -> None:
    begin = clock.format_instant(datetime.now(UTC))
    reflection = pen.create()
    assert begin <= reflection["occurred_at"] <= clock.format_instant(datetime.now(UTC))
    given = pen.base | {"timezone": "Europe/Berlin", "capture": "typed", "visibility": "private"}
    given |= {"emotions": [], "domains": [], "occurred_at": reflection["occurred_at"]}
    empty = dict.fromkeys(set(REFLECTIONS.field_names) - set(given))
    assert {name: reflection[name] for name in REFLECTIONS.field_names} == given | empty
    assert faults(alice.client.post(pen.path, json={})) == {"/body": "required"}
    last_monday = pen.create(occurred_at="2026-11-16T23:59:59.999999-08:00", timezone="America/Los_Angeles")
    assert last_monday["occurred_at"] == "2026-11-17T07:59:59.999999Z"
    assert last_monday["timezone"] == "America/Los_Angeles"
    pen.refuses(reflection, (None, "wisteria", 5), "occurred_at", "timezone")


def test_a_draft_without_a_time_is_the_same_draft_when_it_is_sent_again(alice: Person, pen: Pen) -> None:
    id = str(new_id())
    first, again = pen.draft(id=id), pen.draft(id=id)
    assert (first.status_code, again.status_code) == (201, 200)
    alice.client.patch("/v1/me", json={"timezone": "UTC"})
    later = pen.draft(id=id)
    assert first.json() == again.json() == later.json()
    assert pen.draft(id=id, occurred_at=NOW).status_code == 409


def test_its_fields_keep_their_bounds(pen: Pen) -> None:
    pen.texts(body=100_000, title=200, prompt=500)
    pen.integers(0, 10, "mood")
    pen.times("occurred_at")
    pen.choices(capture="typed voice-transcript imported", visibility="private shared")


def test_its_lists_keep_their_order_and_their_bounds(pen: Pen) -> None:
    reflection = pen.create()
    for emotions in ([long(50)] * 20, [ODD, "wisteria", ODD], []):
        pen.keeps(reflection, emotions=emotions)
    for n in range(len(DOMAINS) + 1):
        pen.keeps(reflection, domains=DOMAINS[:n])
    pen.refuses(reflection, ([wrong] for wrong in (long(51), None, *NOT_TEXT)), "emotions", within="/0")
    pen.refuses(reflection, (["wisteria"] * 21, None, "wisteria", {}, 5), "emotions")
    pen.refuses(reflection, ([wrong] for wrong in (*NOT_A_CHOICE, None)), "domains", within="/0")
    pen.refuses(reflection, ([*DOMAINS, "mind"], None, "mind", {}, 5), "domains")
    many = pen.draft(emotions=["wisteria", 1, long(51)], domains=["mind", "wisteria"])
    assert pointers(many) == ["/domains/1", "/emotions/1", "/emotions/2"]
