"""A journey: one record of every kind, each referring to all that it can."""

from app.resources import RESOURCES
from tests.drafts import COLLECTION_OF, Json, written
from tests.serving import Person


def journey(person: Person) -> dict[str, Json]:
    """Write a record of every kind, bound together, and return them by collection; intentions have an ancestor."""
    records: dict[str, Json] = {}
    for resource in RESOURCES:
        bound = {field: COLLECTION_OF[field] for field in resource.references}
        if resource.acyclic is not None:
            records[resource.collection] = written(person.client, resource, person)
        references = {field: records[collection]["id"] for field, collection in bound.items()}
        record = written(person.client, resource, person, **references)
        if resource.acyclic is not None:
            records[f"later {resource.collection}"] = record
        else:
            records[resource.collection] = record
    return records
