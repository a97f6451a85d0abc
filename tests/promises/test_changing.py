"""Changing: a merge patch on the version that its sender has read, and on no other."""

from typing import Any, get_args

from app.ids import new_id
from app.records import Resource
from tests.drafts import COLLECTION_OF, WORDS, Json, draft_of, etag, resource_of, written
from tests.refusals import pointers, refused
from tests.rows import feed_of
from tests.serving import Person, Server

PLAIN = {"sessions": {"status": "planned"}, "elements": {"status": "captured"}}
"""A status that asks for nothing, where the documented example has one that does."""


def full(person: Person, resource: Resource) -> Json:
    """Write a record of which as much as possible is given, in a status that asks for nothing."""
    draft = draft_of(resource, person) | PLAIN.get(resource.collection, {})
    record: Json = person.client.post(f"/v1/{resource.collection}", json=draft).json()
    return record


def nullable(resource: Resource) -> dict[str, bool]:
    """Return of each field of a patch whether it can be cleared."""
    fields = resource.patch.model_fields
    return {name: type(None) in get_args(field.annotation) for name, field in fields.items()}


def test_a_patch_changes_what_it_names_and_nothing_else(alice: Person, resource: Resource, path: str) -> None:
    record = full(alice, resource)
    address, field = f"{path}/{record['id']}", WORDS[resource.collection]
    for media_type in ("application/json", "application/merge-patch+json", "Application/JSON; charset=UTF-8"):
        words = f"wisteria, told as {media_type}"
        response = alice.client.patch(address, json={field: words}, headers=etag(record) | {"Content-Type": media_type})
        changed = response.json()
        assert response.status_code == 200
        assert response.headers["etag"] == f'"{changed["version"]}"'
        assert changed["version"] > record["version"]
        assert changed["updated_at"] >= record["updated_at"]
        news = {name: changed[name] for name in ("version", "updated_at")}
        assert changed == record | {field: words} | news
        assert list(changed) == list(record)
        assert alice.client.get(address).json() == changed
        record = changed
    for media_type in ("text/json", "application/json-patch+json", ""):
        headers = etag(record) | {"Content-Type": media_type}
        refused(alice.client.patch(address, json={}, headers=headers), 415, "unsupported-media-type")


def test_null_clears_what_can_be_empty_and_is_refused_for_the_rest(
    alice: Person, resource: Resource, path: str
) -> None:
    record = full(alice, resource)
    address = f"{path}/{record['id']}"
    fields = nullable(resource)
    required = [name for name, clears in fields.items() if not clears]
    refusal = alice.client.patch(address, json=dict.fromkeys(required), headers=etag(record))
    assert pointers(refusal) == sorted(f"/{name}" for name in required)
    nulls = dict.fromkeys(name for name, clears in fields.items() if clears)
    assert sum(record[name] is not None for name in nulls) > 1
    changed = alice.client.patch(address, json=nulls, headers=etag(record)).json()
    assert {name: changed[name] for name in fields} == {name: record[name] for name in fields} | nulls


def test_a_patch_that_changes_nothing_takes_no_number(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    record = full(alice, resource)
    address, head = f"{path}/{record['id']}", feed_of(server, alice)["head"]
    same = {name: record[name] for name in resource.field_names}
    for changes in ({}, same, {WORDS[resource.collection]: same[WORDS[resource.collection]]}):
        for tag in (etag(record), {"If-Match": "*"}):
            response = alice.client.patch(address, json=changes, headers=tag)
            assert (response.status_code, response.headers["etag"]) == (200, f'"{record["version"]}"')
            assert response.json() == record
    assert feed_of(server, alice)["head"] == head


def test_a_write_names_the_version_it_means(server: Server, alice: Person, resource: Resource, path: str) -> None:
    record = full(alice, resource)
    address, version = f"{path}/{record['id']}", record["version"]
    changes: Json = {WORDS[resource.collection]: "wisteria"}
    refusals: list[tuple[str | None, int, str]] = [
        (None, 428, "precondition-required"),
        *((tag, 400, "malformed-header") for tag in (str(version), f"'{version}'", f'"{version}', '"a" "b"', "*, *")),
        *((f"{version}{tag}", 400, "malformed-header") for tag in ('"', '"",')),
        *((tag, 412, "outdated") for tag in (f'W/"{version + 1}"', f'"{version}", "1"', f'"{version}", "{version}"')),
        *((tag, 412, "outdated") for tag in (f'"{version - 1}"', f'"{version + 1}"', '""', f'"0{version}"', '"a"')),
        (f'"{version - 2**40}"', 412, "outdated"),
    ]
    for tag, status, code in refusals:
        headers = {} if tag is None else {"If-Match": tag}
        # The tag is checked first: it makes no difference that the patch changes nothing, or refers to nothing.
        bodies: list[Any] = [changes, {}, *({name: str(new_id())} for name in resource.references)]
        answers = [alice.client.patch(address, json=body, headers=headers) for body in bodies]
        for answer in (*answers, alice.client.delete(address, headers=headers)):
            document = refused(answer, status, code)
            assert document.get("current") == (record if status == 412 else None)
    assert alice.client.get(address).json() == record
    assert feed_of(server, alice)["head"] == version % 2**40
    forced = alice.client.patch(address, json=changes, headers={"If-Match": "*"})
    assert forced.json()["version"] == version + 1
    refused(alice.client.delete(address, headers=etag(record)), 412, "outdated")
    assert alice.client.delete(address, headers={"If-Match": "*"}).status_code == 204


def test_what_the_server_sets_and_what_nobody_knows_is_refused(alice: Person, resource: Resource, path: str) -> None:
    record = full(alice, resource)
    address = f"{path}/{record['id']}"
    unknown = ("id", "version", "created_at", "updated_at", "owner_id", "seq", "field_seq", "role", "wisteria")
    patched = alice.client.patch(address, json={name: record.get(name) for name in unknown}, headers=etag(record))
    assert pointers(patched) == sorted(f"/{name}" for name in unknown)
    draft = draft_of(resource, alice) | dict.fromkeys(set(unknown) - {"id"}, 1) | {"Wisteria!": 1}
    assert pointers(alice.client.post(path, json=draft)) == sorted(["", *(f"/{name}" for name in unknown[1:])])
    bodies: tuple[Any, ...] = ([], "wisteria", 1, True, [{}])
    for body in bodies:
        assert pointers(alice.client.patch(address, json=body, headers=etag(record))) == [""]
    assert alice.client.get(address).json() == record


def test_a_change_refers_only_to_living_records_of_ones_own(
    server: Server, alice: Person, bob: Person, resource: Resource, path: str
) -> None:
    record = full(alice, resource)
    address, head = f"{path}/{record['id']}", feed_of(server, alice)["head"]
    for field in resource.references:
        kind = resource_of(COLLECTION_OF[field])
        gone, foreign = written(alice.client, kind, alice), written(bob.client, kind, bob)
        alice.client.delete(f"/v1/{kind.collection}/{gone['id']}", headers=etag(gone))
        head = feed_of(server, alice)["head"]
        headers = etag(record) | {"X-Request-Id": "the-same"}
        answers = [
            alice.client.patch(address, json={field: id}, headers=headers)
            for id in (gone["id"], foreign["id"], str(new_id()))
        ]
        assert pointers(answers[0], "unknown-reference") == [f"/{field}"]
        assert len({answer.content for answer in answers}) == 1
    assert feed_of(server, alice)["head"] == head
    assert alice.client.get(address).json() == record
