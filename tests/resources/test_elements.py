"""Elements: initial values, bounds, the rule about meanings, and their session."""

from itertools import permutations

import pytest

from app.ids import new_id
from app.resources.elements import ELEMENTS
from app.resources.sessions import SESSIONS
from tests.drafts import Json, create_record, etag
from tests.refusals import faults, pointers, refused
from tests.resources.record_writer import RecordWriter
from tests.serving import Person

STATUSES = ("captured", "exploring", "understood", "integrated", "set-aside")
NEEDS_A_MEANING = {"/meaning": "meaning-required"}
MEANING = "wisteria holds the wall up"


@pytest.fixture
def writer(alice: Person) -> RecordWriter:
    session = create_record(alice.client, SESSIONS, alice)
    return RecordWriter(alice, ELEMENTS, session_id=session["id"], kind="symbol", title="wisteria")


def test_a_new_element_is_captured(writer: RecordWriter) -> None:
    element = writer.create()
    initial = writer.base | {"status": "captured", "visibility": "private"}
    unset = dict.fromkeys(set(ELEMENTS.field_names) - set(initial))
    assert {name: element[name] for name in ELEMENTS.field_names} == initial | unset


def test_its_fields_accept_values_up_to_their_bounds(writer: RecordWriter) -> None:
    writer.assert_text_fields(title=200, description=20_000, meaning=20_000, origin=20_000, reframe=20_000)
    writer.assert_integer_fields(-2, 2, "valence")
    writer.assert_integer_fields(0, 10, "intensity", "significance")


def test_its_fields_accept_only_the_listed_choices(alice: Person, writer: RecordWriter) -> None:
    writer.assert_choices(
        kind="emotion memory image-vision insight body-sensation encounter part-of-self belief-perspective "
        "relationship ego-dissolution sound-music symbol challenging-moment other",
        visibility="private shared",
    )
    RecordWriter(alice, ELEMENTS, **writer.base, meaning=MEANING).assert_choices(status=" ".join(STATUSES))


@pytest.mark.parametrize("meaning", [{}, {"meaning": None}, {"meaning": ""}], ids=["no meaning", "null", "empty"])
@pytest.mark.parametrize("status", ["understood", "integrated"])
def test_an_understood_or_integrated_element_has_a_meaning(writer: RecordWriter, status: str, meaning: Json) -> None:
    assert faults(writer.post(status=status, **meaning)) == NEEDS_A_MEANING
    assert faults(writer.patch(writer.create(), status=status, **meaning)) == NEEDS_A_MEANING


@pytest.mark.parametrize("status", ["understood", "integrated"])
def test_the_meaning_of_an_understood_or_integrated_element_is_removed_only_with_its_status(
    writer: RecordWriter, status: str
) -> None:
    understood = writer.create(status=status, meaning=MEANING)
    for empty in (None, ""):
        assert faults(writer.patch(understood, meaning=empty)) == NEEDS_A_MEANING, empty
    assert writer.update(understood, meaning=None, status="set-aside")["meaning"] is None
    captured = writer.create()
    assert writer.update(captured, status=status, meaning=MEANING)["status"] == status
    assert writer.update(captured, status="captured", meaning=None)["meaning"] is None


@pytest.mark.parametrize(("before", "after"), [*permutations(STATUSES, 2)])
def test_its_status_can_change_to_any_other(writer: RecordWriter, before: str, after: str) -> None:
    assert writer.update(writer.create(status=before, meaning=MEANING), status=after)["status"] == after


def test_it_belongs_to_a_session_and_can_be_moved_to_another(alice: Person, writer: RecordWriter) -> None:
    element, other = writer.create(), create_record(alice.client, SESSIONS, alice)
    without = {name: value for name, value in writer.base.items() if name != "session_id"}
    refusal = alice.client.post(writer.path, json=without)
    assert faults(refusal) == {"/session_id": "required"}
    assert faults(alice.client.post(writer.path, json={})) == dict.fromkeys(
        ("/session_id", "/kind", "/title"), "required"
    )
    id = str(new_id())
    writer.assert_rejects(element, [None, "", 5, "wisteria", f"{{{id}}}", f"urn:uuid:{id}"], "session_id")
    assert pointers(writer.patch(element, session_id=id), "unknown-reference") == ["/session_id"]
    moved = writer.update(element, session_id=other["id"])
    found = alice.client.get(writer.path, params={"session_id": other["id"]}).json()["items"]
    assert found == [moved]


def test_it_is_removed_with_its_session(alice: Person, writer: RecordWriter) -> None:
    element = writer.create()
    session = alice.client.get(f"{SESSIONS.path}/{element['session_id']}").json()
    assert alice.client.delete(f"{SESSIONS.path}/{session['id']}", headers=etag(session)).status_code == 204
    refused(alice.client.get(f"{ELEMENTS.path}/{element['id']}"), 404, "not-found")
