"""Records of every kind that refer to each other."""

from app.ids import new_id
from app.resources import RESOURCES
from tests.drafts import Json, reworded
from tests.serving import Person


def create_linked_records(person: Person) -> dict[str, Json]:
    """Create one record of every kind, each with all references set that exist so far; return them by collection.

    Of a kind that refers to itself (`acyclic`), a second record refers to the first; its key is `later …`.
    """
    records: dict[str, Json] = {}
    for resource in RESOURCES:
        collection = resource.collection
        for name in (collection, f"later {collection}")[: 1 + (resource.acyclic is not None)]:
            links = {field: records.get(target.collection, {}).get("id") for field, target in resource.targets.items()}
            draft = dict(resource.example) | {"id": str(new_id())} | reworded(resource, "wisteria on the way") | links
            records[name] = person.client.post(resource.path, json=draft).json()
    return records
