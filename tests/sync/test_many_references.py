"""Many references: a record has a maximum of them, and what one removal changes has another."""

from collections.abc import Iterator

import pytest

from app.records.write import working_set
from tests.conftest import Servers
from tests.drafts import Json, create_record, draft_of, etag, resource_of
from tests.refusals import faults, refused
from tests.serving import Person, Server
from tests.sync.sync_client import PUSH, SESSION, SyncClient, delete, upsert

MOST = 5
ELEMENTS, SESSIONS, REFLECTIONS = resource_of("elements"), resource_of("sessions"), resource_of("reflections")


@pytest.fixture
def server(servers: Servers, database: str) -> Iterator[Server]:
    """A server on which five records may refer to one."""
    shared = servers.shared(database, max_references=MOST)
    yield shared
    shared.end_test()


@pytest.fixture
def sync(alice: Person) -> SyncClient:
    return SyncClient(alice)


def session_with_elements(alice: Person, count: int) -> tuple[Json, list[Json]]:
    """Create a session with elements."""
    session = create_record(alice.client, SESSIONS, alice)
    return session, [create_record(alice.client, ELEMENTS, alice, session_id=session["id"]) for _ in range(count)]


def element(alice: Person, session: Json) -> Json:
    """Return the draft of an element of a session, without its id."""
    draft = draft_of(ELEMENTS, alice) | {"session_id": session["id"]}
    draft.pop("id", None)
    return draft


def test_a_record_has_a_maximum_of_references(alice: Person) -> None:
    session, elements = session_with_elements(alice, MOST)
    draft = element(alice, session)
    assert faults(alice.client.post("/v1/elements", json=draft)) == {"/session_id": "too-many-references"}
    assert alice.client.delete(f"/v1/elements/{elements[0]['id']}", headers=etag(elements[0])).status_code == 204
    assert alice.client.post("/v1/elements", json=draft).status_code == 201


def test_a_change_of_a_record_that_refers_to_it_already_is_not_refused(alice: Person) -> None:
    _, elements = session_with_elements(alice, MOST)
    path = f"/v1/elements/{elements[0]['id']}"
    changed = alice.client.patch(path, json={ELEMENTS.text: "wisteria climbs"}, headers=etag(elements[0]))
    assert changed.status_code == 200


def test_references_of_one_push_are_counted_together(alice: Person, sync: SyncClient) -> None:
    session, _ = session_with_elements(alice, 2)
    ops = [upsert("elements", set=element(alice, session)) for _ in range(MOST)]
    results = sync.push(*ops)
    assert [each["outcome"] for each in results] == ["applied"] * 3 + ["rejected"] * 2
    (fault,) = results[-1]["error"]["errors"]
    assert (fault["pointer"], fault["code"]) == ("/session_id", "too-many-references")


@pytest.fixture
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a removal change six records at most."""
    monkeypatch.setattr(working_set, "MAX_REFERRERS", 6)


@pytest.mark.usefixtures("_few_at_once")
def test_a_removal_that_changes_too_many_records_is_refused(alice: Person, sync: SyncClient) -> None:
    session, elements = session_with_elements(alice, MOST)
    for each in elements[:2]:
        create_record(alice.client, REFLECTIONS, alice, element_id=each["id"], session_id=None, intention_id=None)
    path, (before, cursor) = f"/v1/sessions/{session['id']}", sync.pull()
    refused(alice.client.delete(path, headers=etag(session)), 409, "too-many-references")
    assert sync.push_rejected(delete(session, "sessions"), 409, "too-many-references")
    assert (sync.pull_page(cursor)["changes"], sync.pull()[0]) == ([], before)
    assert alice.client.delete(f"/v1/elements/{elements[0]['id']}", headers=etag(elements[0])).status_code == 204
    assert alice.client.delete(path, headers=etag(session)).status_code == 204
    assert alice.client.get("/v1/elements").json()["items"] == []


@pytest.mark.usefixtures("_few_at_once")
def test_removals_that_together_change_too_many_records_run_one_after_the_other(
    alice: Person, sync: SyncClient
) -> None:
    sessions = [session_with_elements(alice, MOST)[0] for _ in range(3)]
    created = upsert("sessions", set=SESSION)
    results = sync.push(delete(sessions[0], "sessions"), created, *(delete(each, "sessions") for each in sessions[1:]))
    assert [(each["outcome"], each["status"]) for each in results] == [
        ("applied", 204),
        ("applied", 201),
        ("applied", 204),
        ("applied", 204),
    ]
    assert alice.client.get("/v1/elements").json()["items"] == []
    assert results[-1]["version"] == max(each["version"] for each in results)


@pytest.mark.usefixtures("_few_at_once")
def test_an_atomic_push_of_such_removals_is_refused(alice: Person) -> None:
    ops = [delete(session_with_elements(alice, MOST)[0], "sessions") for _ in range(2)]
    problem = refused(alice.client.post(PUSH, json={"atomic": True, "ops": ops}), 409, "batch-refused")
    assert [each["error"]["code"] for each in problem["results"]] == ["too-many-references"] * 2
    assert len(alice.client.get("/v1/elements").json()["items"]) == 2 * MOST
