"""Intentions: initial values, bounds, goal attainment scales, and derivation without cycles."""

from itertools import permutations
from typing import Any

import pytest

from app.ids import new_id
from app.resources.intentions import INTENTIONS
from tests.drafts import etag
from tests.parallel import at_once
from tests.refusals import faults, pointers
from tests.resources.record_writer import NOT_TEXT, ODD_TEXT, RecordWriter, long_text
from tests.serving import Person
from tests.sync.sync_client import SyncClient, edit

STATUSES = ("proposed", "active", "on-hold", "completed", "cancelled")
DERIVATION_CYCLE = "derivation-cycle"
SCALES: dict[str, list[str | None]] = {
    "all": ["wisteria", "", ODD_TEXT, long_text(500), "wisteria"],
    "only the expected one": [None, None, "wisteria", None, None],
}
WRONG_SCALES: dict[str, tuple[list[Any], str]] = {
    "a step": ([[wrong, None, "wisteria", None, None] for wrong in (long_text(501), *NOT_TEXT)], "/0"),
    "four steps": ([["wisteria"] * 4], ""),
    "six steps": ([["wisteria"] * 6], ""),
    "no list": (["wisteria", {}, 5, []], ""),
}


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    return RecordWriter(alice, INTENTIONS, kind="session", statement="wisteria, whatever it means")


def test_a_new_intention_is_active_and_needs_no_session(alice: Person, writer: RecordWriter) -> None:
    intention = writer.create()
    initial = writer.base | {"status": "active", "visibility": "private", "weight": 1}
    unset = dict.fromkeys(set(INTENTIONS.field_names) - set(initial))
    assert {name: intention[name] for name in INTENTIONS.field_names} == initial | unset
    assert faults(alice.client.post(writer.path, json={})) == dict.fromkeys(("/kind", "/statement"), "required")


def test_its_fields_accept_values_up_to_their_bounds(writer: RecordWriter) -> None:
    writer.assert_text_fields(statement=2000, why=2000)
    writer.assert_date_fields("target_on")
    writer.assert_integer_fields(1, 9, "weight")
    writer.assert_integer_fields(-2, 2, "baseline")
    writer.assert_rejects(writer.create(), [None], "weight")


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_a_scale_has_five_steps_of_which_only_the_expected_one_is_required(
    writer: RecordWriter, scale: list[str | None]
) -> None:
    writer.assert_stores(writer.create(), scale=scale, baseline=-2)
    writer.assert_stores(writer.create(scale=scale), scale=None)


@pytest.mark.parametrize(("wrong", "within"), WRONG_SCALES.values(), ids=WRONG_SCALES)
def test_a_scale_of_another_form_is_refused(writer: RecordWriter, wrong: list[Any], within: str) -> None:
    writer.assert_rejects(writer.create(), wrong, "scale", within=within)


@pytest.mark.parametrize("expected", [None, ""], ids=["null", "empty"])
def test_a_scale_says_what_is_expected(writer: RecordWriter, expected: str | None) -> None:
    scale = ["wisteria", "wisteria", expected, "wisteria", "wisteria"]
    for response in (writer.post(scale=scale), writer.patch(writer.create(), scale=scale)):
        assert faults(response) == {"/scale/2": "expected-level-required"}


def test_scale_and_baseline_collide_as_one(alice: Person, writer: RecordWriter) -> None:
    sync, intention = SyncClient(alice), writer.create(scale=SCALES["all"], baseline=0)
    sync.push_applied(edit(intention, set={"baseline": -1}))
    result = sync.push_one(edit(intention, set={"scale": None}))
    assert (result["outcome"], result["reason"], result["fields"]) == ("conflict", "changed", ["scale"])
    assert sync.push_applied(edit(intention, set={"weight": 9}))["baseline"] == -1


def test_its_fields_accept_only_the_listed_choices(writer: RecordWriter) -> None:
    writer.assert_choices(
        kind="session integration",
        domain="mind body spirit lifestyle relationships nature",
        status=" ".join(STATUSES),
        achievement="in-progress improving no-change worsening achieved not-achieved",
        visibility="private shared",
    )


@pytest.mark.parametrize(("before", "after"), [*permutations(STATUSES, 2)])
def test_its_status_can_change_to_any_other(writer: RecordWriter, before: str, after: str) -> None:
    assert writer.update(writer.create(status=before), status=after)["status"] == after


def test_an_intention_cannot_derive_from_itself_or_its_descendants(writer: RecordWriter) -> None:
    line = [writer.create()]
    for _ in range(30):
        line.append(writer.create(kind="integration", derived_from_id=line[-1]["id"]))
    first, second, *_, last = line
    pairs = [(first, first), (last, last), (first, second), (first, last), (second, last)]
    patches = [writer.patch(ancestor, derived_from_id=descendant["id"]) for ancestor, descendant in pairs]
    assert [response.json().get("code") for response in patches] == [DERIVATION_CYCLE] * len(pairs)
    assert [pointers(response, DERIVATION_CYCLE) for response in patches] == [["/derived_from_id"]] * len(pairs)
    assert writer.update(last, derived_from_id=first["id"])["derived_from_id"] == first["id"]
    assert writer.update(line[10], derived_from_id=last["id"])["derived_from_id"] == last["id"]
    assert pointers(writer.patch(first, derived_from_id=line[10]["id"]), DERIVATION_CYCLE) == ["/derived_from_id"]
    id = str(new_id())
    assert pointers(writer.post(id=id, derived_from_id=id), DERIVATION_CYCLE) == ["/derived_from_id"]


def test_removing_an_intention_ends_the_derivation_of_the_next(alice: Person, writer: RecordWriter) -> None:
    first = writer.create()
    middle = writer.create(derived_from_id=first["id"])
    last = writer.create(derived_from_id=middle["id"])
    alice.client.delete(f"{writer.path}/{middle['id']}", headers=etag(middle))
    assert alice.client.get(f"{writer.path}/{last['id']}").json()["derived_from_id"] is None
    assert writer.update(first, derived_from_id=last["id"])["derived_from_id"] == last["id"]
    assert pointers(writer.patch(last, derived_from_id=first["id"]), DERIVATION_CYCLE) == ["/derived_from_id"]


def test_two_devices_at_once_cannot_create_a_cycle(writer: RecordWriter) -> None:
    pair = [writer.create(), writer.create()]
    responses = at_once(lambda device: writer.patch(pair[device], derived_from_id=pair[1 - device]["id"]), devices=2)
    assert sorted(response.status_code for response in responses) == [200, 422]
