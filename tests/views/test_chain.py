"""The chain of a record: what it comes from, and what came of it."""

from uuid import UUID

import pytest

from app.ids import new_id
from app.views import chain
from tests.drafts import Json, etag, resource_of
from tests.refusals import faults, refused
from tests.rows import insert_copies
from tests.serving import Person, Server
from tests.views.test_conditional import count_statements
from tests.views.views import create, element, get

STARTED = "2026-03-01T09:00:00.000000Z"


@pytest.fixture
def whole(alice: Person) -> dict[str, Json]:
    """A chain of all kinds, from a session to an action item, and a reflection that is in none."""
    session = create(alice, "sessions", started_at=STARTED, ended_at=None, title="wisteria in flower")
    memory = element(alice, session, meaning="wisteria", status="understood")
    earlier = create(alice, "intentions", kind="session")
    intention = create(alice, "intentions", element_id=memory["id"], derived_from_id=earlier["id"])
    reflection = create(alice, "reflections", intention_id=intention["id"], occurred_at="2026-03-02T09:00:00Z")
    item = create(alice, "action-items", reflection_id=reflection["id"], session_id=session["id"])
    create(alice, "reflections")
    return {
        "session": session,
        "memory": memory,
        "earlier": earlier,
        "intention": intention,
        "reflection": reflection,
        "item": item,
    }


def named(whole: dict[str, Json], nodes: list[Json]) -> list[str]:
    """Return the names of nodes."""
    names = {record["id"]: name for name, record in whole.items()}
    return [names[node["id"]] for node in nodes]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("item", {"session", "memory", "earlier", "intention", "reflection", "item"}),
        ("session", {"session", "memory", "intention", "reflection", "item"}),
        ("earlier", {"earlier", "intention", "reflection", "item"}),
        ("memory", {"session", "memory", "intention", "reflection", "item"}),
    ],
)
def test_a_chain_has_what_a_record_comes_from_and_what_came_of_it(
    alice: Person, whole: dict[str, Json], start: str, expected: set[str]
) -> None:
    found = get(alice, f"/v1/chain/{whole[start]['id']}")
    assert found["id"] == whole[start]["id"]
    assert found["truncated"] is False
    assert {*named(whole, found["nodes"])} == expected


@pytest.mark.parametrize("start", ["session", "memory", "earlier", "intention", "reflection", "item"])
def test_what_a_record_refers_to_comes_before_it(alice: Person, whole: dict[str, Json], start: str) -> None:
    found = get(alice, f"/v1/chain/{whole[start]['id']}")
    order = [node["id"] for node in found["nodes"]]
    assert len(order) == len({*order})
    assert found["edges"]
    assert all(order.index(edge["to"]) < order.index(edge["from"]) for edge in found["edges"])


def test_long_records_are_read_a_few_at_a_time(server: Server, alice: Person) -> None:
    session = create(alice, "sessions", started_at=STARTED, ended_at=None)
    long = create(alice, "reflections", session_id=session["id"], body="wisteria " * 2_000, title="In flower")
    copies = [{"session_id": UUID(session["id"])}] * (2 * chain.LARGE_AT_ONCE)
    ids = [long["id"], *insert_copies(server, alice, resource_of("reflections"), long, copies)]
    found = get(alice, f"/v1/chain/{session['id']}")
    assert {node["id"]: node["label"] for node in found["nodes"][1:]} == dict.fromkeys(ids, "In flower")


def test_the_edges_are_all_references_between_the_records(alice: Person, whole: dict[str, Json]) -> None:
    found = get(alice, f"/v1/chain/{whole['item']['id']}")
    names = {record["id"]: name for name, record in whole.items()}
    assert {(names[each["from"]], each["field"], names[each["to"]]) for each in found["edges"]} == {
        ("memory", "session_id", "session"),
        ("intention", "element_id", "memory"),
        ("intention", "derived_from_id", "earlier"),
        ("reflection", "intention_id", "intention"),
        ("item", "reflection_id", "reflection"),
        ("item", "session_id", "session"),
    }


def test_a_node_names_its_record(alice: Person, whole: dict[str, Json]) -> None:
    nodes = {node["id"]: node for node in get(alice, f"/v1/chain/{whole['item']['id']}")["nodes"]}
    session, reflection = whole["session"], whole["reflection"]
    assert nodes[session["id"]] == {
        "collection": "sessions",
        "id": session["id"],
        "label": "wisteria in flower",
        "happened_at": STARTED,
        "status": session["status"],
    }
    assert nodes[reflection["id"]]["status"] is None
    assert nodes[reflection["id"]]["happened_at"] == "2026-03-02T09:00:00.000000Z"


