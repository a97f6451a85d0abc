"""Ownership: another owner's record cannot be told from one that does not exist, by any request."""

from typing import Any

import pytest

from app.ids import new_id
from app.records import Resource
from tests.drafts import Json, create_record, draft_of, etag, reworded
from tests.serving import Person
from tests.witness import Client

HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"If-Match": "*"},
    {"If-Match": '"1"'},
    {"If-Match": 'W/"1", "2"'},
    {"If-Match": "nonsense"},
    {"If-None-Match": "*"},
)

Request = tuple[str, dict[str, str], Any]
"""A method, headers and a body."""


def another_persons_and_missing_ids(alice: Person, bob: Person, resource: Resource) -> tuple[Json, list[str]]:
    """Return a record of Alice, and its id with those of a removed record of Bob and of no record."""
    hers = create_record(alice.client, resource, alice)
    his = create_record(bob.client, resource, bob)
    bob.client.delete(f"{resource.path}/{his['id']}", headers=etag(his))
    return hers, [hers["id"], his["id"], str(new_id())]


def different_responses(
    person: Person, path: str, ids: list[str], requests: list[Request], status: int
) -> list[tuple[Request, object]]:
    """Return the requests whose responses are not of this status, or differ between the ids, with these responses."""
    different: list[tuple[Request, object]] = []
    for request in requests:
        method, headers, body = request
        responses = [
            person.client.request(method, f"{path}/{id}", json=body, headers=headers | {"X-Request-Id": "the-same"})
            for id in ids
        ]
        seen = {(each.status_code, each.content, str({**each.headers, "date": ""})) for each in responses}
        if len(seen) > 1 or responses[0].status_code != status:
            different.append((request, seen))
    return different


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "DELETE"])
def test_another_persons_record_looks_missing(
    alice: Person, bob: Person, resource: Resource, path: str, method: str
) -> None:
    hers, ids = another_persons_and_missing_ids(alice, bob, resource)
    bodies = ({}, reworded(resource, "wisteria")) if method == "PATCH" else (None,)
    requests = [(method, headers, body) for headers in (*HEADERS, etag(hers)) for body in bodies]
    assert different_responses(bob, path, ids, requests, 404) == []
    assert alice.client.get(f"{path}/{hers['id']}").json() == hers


@pytest.mark.parametrize(
    "body", [{"visibility": None}, {"wisteria": 1}, "wisteria"], ids=["wrong value", "unknown member", "no object"]
)
def test_an_invalid_patch_of_another_persons_record_is_refused_as_of_a_missing_one(
    alice: Person, bob: Person, resource: Resource, path: str, *, body: Any
) -> None:
    hers, ids = another_persons_and_missing_ids(alice, bob, resource)
    assert different_responses(bob, path, ids, [("PATCH", etag(hers), body)], 422) == []
    assert alice.client.get(f"{path}/{hers['id']}").json() == hers


def test_a_list_has_only_records_of_its_owner(alice: Person, bob: Person, resource: Resource, path: str) -> None:
    hers = [create_record(alice.client, resource, alice)["id"] for _ in range(2)]
    his = [create_record(bob.client, resource, bob)["id"]]
    assert [item["id"] for item in alice.client.get(path).json()["items"]] == hers[::-1]
    assert [item["id"] for item in bob.client.get(path).json()["items"]] == his


def test_records_of_two_owners_with_one_id_are_independent(
    alice: Person, bob: Person, resource: Resource, path: str
) -> None:
    hers = create_record(alice.client, resource, alice)
    his = create_record(bob.client, resource, bob, id=hers["id"])
    assert his["id"] == hers["id"]
    assert alice.client.get(f"{path}/{hers['id']}").json() == hers
    url = f"{path}/{hers['id']}"
    changed = bob.client.patch(url, json={"visibility": "shared"}, headers=etag(his)).json()
    assert alice.client.get(url).json() == hers
    assert alice.client.delete(url, headers=etag(hers)).status_code == 204
    assert bob.client.get(url).json() == changed


def test_a_request_without_a_token_is_refused(alice: Person, anyone: Client, resource: Resource, path: str) -> None:
    record = create_record(alice.client, resource, alice)
    draft = draft_of(resource, alice)
    urls = [f"{path}/{id}" for id in (record["id"], new_id())]
    requests: list[tuple[str, str, Json | None]] = [
        *((method, url, None) for url in urls for method in ("GET", "DELETE")),
        *(("PATCH", url, {"wisteria": 1}) for url in urls),
        ("GET", f"{path}?wrong=1", None),
        ("POST", path, draft),
    ]
    responses = [anyone.request(method, url, json=body, headers={"If-Match": "*"}) for method, url, body in requests]
    codes = [(response.status_code, response.json()["code"]) for response in responses]
    assert codes == [(401, "not-signed-in")] * len(requests)
    assert anyone.get(path).headers["www-authenticate"] == "Bearer"
    assert [item["id"] for item in alice.client.get(path).json()["items"]] == [record["id"]]
