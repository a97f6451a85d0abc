"""Listing: the owner's records, newest first, in pages, each record once."""

import base64
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from app.resources.intentions import INTENTIONS
from tests.drafts import create_record, etag
from tests.promises.filter_cases import create_filter_cases
from tests.refusals import pointers, refused
from tests.rows import insert_copies, rows_of
from tests.serving import Person, Server
from tests.witness import Client

FILTERS_BY_ID = [
    (resource, name) for resource in RESOURCES for name in resource.filters.model_fields if name.endswith("_id")
]
WRONG_LIMITS = {
    "zero": "0",
    "negative": "-1",
    "too large": "201",
    "much too large": "1000000",
    "with a sign": "+5",
    "with a blank": " 5",
    "with a fraction": "5.0",
    "another script": "\u0661",
    "empty": "",
}
ALTERED: dict[str, Callable[[str], str]] = {
    "padded": "{}=".format,
    "padded twice": "{}==".format,
    "shortened": lambda cursor: cursor[:-1],
    "other last character": lambda cursor: cursor[:-1] + chr(ord(cursor[-1]) + 1),
    "with a blank": " {}".format,
    "empty": lambda _: "",
    "a number": lambda _: "1",
    "a letter": lambda _: "é",
    "a byte less": lambda cursor: encode_cursor(decode_cursor(cursor)[:-1]),
    "a byte more": lambda cursor: encode_cursor(decode_cursor(cursor) + b"\0"),
}


def decode_cursor(cursor: str) -> bytes:
    """Return the bytes of a cursor."""
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def encode_cursor(content: bytes) -> str:
    """Return the cursor with these bytes."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.fixture
def cursor(server: Server, alice: Person, resource: Resource, path: str) -> str:
    """A cursor of Alice's list of two records."""
    insert_copies(server, alice, resource, create_record(alice.client, resource, alice), [{}])
    found: str = alice.client.get(path, params={"limit": 1}).json()["next_cursor"]
    assert alice.client.get(path, params={"cursor": found, "limit": 200}).status_code == 200
    return found


