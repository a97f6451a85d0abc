"""Creating: a draft creates one record, even if it is sent several times."""

import pytest

from app.ids import new_id
from app.records import Resource
from tests.drafts import create_record, draft_of, etag, reworded
from tests.refusals import pointers
from tests.serving import Person
from tests.witness import is_id


def test_the_documented_example_is_stored_as_sent(alice: Person, resource: Resource, path: str) -> None:
    draft = draft_of(resource, alice)
    response = alice.client.post(path, json=draft)
    record = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"{path}/{draft['id']}"
    assert response.headers["etag"] == f'"{record["version"]}"'
    assert {name: record[name] for name in draft} == draft
    assert alice.client.get(response.headers["location"]).json() == record


def test_a_record_gets_an_id_if_its_draft_has_none(alice: Person, resource: Resource, path: str) -> None:
    draft = draft_of(resource, alice)
    del draft["id"]
    assert is_id(alice.client.post(path, json=draft).json()["id"])


def test_the_same_draft_again_creates_no_second_record(alice: Person, resource: Resource, path: str) -> None:
    draft = draft_of(resource, alice)
    first = alice.client.post(path, json=draft)
    again = alice.client.post(path, json=draft)
    assert again.status_code == 200
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert len(alice.client.get(path).json()["items"]) == 1


def test_the_same_draft_again_returns_the_record_with_later_changes(
    alice: Person, resource: Resource, path: str
) -> None:
    draft = draft_of(resource, alice)
    first = alice.client.post(path, json=draft).json()
    changes = reworded(resource, "wisteria after the rain")
    changed = alice.client.patch(f"{path}/{first['id']}", json=changes, headers=etag(first)).json()
    again = alice.client.post(path, json=draft)
    assert again.status_code == 200
    assert again.json() == changed


def test_a_different_draft_with_the_same_id_is_refused(alice: Person, resource: Resource, path: str) -> None:
    draft = draft_of(resource, alice)
    first = alice.client.post(path, json=draft).json()
    other = alice.client.post(path, json=draft | reworded(resource, "wisteria by another wall"))
    assert other.status_code == 409
    assert other.json()["code"] == "already-exists"
    assert alice.client.get(f"{path}/{draft['id']}").json() == first


def test_the_draft_of_a_removed_record_is_refused(alice: Person, resource: Resource, path: str) -> None:
    draft = draft_of(resource, alice)
    record = alice.client.post(path, json=draft).json()
    alice.client.delete(f"{path}/{record['id']}", headers=etag(record))
    again = alice.client.post(path, json=draft)
    assert again.status_code == 409
    assert again.json()["code"] == "removed"


@pytest.mark.parametrize("exists", [True, False], ids=["another person's", "unknown"])
def test_a_draft_with_an_unknown_reference_is_refused_and_creates_nothing(
    alice: Person, bob: Person, reference: tuple[Resource, str], *, exists: bool
) -> None:
    resource, field = reference
    draft = draft_of(resource, alice)
    id = create_record(bob.client, resource.targets[field], bob)["id"] if exists else str(new_id())
    response = alice.client.post(resource.path, json=draft | {field: id})
    assert pointers(response, "unknown-reference") == [f"/{field}"]
    assert alice.client.get(f"{resource.path}/{draft['id']}").status_code == 404
