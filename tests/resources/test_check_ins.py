"""Check-ins: initial values, bounds, side effects, and that a check-in says something."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from app import clock
from app.resources.check_ins import CHECK_INS
from tests.drafts import Json
from tests.refusals import faults
from tests.resources.record_writer import NOT_A_CHOICE, RecordWriter
from tests.serving import Person

SCALES = ("mood", "anxiety", "energy", "sleep", "connectedness", "craving", "pain")
EFFECTS = [
    *("nausea", "vomiting", "dizziness", "headache", "drowsiness", "dissociation"),
    *("blurred-vision", "palpitations", "urinary", "sleep-disruption", "anxiety", "other"),
]
EMPTY: dict[str, Json] = {
    "nothing": {},
    "nulls": dict.fromkeys((*SCALES, "sleep_minutes", "note")),
    "no side effect": {"side_effects": []},
    "an empty note": {"note": ""},
    "only a time": {"taken_at": "2026-11-22T10:00:00Z", "timezone": "Europe/Berlin"},
}
ENOUGH: dict[str, Json] = {
    **{name: {name: 0} for name in (*SCALES, "sleep_minutes")},
    "a side effect": {"side_effects": ["other"]},
    "a note": {"note": "wisteria"},
}
WRONG_EFFECTS: dict[str, tuple[Sequence[Any], str]] = {
    "unknown": ([[wrong] for wrong in (*NOT_A_CHOICE, None)], "/0"),
    "twice": ([["nausea", "headache", "nausea"]], ""),
    "too many": ([[*EFFECTS, "nausea"]], ""),
    "no list": ((None, "nausea", {}, 5), ""),
}


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    return RecordWriter(alice, CHECK_INS, mood=5)


def test_the_default_time_is_now_and_the_default_time_zone_the_owners(writer: RecordWriter) -> None:
    begin = clock.format_instant(datetime.now(UTC))
    check_in = writer.create()
    assert begin <= check_in["taken_at"] <= clock.format_instant(datetime.now(UTC))
    initial = writer.base | {"timezone": "Europe/Berlin", "side_effects": [], "visibility": "private"}
    initial |= {"taken_at": check_in["taken_at"]}
    unset = dict.fromkeys(set(CHECK_INS.field_names) - set(initial))
    assert {name: check_in[name] for name in CHECK_INS.field_names} == initial | unset
    writer.assert_rejects(check_in, (None, "wisteria", 5), "taken_at", "timezone")


def test_its_fields_accept_values_up_to_their_bounds(writer: RecordWriter) -> None:
    writer.assert_text_fields(note=2_000)
    writer.assert_integer_fields(0, 10, *SCALES)
    writer.assert_integer_fields(0, 1_440, "sleep_minutes")
    writer.assert_time_fields("taken_at")
    writer.assert_choices(visibility="private shared")


@pytest.mark.parametrize("number", [0, 1, 12])
def test_side_effects_keep_their_order(writer: RecordWriter, number: int) -> None:
    writer.assert_stores(writer.create(), side_effects=EFFECTS[::-1][:number])


@pytest.mark.parametrize(("wrong", "within"), WRONG_EFFECTS.values(), ids=WRONG_EFFECTS)
def test_side_effects_are_distinct_and_known(writer: RecordWriter, wrong: Sequence[Any], within: str) -> None:
    writer.assert_rejects(writer.create(), wrong, "side_effects", within=within)


def test_a_side_effect_that_is_sent_twice_is_called_repeated(writer: RecordWriter) -> None:
    assert faults(writer.post(side_effects=["nausea", "nausea"])) == {"/side_effects": "repeated"}


@pytest.mark.parametrize("fields", EMPTY.values(), ids=EMPTY)
def test_a_check_in_that_says_nothing_is_refused(alice: Person, fields: Json) -> None:
    assert faults(alice.client.post(CHECK_INS.path, json=fields)) == {"": "empty-check-in"}


@pytest.mark.parametrize("fields", ENOUGH.values(), ids=ENOUGH)
def test_one_value_is_enough_and_the_last_one_cannot_be_cleared(alice: Person, fields: Json) -> None:
    writer = RecordWriter(alice, CHECK_INS)
    check_in = writer.create(**fields)
    emptied: Json = {name: [] if name == "side_effects" else None for name in fields}
    assert faults(writer.patch(check_in, **emptied)) == {"": "empty-check-in"}
    assert writer.update(check_in, note="wisteria", **{n: v for n, v in emptied.items() if n != "note"})