def pages(client: Client, path: str, **query: Any) -> list[list[str]]:
    """Return the ids of every page of a list."""
    found, cursor = [], None
    while True:
        page = client.get(path, params=query | ({"cursor": cursor} if cursor else {})).json()
        found.append([item["id"] for item in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def test_a_list_is_newest_first_and_pages_skip_no_record_of_one_instant(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    assert alice.client.get(path).json() == {"items": [], "next_cursor": None}
    first = create_record(alice.client, resource, alice)
    made = rows_of(server, alice, resource)[first["id"]]["created_at"]
    moments = [made + timedelta(microseconds=each) for each in (-1, 0, 0, 0, 0, 1, 1)]
    insert_copies(server, alice, resource, first, [{"created_at": moment} for moment in moments])
    rows = sorted(rows_of(server, alice, resource).values(), key=lambda row: (row["created_at"], row["id"]))
    expected = [str(row["id"]) for row in reversed(rows)]
    for limit in (1, 2, 3, 7, 8, 9):
        found = pages(alice.client, path, limit=limit)
        assert found == [expected[n : n + limit] for n in range(0, len(expected), limit)], limit
    listed = alice.client.get(path).json()["items"]
    assert listed == [alice.client.get(f"{path}/{id}").json() for id in expected]


def test_a_page_has_fifty_records_or_the_limit_up_to_two_hundred(server: Server, alice: Person) -> None:
    first = create_record(alice.client, INTENTIONS, alice)
    insert_copies(server, alice, INTENTIONS, first, [{}] * 200)
    path = "/v1/intentions"
    assert [len(page) for page in pages(alice.client, path)] == [50, 50, 50, 50, 1]
    assert [len(page) for page in pages(alice.client, path, limit=200)] == [200, 1]


@pytest.mark.parametrize("limit", WRONG_LIMITS.values(), ids=WRONG_LIMITS)
def test_a_wrong_limit_is_refused(alice: Person, limit: str) -> None:
    assert pointers(alice.client.get("/v1/intentions", params={"limit": limit})) == ["/limit"]


def test_a_record_is_listed_once_while_others_are_created_and_removed(
    alice: Person, resource: Resource, path: str
) -> None:
    records = [create_record(alice.client, resource, alice) for _ in range(6)]
    seen, cursor = [], None
    for goes in (5, 0, 1):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = alice.client.get(path, params=query).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        alice.client.delete(f"{path}/{records[goes]['id']}", headers=etag(records[goes]))
        create_record(alice.client, resource, alice)
    assert seen == [record["id"] for record in reversed(records[1:])]
    assert cursor is None


def test_a_cursor_of_another_persons_list_is_refused(bob: Person, path: str, cursor: str) -> None:
    refused(bob.client.get(path, params={"cursor": cursor}), 400, "invalid-cursor")


def test_a_cursor_of_another_kind_is_refused(alice: Person, resource: Resource, cursor: str) -> None:
    paths = [other.path for other in RESOURCES if other is not resource]
    codes = {path: alice.client.get(path, params={"cursor": cursor}).json().get("code") for path in paths}
    assert codes == dict.fromkeys(paths, "invalid-cursor")


def test_a_cursor_of_a_list_with_another_filter_is_refused(
    server: Server, alice: Person, resource: Resource, path: str, cursor: str
) -> None:
    cases = create_filter_cases(server, alice, resource)
    items = alice.client.get(path, params={"limit": 200}).json()["items"]
    case, found = next((case, item) for case in cases for item in items if case.matches(item))
    insert_copies(server, alice, resource, found, [{}])  # a second record that the filter matches
    refused(alice.client.get(path, params={"cursor": cursor, **case.query}), 400, "invalid-cursor")
    filtered = alice.client.get(path, params={"limit": 1, **case.query}).json()["next_cursor"]
    assert alice.client.get(path, params={"cursor": filtered, **case.query}).status_code == 200
    refused(alice.client.get(path, params={"cursor": filtered}), 400, "invalid-cursor")


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_an_altered_cursor_is_refused(alice: Person, path: str, cursor: str, alter: Callable[[str], str]) -> None:
    refused(alice.client.get(path, params={"cursor": alter(cursor)}), 400, "invalid-cursor")


def test_a_cursor_with_one_bit_flipped_is_refused(alice: Person, path: str, cursor: str) -> None:
    content = decode_cursor(cursor)
    altered = [bytes([*content[:n], content[n] ^ 1, *content[n + 1 :]]) for n in range(0, len(content), 3)]
    flipped = [encode_cursor(each) for each in altered]
    codes = {each: alice.client.get(path, params={"cursor": each}).json().get("code") for each in flipped}
    assert codes == dict.fromkeys(flipped, "invalid-cursor")


def test_every_filter_returns_exactly_the_matching_records(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    cases = create_filter_cases(server, alice, resource)
    everything = alice.client.get(path, params={"limit": 200}).json()["items"]
    assert {name for case in cases for name in case.query} == resource.filters.model_fields.keys() - {"limit", "cursor"}
    pairs = [pair for pair in pairwise(cases) if not pair[0].query.keys() & pair[1].query.keys()]
    wrong = []
    for combined in (*((case,) for case in cases), *pairs):
        query = {name: value for each in combined for name, value in each.query.items()}
        expected = [record["id"] for record in everything if all(each.matches(record) for each in combined)]
        found = [id for page in pages(alice.client, path, limit=200, **query) for id in page]
        if found != expected or (len(combined) == 1 and not 0 < len(expected) < len(everything)):
            wrong.append((query, found, expected))
    assert not wrong


@pytest.mark.parametrize(
    ("resource", "name"), FILTERS_BY_ID, ids=[f"{each.collection}-{name}" for each, name in FILTERS_BY_ID]
)
def test_a_filter_by_the_id_of_no_record_of_the_owner_returns_nothing(
    alice: Person, bob: Person, resource: Resource, name: str
) -> None:
    target = create_record(alice.client, resource.targets[name], alice)["id"]
    hers = create_record(alice.client, resource, alice, **{name: target})
    for id in (target, target.upper()):
        assert alice.client.get(resource.path, params={name: id}).json()["items"] == [hers]
    for id in (target, str(new_id())):
        assert bob.client.get(resource.path, params={name: id}).json() == {"items": [], "next_cursor": None}
    assert alice.client.get(resource.path, params={name: str(new_id())}).json()["items"] == []
    assert pointers(alice.client.get(resource.path, params={name: f"urn:uuid:{new_id()}"})) == [f"/{name}"]


def test_unknown_and_invalid_parameters_are_refused_and_the_known_ones_listed(
    alice: Person, resource: Resource, path: str
) -> None:
    known = list(resource.filters.model_fields)
    response = alice.client.get(path, params={"sort": "title", "owner_id": "1", "Wisteria?": "x"})
    assert pointers(response) == ["", "/owner_id", "/sort"]
    assert response.json()["known"] == known
    every = alice.client.get(path, params=dict.fromkeys(set(known) - {"cursor"}, "Wisteria"))
    assert pointers(every) == sorted(
        f"/{name}{'/0' * is_several(resource, name)}" for name in known if name != "cursor"
    )
    single = [name for name in known if not is_several(resource, name)]
    twice = alice.client.get(path, params={name: ["1", "1"] for name in single})
    assert {f"/{name}" for name in single} <= set(pointers(twice))


def is_several(resource: Resource, name: str) -> bool:
    """Return whether a filter may be repeated."""
    return "list" in str(resource.filters.model_fields[name].annotation)
