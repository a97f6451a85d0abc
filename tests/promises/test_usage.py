"""What each kind of record adds to the usage of its account."""

from app.records import Resource
from tests.drafts import create_record, draft_of, etag, reworded
from tests.serving import Person, Server
from tests.usage import counted, recounted


def test_creating_changing_and_removing_is_counted(
    server: Server, alice: Person, bob: Person, resource: Resource
) -> None:
    seen = [counted(server, alice)]
    record = create_record(alice.client, resource, alice)
    url = f"{resource.path}/{record['id']}"
    for text in ("wisteria " * 20, "wisteria"):
        seen.append(counted(server, alice))
        assert seen[-1] == recounted(server, alice)
        record = alice.client.patch(url, json=reworded(resource, text.strip()), headers=etag(record)).json()
    seen.append(counted(server, alice))
    assert seen[-1] == recounted(server, alice)
    created, longer, shorter = (each["document_bytes"] for each in seen[1:])
    assert (longer > created) == (resource.text is not None)
    assert (longer > shorter) == (resource.text is not None)
    assert seen[0]["records"] == 0
    assert alice.client.delete(url, headers=etag(record)).status_code == 204
    assert counted(server, alice) == recounted(server, alice)
    assert counted(server, bob) == {"records": 0, "document_bytes": 0, "remembered_ops": 0}


def test_a_repeated_or_refused_creation_is_not_counted(server: Server, alice: Person, resource: Resource) -> None:
    draft = draft_of(resource, alice)
    assert alice.client.post(resource.path, json=draft).status_code == 201
    before = counted(server, alice)
    assert alice.client.post(resource.path, json=draft).status_code == 200
    assert alice.client.post(resource.path, json=draft | reworded(resource, "wisteria, again")).status_code == 409
    assert alice.client.post(resource.path, json=draft | {"wisteria": 1}).status_code == 422
    assert counted(server, alice) == before == recounted(server, alice)
