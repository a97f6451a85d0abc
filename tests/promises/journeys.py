"""A journey: one record of every kind, each referring to all that it can, and a second where one grows from another."""

from app.ids import new_id
from app.resources import RESOURCES
from tests.drafts import COLLECTION_OF, WORDS, Json
from tests.serving import Person


def journey(person: Person) -> dict[str, Json]:
    """Write the journey, and return its records by collection; the one that grew is `later …`."""
    records: dict[str, Json] = {}
    for resource in RESOURCES:
        collection = resource.collection
        for name in (collection, f"later {collection}")[: 1 + (resource.acyclic is not None)]:
            bound = {field: records.get(COLLECTION_OF[field], {}).get("id") for field in resource.references}
            words = {WORDS[collection]: "wisteria on the way"}
            draft = dict(resource.example) | {"id": str(new_id())} | words | bound
            records[name] = person.client.post(f"/v1/{collection}", json=draft).json()
    return records
