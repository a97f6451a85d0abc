"""Reflections: initial values, bounds and lists."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from app import clock
from app.ids import new_id
from app.resources.reflections import REFLECTIONS
from tests.refusals import faults, pointers
from tests.resources.record_writer import NOT_A_CHOICE, NOT_TEXT, NOW, ODD_TEXT, RecordWriter, long_text
from tests.serving import Person

DOMAINS = ["nature", "mind", "body", "relationships", "lifestyle", "spirit"]

EMOTIONS = {
    "the most and longest": [long_text(50)] * 20,
    "the same twice": [ODD_TEXT, "wisteria", ODD_TEXT],
    "none": [],
}
WRONG_LISTS: dict[str, tuple[str, Sequence[Any], str]] = {
    "an emotion": ("emotions", [[wrong] for wrong in (long_text(51), None, *NOT_TEXT)], "/0"),
    "too many emotions": ("emotions", [["wisteria"] * 21], ""),
    "no list of emotions": ("emotions", (None, "wisteria", {}, 5), ""),
    "a domain": ("domains", [[wrong] for wrong in (*NOT_A_CHOICE, None)], "/0"),
    "too many domains": ("domains", [[*DOMAINS, "mind"]], ""),
    "no list of domains": ("domains", (None, "mind", {}, 5), ""),
}


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


def test_it_may_name_the_prompt_that_it_answers(writer: RecordWriter) -> None:
    reflection = writer.create()
    for prompt_id in ("later-04", "abcdefghijkl-00", "ab-99", None):
        writer.assert_stores(reflection, prompt_id=prompt_id)
    wrong = ("a-01", "abcdefghijklm-01", "later-4", "later-004", "Later-04", "later-04\n", "later_04", "", *NOT_TEXT)
    writer.assert_rejects(reflection, wrong, "prompt_id")


@pytest.mark.parametrize("emotions", EMOTIONS.values(), ids=EMOTIONS)
def test_emotions_are_stored_as_they_are(writer: RecordWriter, emotions: list[str]) -> None:
    writer.assert_stores(writer.create(), emotions=emotions)


@pytest.mark.parametrize("number", range(len(DOMAINS) + 1))
def test_domains_keep_their_order(writer: RecordWriter, number: int) -> None:
    writer.assert_stores(writer.create(), domains=DOMAINS[:number])


@pytest.mark.parametrize(("name", "wrong", "within"), WRONG_LISTS.values(), ids=WRONG_LISTS)
def test_a_list_beyond_its_bounds_is_refused(
    writer: RecordWriter, *, name: str, wrong: Sequence[Any], within: str
) -> None:
    writer.assert_rejects(writer.create(), wrong, name, within=within)


def test_every_wrong_item_of_a_list_is_a_fault(writer: RecordWriter) -> None:
    many = writer.post(emotions=["wisteria", 1, long_text(51)], domains=["mind", "wisteria"])
    assert pointers(many) == ["/domains/1", "/emotions/1", "/emotions/2"]
