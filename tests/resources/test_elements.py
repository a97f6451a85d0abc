"""Elements: what only they promise."""

from itertools import permutations

import pytest

from app.ids import new_id
from app.resources.elements import ELEMENTS
from app.resources.sessions import SESSIONS
from tests.drafts import written
from tests.refusals import faults, pointers
from tests.resources.pen import Pen
from tests.serving import Person

STATUSES = ("captured", "exploring", "understood", "integrated", "set-aside")
NEEDS_A_MEANING = {"/meaning": "meaning-required"}
MEANING = "wisteria holds the wall up"


@pytest.fixture
def pen(alice: Person) -> Pen:
    session = written(alice.client, SESSIONS, alice)
    return Pen(alice, ELEMENTS, session_id=session["id"], kind="symbol", title="wisteria")


def test_an_element_begins_captured(pen: Pen) -> None:
    element = pen.create()
    given = pen.base | {"status": "captured", "visibility": "private"}
    empty = dict.fromkeys(set(ELEMENTS.field_names) - set(given))
    assert {name: element[name] for name in ELEMENTS.field_names} == given | empty


def test_its_fields_keep_their_bounds(pen: Pen) -> None:
    pen.texts(title=200, description=20_000, meaning=20_000, origin=20_000, reframe=20_000)
    pen.integers(-2, 2, "valence")
    pen.integers(0, 10, "intensity", "significance")


def test_its_choices_are_the_listed_ones(alice: Person, pen: Pen) -> None:
    pen.choices(
        kind="emotion memory image-vision insight body-sensation encounter part-of-self belief-perspective "
        "relationship ego-dissolution sound-music symbol challenging-moment other",
        visibility="private shared",
    )
    Pen(alice, ELEMENTS, **pen.base, meaning=MEANING).choices(status=" ".join(STATUSES))


def test_what_is_understood_has_a_meaning(pen: Pen) -> None:
    captured = pen.create()
    for status in ("understood", "integrated"):
        for meaning in ({}, {"meaning": None}, {"meaning": ""}):
            assert faults(pen.draft(status=status, **meaning)) == NEEDS_A_MEANING
            assert faults(pen.patch(captured, status=status, **meaning)) == NEEDS_A_MEANING
        understood = pen.create(status=status, meaning=MEANING)
        for empty in (None, ""):
            assert faults(pen.patch(understood, meaning=empty)) == NEEDS_A_MEANING
        assert pen.change(understood, meaning=None, status="set-aside")["meaning"] is None
        assert pen.change(captured, status=status, meaning=MEANING)["status"] == status
        captured = pen.change(captured, status="captured", meaning=None)


def test_its_status_moves_freely(pen: Pen) -> None:
    element = pen.create(meaning=MEANING)
    for pair in permutations(STATUSES, 2):
        for status in pair:
            response = pen.patch(element, status=status)
            assert (response.status_code, response.json()["status"]) == (200, status)


def test_it_belongs_to_a_session_and_may_move_to_another(alice: Person, pen: Pen) -> None:
    element, other = pen.create(), written(alice.client, SESSIONS, alice)
    without = {name: value for name, value in pen.base.items() if name != "session_id"}
    refusal = alice.client.post(pen.path, json=without)
    assert faults(refusal) == {"/session_id": "required"}
    assert faults(alice.client.post(pen.path, json={})) == dict.fromkeys(("/session_id", "/kind", "/title"), "required")
    id = str(new_id())
    pen.refuses(element, [None, "", 5, "wisteria", f"{{{id}}}", f"urn:uuid:{id}"], "session_id")
    assert pointers(pen.patch(element, session_id=id), "unknown-reference") == ["/session_id"]
    moved = pen.change(element, session_id=other["id"])
    found = alice.client.get(pen.path, params={"session_id": other["id"]}).json()["items"]
    assert found == [moved]
