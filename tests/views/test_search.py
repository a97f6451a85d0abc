"""Search: all words must occur, as they are, in one record of the caller's own."""

import unicodedata
from collections.abc import Iterator

import pytest

from app.resources import RESOURCES
from app.views import search
from tests.conftest import Servers
from tests.drafts import Json, resource_of
from tests.refusals import faults, pointers, refused
from tests.rows import insert_copies
from tests.serving import Person, Server
from tests.sync.test_statements import counting
from tests.views.views import create
from tests.witness import Client

PATH = "/v1/search"


def searched(person: Person, q: str, **more: object) -> Json:
    """Return the page of a search."""
    response = person.client.post(PATH, json={"q": q, **more})
    assert response.status_code == 200, response.text
    page: Json = response.json()
    return page


def found(person: Person, q: str, **more: object) -> list[str]:
    """Return the ids of the records that a search finds."""
    return [each["id"] for each in searched(person, q, **more)["items"]]


def reflection(person: Person, body: str, **changes: object) -> str:
    """Create a reflection with these words; return its id."""
    id: str = create(person, "reflections", body=body, title=None, prompt=None, emotions=[], **changes)["id"]
    return id


def test_a_match_names_the_record_and_shows_the_words(alice: Person) -> None:
    record = create(alice, "reflections", body="The wisteria was in flower.", occurred_at="2026-03-01T09:00:00Z")
    page = searched(alice, "WISTERIA flower")
    assert page == {
        "items": [
            {
                "collection": "reflections",
                "id": record["id"],
                "version": record["version"],
                "field": "body",
                "snippet": "The wisteria was in flower.",
                "happened_at": "2026-03-01T09:00:00.000000Z",
            }
        ],
        "next_cursor": None,
        "scanned": 1,
    }


def test_all_words_must_occur_in_one_record_in_any_of_its_fields(alice: Person) -> None:
    both = create(alice, "reflections", title="Wisteria", body="by the gate", emotions=[])["id"]
    reflection(alice, "wisteria")
    reflection(alice, "by the gate")
    assert found(alice, "gate wisteria") == [both]
    assert searched(alice, "gate wisteria by")["items"][0]["field"] == "body"


@pytest.mark.parametrize("collection", [kind.collection for kind in RESOURCES if kind.text is not None])
def test_the_words_of_every_kind_are_found(alice: Person, collection: str) -> None:
    record = create(alice, collection)
    assert record["id"] in found(alice, "wisteria at the gate", collections=[collection])


def test_words_in_a_list_are_found(alice: Person) -> None:
    id = create(alice, "reflections", emotions=["quiet", "wisteria-blue"])["id"]
    assert searched(alice, "wisteria-blue")["items"][0]["field"] == "emotions"
    assert found(alice, "wisteria-blue quiet") == [id]


@pytest.mark.parametrize(
    ("body", "q", "is_found"),
    [
        pytest.param("wisteria", "ister", True, id="part-of-a-word"),
        pytest.param("100 %_\\ wisteria", "%_\\", True, id="characters-of-patterns"),
        pytest.param("100 wisteria", "%_", False, id="patterns-are-no-patterns"),
        pytest.param("wisteria", "w.*a", False, id="nor-regular-expressions"),
        pytest.param("Straße", "STRASSE", True, id="sharp-s"),
        pytest.param("ΣΊΣΥΦΟΣ", "σίσυφος", True, id="final-sigma"),
        pytest.param("cafe\u0301", "café", True, id="decomposed-text"),
        pytest.param("café", "cafe\u0301", True, id="decomposed-query"),
        pytest.param("İstanbul", "istanbul", False, id="dotted-i-is-another-character"),
        pytest.param("wis teria", "wisteria", False, id="a-blank-is-not-skipped"),
        pytest.param("日本の藤", "の藤", True, id="without-blanks"),
        pytest.param('the "wisteria"', '"wisteria"', True, id="quotation-marks"),
        pytest.param("gate\n\u0301wisteria", "\u0301wis", True, id="a-combining-mark-after-a-line-break"),
        pytest.param("wisteria", "private", False, id="a-value-that-is-no-word"),
        pytest.param("wisteria", "body", False, id="the-name-of-a-field"),
    ],
)
def test_words_are_compared_as_they_are_regardless_of_case(alice: Person, body: str, q: str, *, is_found: bool) -> None:
    id = reflection(alice, body)
    assert found(alice, q) == [id] * is_found


