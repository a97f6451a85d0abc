"""Ownership: another owner's record cannot be told from one that does not exist, by any request."""

from typing import Any

from app.ids import new_id
from app.records import Resource
from tests.drafts import create_record, draft_of, etag
from tests.refusals import refused
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


def test_another_persons_record_looks_missing(alice: Person, bob: Person, resource: Resource, path: str) -> None:
    hers = create_record(alice.client, resource, alice)
    his = create_record(bob.client, resource, bob)
    bob.client.delete(f"{path}/{his['id']}", headers=etag(his))
    ids = (hers["id"], his["id"], str(new_id()))
    bodies: tuple[Any, ...] = (
        {},
        {resource.text: "wisteria"},
        {"visibility": None},
        {"wisteria": 1},
        "wisteria",
    )
    requests: list[tuple[str, dict[str, str], Any]] = [
        (method, headers, None) for method in ("GET", "HEAD", "DELETE") for headers in (*HEADERS, etag(hers))
    ]
    requests += [("PATCH", headers, body) for headers in (*HEADERS, etag(hers)) for body in bodies[:2]]
    requests += [("PATCH", etag(hers), body) for body in bodies[2:]]
    for method, headers, body in requests:
        responses = [
            bob.client.request(method, f"{path}/{id}", json=body, headers=headers | {"X-Request-Id": "the-same"})
            for id in ids
        ]
        seen = {
            (response.status_code, response.content, str({**response.headers, "date": ""})) for response in responses
        }
        assert len(seen) == 1
        assert responses[0].status_code == (404 if body in (None, *bodies[:2]) else 422)
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
    url = f"{path}/{hers['id']}"
    changed = bob.client.patch(url, json={"visibility": "shared"}, headers=etag(his)).json()
    assert alice.client.get(url).json() == hers
    assert alice.client.delete(url, headers=etag(hers)).status_code == 204
    assert bob.client.get(url).json() == changed


def test_a_request_without_a_token_is_refused(alice: Person, anyone: Client, resource: Resource, path: str) -> None:
    record = create_record(alice.client, resource, alice)
    draft = draft_of(resource, alice)
    for id in (record["id"], str(new_id())):
        for method in ("GET", "PATCH", "DELETE"):
            body = {"wisteria": 1} if method == "PATCH" else None
            refused(anyone.request(method, f"{path}/{id}", json=body, headers={"If-Match": "*"}), 401, "not-signed-in")
    refused(anyone.get(path, params={"wrong": 1}), 401, "not-signed-in")
    assert refused(anyone.post(path, json=draft), 401, "not-signed-in")
    assert anyone.get(path).headers["www-authenticate"] == "Bearer"
    assert [item["id"] for item in alice.client.get(path).json()["items"]] == [record["id"]]
