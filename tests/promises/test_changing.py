"""Updating: a merge patch changes the version of the record that its If-Match names, and no other."""

from typing import Any, get_args

from app.ids import new_id
from app.records import Resource
from tests.drafts import Json, create_record, draft_of, etag
from tests.refusals import pointers, refused
from tests.rows import feed_of
from tests.serving import Person, Server


def create_full(person: Person, resource: Resource) -> Json:
    """Create a record with all fields of the example, in the initial status, which requires no other field."""
    status = {"status": resource.initial["status"]} if "status" in resource.initial else {}
    record: Json = person.client.post(resource.path, json=draft_of(resource, person) | status).json()
    return record


def nullable(resource: Resource) -> dict[str, bool]:
    """Return for each field of a patch whether it accepts null."""
    fields = resource.patch.model_fields
    return {name: type(None) in get_args(field.annotation) for name, field in fields.items()}


def test_a_patch_changes_the_fields_in_it_and_no_others(alice: Person, resource: Resource, path: str) -> None:
    record = create_full(alice, resource)
    url, field = f"{path}/{record['id']}", resource.text
    for media_type in ("application/json", "application/merge-patch+json", "Application/JSON; charset=UTF-8"):
        words = f"wisteria, sent as {media_type}"
        response = alice.client.patch(url, json={field: words}, headers=etag(record) | {"Content-Type": media_type})
        changed = response.json()
        assert response.status_code == 200
        assert response.headers["etag"] == f'"{changed["version"]}"'
        assert changed["version"] > record["version"]
        assert changed["updated_at"] >= record["updated_at"]
        set_by_server = {name: changed[name] for name in ("version", "updated_at")}
        assert changed == record | {field: words} | set_by_server
        assert list(changed) == list(record)
        assert alice.client.get(url).json() == changed
        record = changed
    for media_type in ("text/json", "application/json-patch+json", ""):
        headers = etag(record) | {"Content-Type": media_type}
        refused(alice.client.patch(url, json={}, headers=headers), 415, "unsupported-media-type")


def test_null_clears_optional_fields_and_is_refused_for_required_ones(
    alice: Person, resource: Resource, path: str
) -> None:
    record = create_full(alice, resource)
    url = f"{path}/{record['id']}"
    fields = nullable(resource)
    required = [name for name, clears in fields.items() if not clears]
    refusal = alice.client.patch(url, json=dict.fromkeys(required), headers=etag(record))
    assert pointers(refusal) == sorted(f"/{name}" for name in required)
    nulls = dict.fromkeys(name for name, clears in fields.items() if clears)
    assert sum(record[name] is not None for name in nulls) > 1
    changed = alice.client.patch(url, json=nulls, headers=etag(record)).json()
    assert {name: changed[name] for name in fields} == {name: record[name] for name in fields} | nulls


def test_a_patch_that_changes_nothing_takes_no_sequence_number(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    record = create_full(alice, resource)
    url, head = f"{path}/{record['id']}", feed_of(server, alice)["head"]
    same = {name: record[name] for name in resource.field_names}
    for changes in ({}, same, {resource.text: same[resource.text]}):
        for tag in (etag(record), {"If-Match": "*"}):
            response = alice.client.patch(url, json=changes, headers=tag)
            assert (response.status_code, response.headers["etag"]) == (200, f'"{record["version"]}"')
            assert response.json() == record
    assert feed_of(server, alice)["head"] == head


def test_a_write_needs_an_if_match_with_the_current_version(
    server: Server, alice: Person, resource: Resource, path: str
) -> None:
    record = create_full(alice, resource)
    url, version = f"{path}/{record['id']}", record["version"]
    changes: Json = {resource.text: "wisteria"}
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
        # If-Match is checked first: it does not matter if the patch changes nothing or has an unknown reference.
        bodies: list[Any] = [changes, {}, *({name: str(new_id())} for name in resource.references)]
        responses = [alice.client.patch(url, json=body, headers=headers) for body in bodies]
        for response in (*responses, alice.client.delete(url, headers=headers)):
            document = refused(response, status, code)
            assert document.get("current") == (record if status == 412 else None)
    assert alice.client.get(url).json() == record
    assert feed_of(server, alice)["head"] == version % 2**40
    forced = alice.client.patch(url, json=changes, headers={"If-Match": "*"})
    assert forced.json()["version"] == version + 1
    refused(alice.client.delete(url, headers=etag(record)), 412, "outdated")
    assert alice.client.delete(url, headers={"If-Match": "*"}).status_code == 204


def test_members_that_the_server_sets_and_unknown_members_are_refused(
    alice: Person, resource: Resource, path: str
) -> None:
    record = create_full(alice, resource)
    url = f"{path}/{record['id']}"
    unknown = ("id", "version", "created_at", "updated_at", "owner_id", "seq", "field_seq", "role", "wisteria")
    patched = alice.client.patch(url, json={name: record.get(name) for name in unknown}, headers=etag(record))
    assert pointers(patched) == sorted(f"/{name}" for name in unknown)
    draft = draft_of(resource, alice) | dict.fromkeys(set(unknown) - {"id"}, 1) | {"Wisteria!": 1}
    assert pointers(alice.client.post(path, json=draft)) == sorted(["", *(f"/{name}" for name in unknown[1:])])
    bodies: tuple[Any, ...] = ([], "wisteria", 1, True, [{}])
    for body in bodies:
        assert pointers(alice.client.patch(url, json=body, headers=etag(record))) == [""]
    assert alice.client.get(url).json() == record


def test_a_patch_may_only_refer_to_existing_records_of_the_same_owner(
    server: Server, alice: Person, bob: Person, resource: Resource, path: str
) -> None:
    record = create_full(alice, resource)
    url, head = f"{path}/{record['id']}", feed_of(server, alice)["head"]
    for field in resource.references:
        target = resource.targets[field]
        deleted, foreign = create_record(alice.client, target, alice), create_record(bob.client, target, bob)
        alice.client.delete(f"{target.path}/{deleted['id']}", headers=etag(deleted))
        head = feed_of(server, alice)["head"]
        headers = etag(record) | {"X-Request-Id": "the-same"}
        responses = [
            alice.client.patch(url, json={field: id}, headers=headers)
            for id in (deleted["id"], foreign["id"], str(new_id()))
        ]
        assert pointers(responses[0], "unknown-reference") == [f"/{field}"]
        assert len({response.content for response in responses}) == 1
    assert feed_of(server, alice)["head"] == head
    assert alice.client.get(url).json() == record
