"""Ids: upper and lower case are the same id, which is returned in lower case."""

from app.ids import new_id
from app.records import Resource
from tests.drafts import draft_of, etag
from tests.serving import Person


def test_an_id_in_upper_case_is_accepted_and_returned_in_lower_case(
    alice: Person, resource: Resource, path: str
) -> None:
    id = str(new_id())
    draft = draft_of(resource, alice) | {"id": id.upper()}
    created = alice.client.post(path, json=draft)
    assert (created.status_code, created.json()["id"]) == (201, id)
    assert created.headers["location"] == f"{path}/{id}"
    assert alice.client.post(path, json=draft | {"id": id}).status_code == 200
    assert alice.client.get(f"{path}/{id.upper()}").json() == created.json()
    patched = alice.client.patch(f"{path}/{id.upper()}", json={"visibility": "shared"}, headers=etag(created.json()))
    assert (patched.status_code, patched.json()["id"]) == (200, id)
    removed = alice.client.delete(f"{path}/{id.upper()}", headers=etag(patched.json()))
    assert removed.status_code == 204


def test_a_push_accepts_ids_in_upper_case(alice: Person, resource: Resource) -> None:
    id, op_id = new_id(), new_id()
    fields = {name: value for name, value in draft_of(resource, alice).items() if name != "id"}
    op = {
        "op": "upsert",
        "collection": resource.collection,
        "id": str(id).upper(),
        "op_id": str(op_id).upper(),
        "set": fields,
    }
    results = [
        alice.client.post("/v1/sync/push", json={"ops": [each]}).json()["results"][0]
        for each in (op, op | {"id": str(id), "op_id": str(op_id)})
    ]
    assert [(each["id"], each["op_id"], each["replayed"]) for each in results] == [
        (str(id), str(op_id), False),
        (str(id), str(op_id), True),
    ]


def test_a_weak_tag_of_the_current_version_is_accepted_and_of_another_version_is_not(
    alice: Person, resource: Resource, path: str
) -> None:
    record = alice.client.post(path, json=draft_of(resource, alice)).json()
    url, weak = f"{path}/{record['id']}", {"If-Match": f'W/"{record["version"]}"'}
    assert alice.client.patch(url, json={"visibility": "shared"}, headers=weak).status_code == 200
    assert alice.client.patch(url, json={"visibility": "private"}, headers=weak).status_code == 412
    assert alice.client.delete(url, headers=weak).status_code == 412
