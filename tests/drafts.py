"""Drafts and records of every kind, made from the documented examples."""

import copy
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from app.clock import format_instant
from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from tests.serving import Person
from tests.witness import Client

Json = dict[str, Any]
COLLECTION_OF = {field: target.collection for resource in RESOURCES for field, target in resource.targets.items()}
"""The collection that each reference field refers to; a field of one name refers to the same one in every kind."""


NEEDED = {"outcomes": "intention_id"}
"""A reference that a rule requires, in kinds whose records do not belong to another one."""


def resource_of(collection: str) -> Resource:
    """Return the resource of a collection."""
    return next(resource for resource in RESOURCES if resource.collection == collection)


FIRST_KINDS: dict[str, dict[str, object]] = {
    "sessions": {},
    "elements": {},
    "intentions": {"scale": None, "weight": 1, "baseline": None},
    "reflections": {"prompt_id": None},
    "action-items": {},
}
"""The kinds of the first schema, each with the first values of the fields that came later. A downgrade forgets these fields."""


def reworded(resource: Resource, text: str) -> Json:
    """Return a change of a record: to its text, or of a kind without one to a time that only this text gives."""
    if resource.text is not None:
        return {resource.text: text}
    seconds = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    return {"taken_at": format_instant(datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds % 2**29))}


def needed_reference(resource: Resource) -> str | None:
    """Return the reference that every new record of a kind needs; None if it needs none."""
    return resource.on_delete_cascade or NEEDED.get(resource.collection)


def draft_of(resource: Resource, person: Person | None = None) -> Json:
    """Return the documented example as a draft with a new id.

    With a person, the records that the example refers to are created for the person; without, the references are left
    out. A kind whose records need a reference needs a person.
    """
    if person is None and needed_reference(resource) is not None:
        message = f"a draft of {resource.collection} needs a person, to create what it refers to"
        raise ValueError(message)
    return _filled(resource, person, {*resource.references} if person is not None else set())


def _filled(resource: Resource, person: Person | None, fields: set[str]) -> Json:
    """Return the example as a draft, with references in these fields only, to new records of the person."""
    draft = copy.deepcopy(dict(resource.example)) | {"id": str(new_id())} | reworded(resource, "wisteria at the gate")
    for field in resource.references.keys() & draft:
        if person is not None and field in fields:
            draft[field] = create_record(person.client, resource.targets[field], person)["id"]
        else:
            del draft[field]
    return draft


def create_record(client: Client, resource: Resource, person: Person, **changes: object) -> Json:
    """Create a record of the person from the example with these changes; return it as the response contains it.

    It has no references, except the one that its kind needs, to a record that is created first.
    """
    needed = needed_reference(resource)
    draft = _filled(resource, person, {needed} if needed else set()) | changes
    response = client.post(resource.path, json=draft)
    assert response.status_code == 201, response.text
    record: Json = response.json()
    return record


def etag(record: Json) -> dict[str, str]:
    """Return the If-Match header with the record's version."""
    return {"If-Match": f'"{record["version"]}"'}
