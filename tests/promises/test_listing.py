"""Listing: the owner's records, newest first, in pages, each record once."""

import base64
from datetime import timedelta
from itertools import pairwise
from typing import Any

from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from app.resources.intentions import INTENTIONS
from tests.drafts import create_record, etag
from tests.promises.filter_cases import FilterCase, create_filter_cases
from tests.refusals import pointers, refused
from tests.rows import insert_copies, rows_of
from tests.serving import Person, Server
from tests.witness import Client


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
        assert [id for page in found for id in page] == expected
        assert {len(page) for page in found[:-1]} <= {limit}
        assert found[-1]
    listed = alice.client.get(path).json()["items"]
    assert listed == [alice.client.get(f"{path}/{id}").json() for id in expected]


def test_a_page_has_fifty_records_or_the_limit_up_to_two_hundred(server: Server, alice: Person) -> None:
    first = create_record(alice.client, INTENTIONS, alice)
    insert_copies(server, alice, INTENTIONS, first, [{}] * 200)
    path = "/v1/intentions"
    assert [len(page) for page in pages(alice.client, path)] == [50, 50, 50, 50, 1]
    assert [len(page) for page in pages(alice.client, path, limit=200)] == [200, 1]
    for limit in ("0", "-1", "201", "+5", " 5", "5.0", "\u0661", "", "1000000"):
        assert pointers(alice.client.get(path, params={"limit": limit})) == ["/limit"]


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


def test_a_cursor_of_another_list_or_an_altered_one_is_refused(
    alice: Person, bob: Person, server: Server, resource: Resource, path: str
) -> None:
    first = create_record(alice.client, resource, alice)
    insert_copies(server, alice, resource, first, [{}])
    cursor = alice.client.get(path, params={"limit": 1}).json()["next_cursor"]
    assert alice.client.get(path, params={"cursor": cursor, "limit": 200}).status_code == 200
    foreign = [bob.client.get(path, params={"cursor": cursor})]
    others = [f"/v1/{other.collection}" for other in RESOURCES if other is not resource]
    foreign += [alice.client.get(other, params={"cursor": cursor}) for other in others]
    case = next(each for each in create_filter_cases(server, alice, resource) if each.matches(first))
    foreign.append(alice.client.get(path, params={"cursor": cursor, **case.query}))
    filtered = alice.client.get(path, params={"limit": 1, **case.query}).json()["next_cursor"]
    assert alice.client.get(path, params={"cursor": filtered, **case.query}).status_code == 200
    foreign.append(alice.client.get(path, params={"cursor": filtered}))
    whole = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    flipped = [bytes([*whole[:n], whole[n] ^ 1, *whole[n + 1 :]]) for n in range(0, len(whole), 3)]
    altered = [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (*flipped, whole[:-1], whole + b"\0")]
    last = chr(ord(cursor[-1]) + 1)
    altered += [cursor + "=", cursor + "==", cursor[:-1], cursor[:-1] + last, f" {cursor}", "", "1", "é"]
    foreign += [alice.client.get(path, params={"cursor": wrong}) for wrong in altered]
    for response in foreign:
        refused(response, 400, "invalid-cursor")


def test_every_filter_returns_exactly_the_matching_records(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    cases = create_filter_cases(server, alice, resource)
    everything = alice.client.get(path, params={"limit": 200}).json()["items"]

    def check(*combined: FilterCase) -> None:
        query = {name: value for each in combined for name, value in each.query.items()}
        expected = [record["id"] for record in everything if all(each.matches(record) for each in combined)]
        found = pages(alice.client, path, limit=200, **query)
        assert [id for page in found for id in page] == expected, query

    for case in cases:
        assert 0 < sum(case.matches(record) for record in everything) < len(everything), case.query
        check(case)
    for one, other in pairwise(cases):
        if not one.query.keys() & other.query.keys():
            check(one, other)
    names = {name for case in cases for name in case.query}
    assert names == resource.filters.model_fields.keys() - {"limit", "cursor"}


def test_a_filter_by_the_id_of_no_record_of_the_owner_returns_nothing(
    alice: Person, bob: Person, resource: Resource, path: str
) -> None:
    filters = [name for name in resource.filters.model_fields if name.endswith("_id")]
    create_record(alice.client, resource, alice)
    hers = alice.client.get(path).json()["items"][0]
    for name in filters:
        for id in (str(new_id()), hers.get(name) or hers["id"]):
            assert bob.client.get(path, params={name: id}).json() == {"items": [], "next_cursor": None}
        assert pointers(alice.client.get(path, params={name: f"urn:uuid:{new_id()}"})) == [f"/{name}"]
        if hers.get(name):
            found = [alice.client.get(path, params={name: id}).json() for id in (hers[name], hers[name].upper())]
            assert found[0]["items"] == found[1]["items"] != []


def test_unknown_and_invalid_parameters_are_refused_and_the_known_ones_listed(
    alice: Person, resource: Resource, path: str
) -> None:
    known = list(resource.filters.model_fields)
    response = alice.client.get(path, params={"sort": "title", "owner_id": "1", "Wisteria?": "x"})
    assert pointers(response) == ["", "/owner_id", "/sort"]
    assert response.json()["known"] == known
    every = alice.client.get(path, params=dict.fromkeys(set(known) - {"cursor"}, "wisteria"))
    assert pointers(every) == sorted(
        f"/{name}{'/0' * is_several(resource, name)}" for name in known if name != "cursor"
    )
    single = [name for name in known if not is_several(resource, name)]
    twice = alice.client.get(path, params={name: ["1", "1"] for name in single})
    assert {f"/{name}" for name in single} <= set(pointers(twice))


def is_several(resource: Resource, name: str) -> bool:
    """Return whether a filter may be repeated."""
    return "list" in str(resource.filters.model_fields[name].annotation)