def test_a_snippet_is_the_text_around_the_first_match(alice: Person) -> None:
    reflection(alice, "before ß " * 50 + "wisteria\nin flower" + " after" * 50)
    (item,) = searched(alice, "flower wisteria")["items"]
    assert len(item["snippet"]) <= 162
    assert item["snippet"].startswith("…ß before ß ")
    assert "wisteria in flower after" in item["snippet"]
    assert item["snippet"].endswith("after…")


def test_a_snippet_of_a_text_without_blanks_is_cut_anywhere(alice: Person) -> None:
    reflection(alice, "藤" * 300 + "wisteria" + "藤" * 300)
    (item,) = searched(alice, "wisteria")["items"]
    assert item["snippet"] == "…" + "藤" * 40 + "wisteria" + "藤" * 112 + "…"


def test_a_snippet_shows_a_match_that_is_longer_without_case(alice: Person) -> None:
    reflection(alice, unicodedata.normalize("NFD", "Größe ß und ein Maß der wisteria"))
    (item,) = searched(alice, "mass")["items"]
    assert item["snippet"] == "Größe ß und ein Maß der wisteria"


def test_matches_are_newest_first_and_pages_follow_each_other(server: Server, alice: Person) -> None:
    record = create(alice, "reflections", occurred_at="2026-03-01T09:00:00Z")
    copies = insert_copies(server, alice, resource_of("reflections"), record, [{} for _ in range(4)])
    pages = list(pages_of(alice, "wisteria", limit=2))
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert [item["id"] for page in pages for item in page["items"]] == [*reversed(copies), record["id"]]
    assert sum(page["scanned"] for page in pages) == 5


def pages_of(person: Person, q: str, **more: object) -> Iterator[Json]:
    """Yield the pages of a search."""
    cursor: Json = {}
    while cursor != {"cursor": None}:
        page = searched(person, q, **more, **cursor)
        cursor = {"cursor": page["next_cursor"]}
        yield page


def test_a_page_looks_at_a_limited_number_of_records(
    monkeypatch: pytest.MonkeyPatch, server: Server, alice: Person
) -> None:
    monkeypatch.setattr(search, "MAX_RECORDS", 3)
    oldest = reflection(alice, "wisteria in flower", occurred_at="2026-03-01T09:00:00Z")
    record = create(alice, "reflections", body="a gate", occurred_at="2026-03-02T09:00:00Z")
    insert_copies(server, alice, resource_of("reflections"), record, [{} for _ in range(5)])
    pages = list(pages_of(alice, "flower"))
    assert [page["scanned"] for page in pages] == [3, 3, 1]
    assert [[item["id"] for item in page["items"]] for page in pages] == [[], [], [oldest]]


def test_a_page_looks_at_a_limited_number_of_bytes(monkeypatch: pytest.MonkeyPatch, alice: Person) -> None:
    monkeypatch.setattr(search, "MAX_BYTES", 5_000)
    for day in range(1, 5):
        reflection(alice, "wisteria " * 400, occurred_at=f"2026-03-0{day}T09:00:00Z")
    assert [page["scanned"] for page in pages_of(alice, "wisteria")] == [2, 2]


def test_a_search_in_some_collections_looks_at_no_others(alice: Person) -> None:
    for collection in ("sessions", "reflections"):
        create(alice, collection)
    page = searched(alice, "wisteria", collections=["sessions"])
    assert (page["scanned"], page["items"][0]["collection"]) == (1, "sessions")
    assert faults(alice.client.post(PATH, json={"q": "wisteria", "collections": ["wisteria"]})) == {
        "/collections/0": "collection"
    }


