"""The inbox: what is waiting for the next step, and what no longer is."""

import pytest

from app.views.inbox import MAX_ITEMS
from tests.drafts import Json, etag, resource_of
from tests.rows import insert_copies
from tests.serving import Person, Server
from tests.views.views import create, element, get

PATH = "/v1/inbox"
LISTS = ("elements_without_meaning", "meanings_without_change", "session_intentions_left", "proposals")
MEANT = {"meaning": "wisteria", "status": "understood"}


def waiting(person: Person) -> dict[str, list[str]]:
    """Return the ids in each list that is not empty, and check the counts."""
    inbox = get(person, PATH)
    assert tuple(inbox) == LISTS
    assert all(each["count"] == len(each["items"]) for each in inbox.values())
    return {name: [item["id"] for item in each["items"]] for name, each in inbox.items() if each["items"]}


def test_an_account_without_records_has_an_empty_inbox(alice: Person) -> None:
    assert waiting(alice) == {}


def test_an_element_waits_for_its_meaning_and_then_for_a_change(alice: Person) -> None:
    record = element(alice, create(alice, "sessions"))
    assert waiting(alice) == {"elements_without_meaning": [record["id"]]}
    record = change(alice, "elements", record, **MEANT)
    assert waiting(alice) == {"meanings_without_change": [record["id"]]}
    create(alice, "intentions", element_id=record["id"])
    assert waiting(alice) == {}


def test_an_action_item_is_a_change_of_a_meaning(alice: Person) -> None:
    record = element(alice, create(alice, "sessions"), **MEANT)
    item = create(alice, "action-items", element_id=record["id"])
    assert waiting(alice) == {}
    alice.client.delete(f"/v1/action-items/{item['id']}", headers=etag(item))
    assert waiting(alice) == {"meanings_without_change": [record["id"]]}


@pytest.mark.parametrize("meaning", [None, "wisteria"], ids=["without-meaning", "with-meaning"])
def test_an_element_that_is_set_aside_does_not_wait(alice: Person, meaning: str | None) -> None:
    element(alice, create(alice, "sessions"), meaning=meaning, status="set-aside")
    assert waiting(alice) == {}


def test_an_intention_for_a_completed_session_waits_until_one_for_the_integration_derives_from_it(
    alice: Person,
) -> None:
    planned = {"status": "planned", "started_at": None, "ended_at": None}
    session = create(alice, "sessions", **planned)
    intention = create(alice, "intentions", kind="session", session_id=session["id"])
    create(alice, "intentions", kind="session")
    create(alice, "intentions", kind="integration", session_id=session["id"])
    assert waiting(alice) == {}
    change(alice, "sessions", session, status="completed", started_at="2026-03-01T09:00:00Z")
    assert waiting(alice) == {"session_intentions_left": [intention["id"]]}
    create(alice, "intentions", kind="session", session_id=None, derived_from_id=intention["id"])
    assert waiting(alice) == {"session_intentions_left": [intention["id"]]}
    create(alice, "intentions", kind="integration", derived_from_id=intention["id"])
    assert waiting(alice) == {}


def test_an_intention_that_is_not_active_does_not_wait(alice: Person) -> None:
    session = create(alice, "sessions")
    create(alice, "intentions", kind="session", session_id=session["id"], status="completed")
    assert waiting(alice) == {}


def test_a_requested_action_item_waits_for_an_answer(alice: Person) -> None:
    item = create(alice, "action-items", status="requested")
    create(alice, "action-items", status="accepted")
    assert waiting(alice) == {"proposals": [item["id"]]}
    change(alice, "action-items", item, status="accepted")
    assert waiting(alice) == {}


def test_an_item_names_its_record(alice: Person) -> None:
    session = create(alice, "sessions")
    record = element(alice, session, title="A lamp\nof  wisteria")
    (item,) = get(alice, PATH)["elements_without_meaning"]["items"]
    assert item == {
        "id": record["id"],
        "title": "A lamp of wisteria",
        "session_id": session["id"],
        "created_at": record["created_at"],
    }


def test_the_title_of_an_intention_is_the_beginning_of_its_statement(alice: Person) -> None:
    session = create(alice, "sessions")
    create(alice, "intentions", kind="session", session_id=session["id"], statement="wisteria " * 100)
    (item,) = get(alice, PATH)["session_intentions_left"]["items"]
    assert len(item["title"]) == 120
    assert item["title"].startswith("wisteria wisteria")
    assert item["title"].endswith("…")


def test_a_list_shows_its_newest_records_and_counts_all(server: Server, alice: Person) -> None:
    item = create(alice, "action-items", status="requested")
    copies = insert_copies(server, alice, resource_of("action-items"), item, [{} for _ in range(MAX_ITEMS + 4)])
    proposals = get(alice, PATH)["proposals"]
    assert proposals["count"] == MAX_ITEMS + 5
    assert [each["id"] for each in proposals["items"]] == sorted([item["id"], *copies], reverse=True)[:MAX_ITEMS]


def change(person: Person, collection: str, record: Json, **fields: object) -> Json:
    """Change a record; return it as it is then."""
    response = person.client.patch(f"/v1/{collection}/{record['id']}", json=fields, headers=etag(record))
    assert response.status_code == 200, response.text
    changed: Json = response.json()
    return changed
