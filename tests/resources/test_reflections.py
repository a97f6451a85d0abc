"""Reflections: initial values, bounds and lists."""

from datetime import UTC, datetime

import pytest

from app import clock
from app.ids import new_id
from app.resources.reflections import REFLECTIONS
from tests.refusals import faults, pointers
from tests.resources.record_writer import NOT_A_CHOICE, NOT_TEXT, NOW, ODD_TEXT, RecordWriter, long_text
from tests.serving import Person

DOMAINS = ["nature", "mind", "body", "relationships", "lifestyle", "spirit"]


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    return RecordWriter(alice, REFLECTIONS, body="wisteria again")


def test_the_default_time_is_now_and_the_default_time_zone_the_owners(alice: Person, writer: RecordWriter) -> None:
    begin = clock.format_instant(datetime.now(UTC))
    reflection = writer.create()
    assert begin <= reflection["occurred_at"] <= clock.format_instant(datetime.now(UTC))
    initial = writer.base | {"timezone": "Europe/Berlin", "capture": "typed", "visibility": "private"}
    initial |= {"emotions": [], "domains": [], "occurred_at": reflection["occurred_at"]}
    unset = dict.fromkeys(set(REFLECTIONS.field_names) - set(initial))
    assert {name: reflection[name] for name in REFLECTIONS.field_names} == initial | unset
    assert faults(alice.client.post(writer.path, json={})) == {"/body": "required"}
    last_monday = writer.create(occurred_at="2026-11-16T23:59:59.999999-08:00", timezone="America/Los_Angeles")
    assert last_monday["occurred_at"] == "2026-11-17T07:59:59.999999Z"
    assert last_monday["timezone"] == "America/Los_Angeles"
    writer.assert_rejects(reflection, (None, "wisteria", 5), "occurred_at", "timezone")


def test_a_draft_without_a_time_can_be_sent_again(alice: Person, writer: RecordWriter) -> None:
    id = str(new_id())
    first, again = writer.post(id=id), writer.post(id=id)
    assert (first.status_code, again.status_code) == (201, 200)
    alice.client.patch("/v1/me", json={"timezone": "UTC"})
    later = writer.post(id=id)
    assert first.json() == again.json() == later.json()
    assert writer.post(id=id, occurred_at=NOW).status_code == 409


def test_its_fields_accept_values_up_to_their_bounds(writer: RecordWriter) -> None:
    writer.assert_text_fields(body=100_000, title=200, prompt=500)
    writer.assert_integer_fields(0, 10, "mood")
    writer.assert_time_fields("occurred_at")
    writer.assert_choices(capture="typed voice-transcript imported", visibility="private shared")


def test_its_lists_keep_their_order_and_accept_items_up_to_their_bounds(writer: RecordWriter) -> None:
    reflection = writer.create()
    for emotions in ([long_text(50)] * 20, [ODD_TEXT, "wisteria", ODD_TEXT], []):
        writer.assert_stores(reflection, emotions=emotions)
    for n in range(len(DOMAINS) + 1):
        writer.assert_stores(reflection, domains=DOMAINS[:n])
    writer.assert_rejects(reflection, ([wrong] for wrong in (long_text(51), None, *NOT_TEXT)), "emotions", within="/0")
    writer.assert_rejects(reflection, (["wisteria"] * 21, None, "wisteria", {}, 5), "emotions")
    writer.assert_rejects(reflection, ([wrong] for wrong in (*NOT_A_CHOICE, None)), "domains", within="/0")
    writer.assert_rejects(reflection, ([*DOMAINS, "mind"], None, "mind", {}, 5), "domains")
    many = writer.post(emotions=["wisteria", 1, long_text(51)], domains=["mind", "wisteria"])
    assert pointers(many) == ["/domains/1", "/emotions/1", "/emotions/2"]