def test_a_search_finds_only_the_callers_own_records(alice: Person, bob: Person) -> None:
    reflection(bob, "wisteria")
    assert searched(alice, "wisteria") == {"items": [], "next_cursor": None, "scanned": 0}


def test_a_removed_record_is_not_found(alice: Person) -> None:
    id = reflection(alice, "wisteria")
    alice.client.delete(f"/v1/reflections/{id}", headers={"If-Match": "*"})
    assert found(alice, "wisteria") == []


def test_a_cursor_continues_only_its_own_search(alice: Person, bob: Person) -> None:
    for _ in range(2):
        reflection(alice, "wisteria")
    cursor = searched(alice, "wisteria", limit=1)["next_cursor"]
    for person, changed in ((bob, {}), (alice, {"q": "another"}), (alice, {"collections": ["sessions"]})):
        body = {"q": "wisteria", "cursor": cursor} | changed
        refused(person.client.post(PATH, json=body), 400, "invalid-cursor")
    assert len(found(alice, "wisteria", cursor=cursor)) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param({}, "/q", id="nothing"),
        pytest.param({"q": "w"}, "/q", id="one-character"),
        pytest.param({"q": "w" * 101}, "/q", id="101-characters"),
        pytest.param({"q": " \t "}, "/q", id="blanks"),
        pytest.param({"q": "wis\0teria"}, "/q", id="nul"),
        pytest.param({"q": "wisteria", "limit": 0}, "/limit", id="no-matches"),
        pytest.param({"q": "wisteria", "limit": 51}, "/limit", id="51-matches"),
        pytest.param({"q": "wisteria", "limit": "5"}, "/limit", id="a-text"),
        pytest.param({"q": "wisteria", "wisteria": 1}, "/wisteria", id="unknown-member"),
    ],
)
def test_a_search_that_is_not_valid_is_refused_without_repeating_it(alice: Person, body: Json, pointer: str) -> None:
    response = alice.client.post(PATH, json=body)
    assert pointers(response) == [pointer]
    assert "wisteria" not in response.text.replace('"/wisteria"', "")


def test_an_account_has_one_search_at_a_time(server: Server, alice: Person, bob: Person) -> None:
    searching = server.services.searching
    searching.add(alice.id)
    response = alice.client.post(PATH, json={"q": "wisteria"})
    refused(response, 429, "too-many-searches")
    assert int(response.headers["retry-after"]) >= 1
    assert found(bob, "wisteria") == []
    searching.discard(alice.id)
    assert found(alice, "wisteria") == []


def test_a_search_that_failed_does_not_block_the_next_one(alice: Person) -> None:
    refused(alice.client.post(PATH, json={"q": "wisteria", "cursor": "wisteria"}), 400, "invalid-cursor")
    assert found(alice, "wisteria") == []


def test_a_search_needs_a_signed_in_caller(server: Server, anyone: Client, alice: Person) -> None:
    refused(anyone.post(PATH, json={"q": "wisteria"}), 401, "not-signed-in")
    alice.client.post("/v1/auth/logout")
    refused(server.client(alice.token).post(PATH, json={"q": "wisteria"}), 401, "not-signed-in")


def test_a_search_needs_one_statement(monkeypatch: pytest.MonkeyPatch, alice: Person) -> None:
    reflection(alice, "wisteria")
    counts = []
    for _ in range(3):
        with counting(monkeypatch) as counter:
            found(alice, "wisteria")
        counts.append(counter.statements)
    assert min(counts) == 1


def test_what_is_searched_for_stands_in_no_log(servers: Servers, database: str, every_log_line: list[str]) -> None:
    server = servers.shared(database)
    person = server.person("searching")
    found(person, "zinnia")
    refused(person.client.post(PATH, json={"q": "zinnia\0"}), 422, "validation")
    person.client.get("/v1/me")
    server.end_test()
    assert not [line for line in every_log_line if "zinnia" in line]
