"""Drafts and records of every kind, made from the documented examples."""

import copy
from typing import Any

from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from tests.serving import Person
from tests.witness import Client

Json = dict[str, Any]
COLLECTION_OF = {field: target.collection for resource in RESOURCES for field, target in resource.targets.items()}
"""The collection that each reference field refers to; a field of one name refers to the same one in every kind."""


def resource_of(collection: str) -> Resource:
    """Return the resource of a collection."""
    return next(resource for resource in RESOURCES if resource.collection == collection)


def draft_of(resource: Resource, person: Person | None = None) -> Json:
    """Return the documented example as a draft with a new id.

    With a person, the records that the example refers to are created for the person; without, the references are left
    out. A kind whose records belong to another one (`on_delete_cascade`) needs a person.
    """
    draft = copy.deepcopy(dict(resource.example)) | {"id": str(new_id()), resource.text: "wisteria at the gate"}
    for field in resource.references.keys() & draft:
        if person is not None:
            draft[field] = create_record(person.client, resource.targets[field], person)["id"]
        elif field == resource.on_delete_cascade:
            message = f"a draft of {resource.collection} needs a person, to create what it belongs to"
            raise ValueError(message)
        else:
            del draft[field]
    return draft


def create_record(client: Client, resource: Resource, person: Person, **changes: object) -> Json:
    """Create a record of the person from the example with these changes; return it as the response contains it.

    It has no references, except to the record that it belongs to, which is created first.
    """
    draft = draft_of(resource, person if resource.on_delete_cascade else None) | changes
    response = client.post(resource.path, json=draft)
    assert response.status_code == 201, response.text
    record: Json = response.json()
    return record


def etag(record: Json) -> dict[str, str]:
    """Return the If-Match header with the record's version."""
    return {"If-Match": f'"{record["version"]}"'}