def test_a_label_is_the_title_else_the_words_else_the_kind(alice: Person) -> None:
    records = {
        "wisteria": create(alice, "reflections", title="wisteria", body="at the gate"),
        "wisteria at the gate": create(alice, "reflections", title=" ", body="wisteria at\n\nthe gate"),
        "Session": create(alice, "sessions", title=None, notes=None),
    }
    for label, record in records.items():
        (node,) = get(alice, f"/v1/chain/{record['id']}")["nodes"]
        assert node["label"] == label


def test_a_record_without_references_is_a_chain_by_itself(alice: Person) -> None:
    record = create(alice, "intentions", kind="session")
    found = get(alice, f"/v1/chain/{record['id']}")
    assert (found["collection"], len(found["nodes"]), found["edges"]) == ("intentions", 1, [])


def test_an_unknown_a_foreign_and_a_removed_record_are_not_found(alice: Person, bob: Person) -> None:
    removed, foreign = create(alice, "reflections"), create(bob, "reflections")
    alice.client.delete(f"/v1/reflections/{removed['id']}", headers=etag(removed))
    for id in (removed["id"], foreign["id"], str(new_id())):
        for headers in ({}, {"If-None-Match": "*"}):
            refused(alice.client.get(f"/v1/chain/{id}", headers=headers), 404, "not-found")


def test_the_collection_decides_between_records_with_the_same_id(alice: Person) -> None:
    id = str(new_id())
    create(alice, "sessions", id=id)
    create(alice, "reflections", id=id)
    for collection in ("sessions", "reflections"):
        found = get(alice, f"/v1/chain/{id}", collection=collection)
        assert [(node["collection"], node["id"]) for node in found["nodes"]] == [(collection, id)]
    refused(alice.client.get(f"/v1/chain/{id}", params={"collection": "elements"}), 404, "not-found")
    assert get(alice, f"/v1/chain/{id}")["collection"] == "sessions"
    assert faults(alice.client.get(f"/v1/chain/{id}", params={"collection": "wisteria"})) == {
        "/collection": "collection"
    }


def test_a_long_chain_is_cut_and_says_so(server: Server, alice: Person) -> None:
    session = create(alice, "sessions")
    record = create(alice, "reflections", session_id=session["id"])
    insert_copies(server, alice, resource_of("reflections"), record, [{} for _ in range(chain.MAX_NODES)])
    found = get(alice, f"/v1/chain/{session['id']}")
    assert (len(found["nodes"]), found["truncated"]) == (chain.MAX_NODES, True)
    assert len(found["edges"]) == chain.MAX_NODES - 1
    found = get(alice, f"/v1/chain/{record['id']}")
    assert (len(found["nodes"]), found["truncated"]) == (2, False)


def test_a_record_that_is_removed_after_its_references_were_read_is_not_found(
    monkeypatch: pytest.MonkeyPatch, alice: Person
) -> None:
    record = create(alice, "reflections")
    monkeypatch.setattr(chain.References, "chain", lambda _self, _start: ([], False))
    refused(alice.client.get(f"/v1/chain/{record['id']}"), 404, "not-found")


def test_a_chain_that_the_client_has_is_not_sent_again_and_reads_no_references(
    monkeypatch: pytest.MonkeyPatch, alice: Person, whole: dict[str, Json]
) -> None:
    path = f"/v1/chain/{whole['item']['id']}"
    tag = alice.client.get(path).headers["etag"]
    assert tag.startswith('W/"')
    for sent in (tag, f'"wisteria-", "x", {tag}', "*"):
        response = alice.client.get(path, headers={"If-None-Match": sent})
        assert (response.status_code, response.headers["etag"]) == (304, tag)
    assert count_statements(monkeypatch, alice, path, {"If-None-Match": tag}) == 1
    assert count_statements(monkeypatch, alice, path, {}) == 2
    create(alice, "reflections")
    assert alice.client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_the_tag_of_another_chain_is_not_taken(alice: Person, whole: dict[str, Json]) -> None:
    tag = alice.client.get(f"/v1/chain/{whole['memory']['id']}").headers["etag"]
    response = alice.client.get(f"/v1/chain/{whole['item']['id']}", headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert len(response.json()["nodes"]) == 6
