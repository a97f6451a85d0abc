"""Updating: a merge patch changes the version of the record that its If-Match names, and no other."""

from collections.abc import Callable
from typing import Any, get_args

import pytest

from app.ids import new_id
from app.records import Resource
from tests.drafts import Json, create_record, draft_of, etag, reworded
from tests.refusals import pointers, refused
from tests.rows import feed_of
from tests.serving import Person, Server

UNCHANGED: dict[str, Callable[[Resource], tuple[str, ...]]] = {
    "no field": lambda resource: resource.field_names[:0],
    "its text": lambda resource: (*reworded(resource, ""),),
    "every field": lambda resource: resource.field_names,
}
"""The fields that a patch contains, with the values that they have already."""
MALFORMED = ("{version}", "'{version}'", '"{version}', '{version}"', '{version}",', '"a" "b"', "*, *")
OUTDATED = (
    'W/"{next}"',
    '"{version}", "1"',
    '"{version}", "{version}"',
    '"{previous}"',
    '"{next}"',
    '""',
    '"0{version}"',
    '"a"',
    '"{previous_epoch}"',
)
REFUSED_TAGS = {
    "none": (None, 428, "precondition-required"),
    **{tag: (tag, 400, "malformed-header") for tag in MALFORMED},
    **{tag: (tag, 412, "outdated") for tag in OUTDATED},
}


def create_full(person: Person, resource: Resource) -> Json:
    """Create a record with all fields of the example, in the initial status, which requires no other field."""
    status = {"status": resource.initial["status"]} if "status" in resource.initial else {}
    record: Json = person.client.post(resource.path, json=draft_of(resource, person) | status).json()
    return record


def nullable(resource: Resource) -> dict[str, bool]:
    """Return for each field of a patch whether it accepts null."""
    fields = resource.patch.model_fields
    return {name: type(None) in get_args(field.annotation) for name, field in fields.items()}


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/merge-patch+json", "Application/JSON; charset=UTF-8"]
)
def test_a_patch_changes_the_fields_in_it_and_no_others(
    alice: Person, resource: Resource, path: str, media_type: str
) -> None:
    record = create_full(alice, resource)
    url, changes = f"{path}/{record['id']}", reworded(resource, "wisteria in a new light")
    response = alice.client.patch(url, json=changes, headers=etag(record) | {"Content-Type": media_type})
    changed = response.json()
    assert response.status_code == 200
    assert response.headers["etag"] == f'"{changed["version"]}"'
    assert changed["version"] > record["version"]
    assert changed["updated_at"] >= record["updated_at"]
    set_by_server = {name: changed[name] for name in ("version", "updated_at")}
    assert changed == record | changes | set_by_server
    assert list(changed) == list(record)
    assert alice.client.get(url).json() == changed


@pytest.mark.parametrize(
    "media_type", ["text/json", "application/json-patch+json", ""], ids=["text/json", "json-patch", "empty"]
)
def test_a_patch_of_another_media_type_is_refused(
    alice: Person, resource: Resource, path: str, media_type: str
) -> None:
    record = create_full(alice, resource)
    headers = etag(record) | {"Content-Type": media_type}
    refused(alice.client.patch(f"{path}/{record['id']}", json={}, headers=headers), 415, "unsupported-media-type")


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
    text = {name: None for name in nulls if name == resource.text}
    others = {name: None for name in nulls if name != resource.text}
    assert sum(record[name] is not None for name in nulls) > 1
    before, changed = {name: record[name] for name in fields}, record
    for cleared in (others, text):  # a rule may require one of the fields
        same = {name: before[name] for name in others} if cleared is text else {}
        changed = alice.client.patch(url, json=same | cleared, headers=etag(changed)).json()
        assert {name: changed[name] for name in fields} == before | cleared


