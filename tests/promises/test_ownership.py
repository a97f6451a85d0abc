"""Ownership: what is not yours is not there, whatever you ask and however."""

from typing import Any

from app.ids import new_id
from app.records import Resource
from tests.drafts import WORDS, draft_of, etag, written
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
    hers = written(alice.client, resource, alice)
    his = written(bob.client, resource, bob)
    bob.client.delete(f"{path}/{his['id']}", headers=etag(his))
    ids = (hers["id"], his["id"], str(new_id()))
    bodies: tuple[Any, ...] = (
        {},
        {WORDS[resource.collection]: "wisteria"},
        {"visibility": None},
        {"wisteria": 1},
        "wisteria",
    )
    asked: list[tuple[str, dict[str, str], Any]] = [
        (method, headers, None) for method in ("GET", "HEAD", "DELETE") for headers in (*HEADERS, etag(hers))
    ]
    asked += [("PATCH", headers, body) for headers in (*HEADERS, etag(hers)) for body in bodies[:2]]
    asked += [("PATCH", etag(hers), body) for body in bodies[2:]]
    for method, headers, body in asked:
        answers = [
            bob.client.request(method, f"{path}/{id}", json=body, headers=headers | {"X-Request-Id": "the-same"})
            for id in ids
        ]
        seen = {(answer.status_code, answer.content, str({**answer.headers, "date": ""})) for answer in answers}
        assert len(seen) == 1
        assert answers[0].status_code == (404 if body in (None, *bodies[:2]) else 422)
    assert alice.client.get(f"{path}/{hers['id']}").json() == hers


def test_a_list_holds_nothing_of_anybody_else(alice: Person, bob: Person, resource: Resource, path: str) -> None:
    hers = [written(alice.client, resource, alice)["id"] for _ in range(2)]
    his = [written(bob.client, resource, bob)["id"]]
    assert [item["id"] for item in alice.client.get(path).json()["items"]] == hers[::-1]
    assert [item["id"] for item in bob.client.get(path).json()["items"]] == his


def test_records_under_one_id_live_and_go_apart(alice: Person, bob: Person, resource: Resource, path: str) -> None:
    hers = written(alice.client, resource, alice)
    his = written(bob.client, resource, bob, id=hers["id"])
    address = f"{path}/{hers['id']}"
    changed = bob.client.patch(address, json={"visibility": "shared"}, headers=etag(his)).json()
    assert alice.client.get(address).json() == hers
    assert alice.client.delete(address, headers=etag(hers)).status_code == 204
    assert bob.client.get(address).json() == changed


def test_nobody_without_a_token_gets_anywhere(alice: Person, anyone: Client, resource: Resource, path: str) -> None:
    record = written(alice.client, resource, alice)
    draft = draft_of(resource, alice)
    for id in (record["id"], str(new_id())):
        for method in ("GET", "PATCH", "DELETE"):
            body = {"wisteria": 1} if method == "PATCH" else None
            refused(anyone.request(method, f"{path}/{id}", json=body, headers={"If-Match": "*"}), 401, "not-signed-in")
    refused(anyone.get(path, params={"wrong": 1}), 401, "not-signed-in")
    assert refused(anyone.post(path, json=draft), 401, "not-signed-in")
    assert anyone.get(path).headers["www-authenticate"] == "Bearer"
    assert [item["id"] for item in alice.client.get(path).json()["items"]] == [record["id"]]
