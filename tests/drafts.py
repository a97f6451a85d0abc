"""Drafts for every kind of record, as the docs show them, with what they refer to written first."""

import copy
from typing import Any

from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from tests.serving import Person
from tests.witness import Client

Json = dict[str, Any]
COLLECTION_OF = {field: target.collection for resource in RESOURCES for field, target in resource.targets.items()}
WORDS = {resource.collection: resource.text for resource in RESOURCES}
"""A free-text field of each kind."""


def resource_of(collection: str) -> Resource:
    """Return the resource of a collection."""
    return next(resource for resource in RESOURCES if resource.collection == collection)


def draft_of(resource: Resource, person: Person | None = None) -> Json:
    """Return the documented example as a draft with a new id; what it refers to is written for the person, or left out."""
    draft = copy.deepcopy(dict(resource.example)) | {
        "id": str(new_id()),
        WORDS[resource.collection]: "wisteria at the gate",
    }
    for field in resource.references:
        if person is not None and field in draft:
            draft[field] = written(person.client, resource_of(COLLECTION_OF[field]), person)["id"]
        elif field in draft and field != resource.on_delete_cascade:
            del draft[field]
        elif person is None and field == resource.on_delete_cascade:
            message = "an element needs a session, so a person"
            raise ValueError(message)
    return draft


def written(client: Client, resource: Resource, person: Person, **changes: object) -> Json:
    """Write a record of the person's, and return it as answered."""
    minimal = person if resource.on_delete_cascade else None
    draft = draft_of(resource, minimal) | changes
    response = client.post(f"/v1/{resource.collection}", json=draft)
    assert response.status_code == 201, response.text
    record: Json = response.json()
    return record


def etag(record: Json) -> dict[str, str]:
    """Return the If-Match header that names the record's version."""
    return {"If-Match": f'"{record["version"]}"'}