@pytest.mark.parametrize("any_version", [False, True], ids=["current version", "any version"])
@pytest.mark.parametrize("names", UNCHANGED.values(), ids=UNCHANGED)
def test_a_patch_that_changes_nothing_takes_no_sequence_number(
    server: Server,
    alice: Person,
    resource: Resource,
    path: str,
    *,
    names: Callable[[Resource], tuple[str, ...]],
    any_version: bool,
) -> None:
    record = create_full(alice, resource)
    head = feed_of(server, alice)["head"]
    same = {name: record[name] for name in names(resource)}
    tag = {"If-Match": "*"} if any_version else etag(record)
    response = alice.client.patch(f"{path}/{record['id']}", json=same, headers=tag)
    assert (response.status_code, response.headers["etag"]) == (200, f'"{record["version"]}"')
    assert response.json() == record
    assert feed_of(server, alice)["head"] == head


@pytest.mark.parametrize(("tag", "status", "code"), REFUSED_TAGS.values(), ids=REFUSED_TAGS)
def test_a_write_needs_an_if_match_with_the_current_version(
    server: Server, alice: Person, resource: Resource, path: str, *, tag: str | None, status: int, code: str
) -> None:
    record = create_full(alice, resource)
    url, version = f"{path}/{record['id']}", record["version"]
    versions = {"version": version, "previous": version - 1, "next": version + 1, "previous_epoch": version - 2**40}
    headers = {} if tag is None else {"If-Match": tag.format_map(versions)}
    # If-Match is checked first: it does not matter if the patch changes nothing or has an unknown reference.
    bodies: list[Json] = [reworded(resource, "wisteria"), {}, *({name: str(new_id())} for name in resource.references)]
    responses = [alice.client.patch(url, json=body, headers=headers) for body in bodies]
    for response in (*responses, alice.client.delete(url, headers=headers)):
        document = refused(response, status, code)
        assert document.get("current") == (record if status == 412 else None)
    assert alice.client.get(url).json() == record
    assert feed_of(server, alice)["head"] == version % 2**40


def test_a_write_may_accept_any_version(alice: Person, resource: Resource, path: str) -> None:
    record = create_full(alice, resource)
    url, anything = f"{path}/{record['id']}", {"If-Match": "*"}
    forced = alice.client.patch(url, json=reworded(resource, "wisteria"), headers=anything)
    assert forced.json()["version"] == record["version"] + 1
    refused(alice.client.delete(url, headers=etag(record)), 412, "outdated")
    assert alice.client.delete(url, headers=anything).status_code == 204


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
    assert alice.client.get(url).json() == record


@pytest.mark.parametrize(
    "body", [[], "wisteria", 1, True, [{}]], ids=["array", "text", "number", "true", "object in it"]
)
def test_a_patch_that_is_no_object_is_refused(alice: Person, resource: Resource, path: str, body: Any) -> None:
    record = create_full(alice, resource)
    url = f"{path}/{record['id']}"
    assert pointers(alice.client.patch(url, json=body, headers=etag(record))) == [""]
    assert alice.client.get(url).json() == record


def test_a_patch_may_only_refer_to_existing_records_of_the_same_owner(
    server: Server, alice: Person, bob: Person, reference: tuple[Resource, str]
) -> None:
    resource, field = reference
    record, target = create_full(alice, resource), resource.targets[field]
    deleted, foreign = create_record(alice.client, target, alice), create_record(bob.client, target, bob)
    alice.client.delete(f"{target.path}/{deleted['id']}", headers=etag(deleted))
    url, head = f"{resource.path}/{record['id']}", feed_of(server, alice)["head"]
    headers = etag(record) | {"X-Request-Id": "the-same"}
    responses = [
        alice.client.patch(url, json={field: id}, headers=headers)
        for id in (deleted["id"], foreign["id"], str(new_id()))
    ]
    assert pointers(responses[0], "unknown-reference") == [f"/{field}"]
    assert len({response.content for response in responses}) == 1
    assert feed_of(server, alice)["head"] == head
    assert alice.client.get(url).json() == record
