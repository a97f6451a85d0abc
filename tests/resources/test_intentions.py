"""Intentions: what only they promise."""

from itertools import permutations

import pytest

from app.ids import new_id
from app.resources.intentions import INTENTIONS
from tests.drafts import etag
from tests.parallel import at_once
from tests.refusals import faults, pointers
from tests.resources.pen import Pen
from tests.serving import Person

STATUSES = ("proposed", "active", "on-hold", "completed", "cancelled")
PROTOCOL_CYCLE = "derivation-cycle"


@pytest.fixture
def pen(alice: Person) -> Pen:
    return Pen(alice, INTENTIONS, kind="session", statement="wisteria, whatever it means")


def test_an_intention_for_a_session_may_come_before_it_and_is_active(alice: Person, pen: Pen) -> None:
    intention = pen.create()
    given = pen.base | {"status": "active", "visibility": "private"}
    empty = dict.fromkeys(set(INTENTIONS.field_names) - set(given))
    assert {name: intention[name] for name in INTENTIONS.field_names} == given | empty
    assert faults(alice.client.post(pen.path, json={})) == dict.fromkeys(("/kind", "/statement"), "required")


def test_its_fields_keep_their_bounds(pen: Pen) -> None:
    pen.texts(statement=2000, why=2000)
    pen.days("target_on")


def test_its_choices_are_the_listed_ones(pen: Pen) -> None:
    pen.choices(
        kind="session integration",
        domain="mind body spirit lifestyle relationships nature",
        status=" ".join(STATUSES),
        achievement="in-progress improving no-change worsening achieved not-achieved",
        visibility="private shared",
    )


def test_its_status_moves_freely(pen: Pen) -> None:
    intention = pen.create()
    for pair in permutations(STATUSES, 2):
        for status in pair:
            response = pen.patch(intention, status=status)
            assert (response.status_code, response.json()["status"]) == (200, status)


def test_no_line_of_descent_leads_back(pen: Pen) -> None:
    line = [pen.create()]
    for _ in range(30):
        line.append(pen.create(kind="integration", derived_from_id=line[-1]["id"]))
    first, second, *_, last = line
    for ancestor, descendant in ((first, first), (last, last), (first, second), (first, last), (second, last)):
        assert pointers(pen.patch(ancestor, derived_from_id=descendant["id"]), PROTOCOL_CYCLE) == ["/derived_from_id"]
    assert pen.change(last, derived_from_id=first["id"])["derived_from_id"] == first["id"]
    assert pen.change(line[10], derived_from_id=last["id"])["derived_from_id"] == last["id"]
    assert pointers(pen.patch(first, derived_from_id=line[10]["id"]), PROTOCOL_CYCLE) == ["/derived_from_id"]
    id = str(new_id())
    assert pointers(pen.draft(id=id, derived_from_id=id), PROTOCOL_CYCLE) == ["/derived_from_id"]


def test_a_line_ends_where_a_link_was_removed(alice: Person, pen: Pen) -> None:
    first = pen.create()
    middle = pen.create(derived_from_id=first["id"])
    last = pen.create(derived_from_id=middle["id"])
    alice.client.delete(f"{pen.path}/{middle['id']}", headers=etag(middle))
    assert alice.client.get(f"{pen.path}/{last['id']}").json()["derived_from_id"] is None
    assert pen.change(first, derived_from_id=last["id"])["derived_from_id"] == last["id"]
    assert pointers(pen.patch(last, derived_from_id=first["id"]), PROTOCOL_CYCLE) == ["/derived_from_id"]


def test_two_devices_cannot_close_a_circle_together(pen: Pen) -> None:
    pair = [pen.create(), pen.create()]
    answers = at_once(lambda device: pen.patch(pair[device], derived_from_id=pair[1 - device]["id"]), devices=2)
    assert sorted(answer.status_code for answer in answers) == [200, 422]
