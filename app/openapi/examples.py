"""Examples in the OpenAPI document. Each model declares its own; examples of request bodies are moved to operations."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from pydantic import JsonValue

Json = dict[str, Any]
Example = Mapping[str, Any]


def example(members: Example) -> dict[str, JsonValue]:
    """Return the `json_schema_extra` of a Pydantic model that has these members as its example."""
    return {"examples": [dict(members)]}


def removable_id(id: str) -> str:
    """Return the id for the example of a removal, given the id of the example record.

    The two ids differ, so that the other examples can still be executed after the removal. The demo data has both
    records.
    """
    return str(uuid5(UUID(id), "removable"))


def completed(schema: Json, value: Any, schemas: Json) -> Any:
    """Return an example with its members in the order of the schema, including required members that are null.

    Pydantic sorts the members of an example, and FastAPI drops null members.
    """
    schema = _resolve(schema, value, schemas)
    if isinstance(value, list):
        return [completed(schema["items"], item, schemas) for item in value]
    inner = schema.get("additionalProperties")
    if isinstance(value, dict) and isinstance(inner, dict):
        return {name: completed(inner, each, schemas) for name, each in value.items()}
    if not isinstance(value, dict) or "properties" not in schema or inner:
        return value
    required = schema.get("required", ())
    return {
        name: completed(member, value.get(name), schemas)
        for name, member in schema["properties"].items()
        if name in value or name in required
    }


def _resolve(schema: Json, value: Any, schemas: Json) -> Json:
    """Return the schema that describes a value.

    Follow references. For a union, choose the schema that the discriminator names, or the first one that has all
    members of the value.
    """
    if "$ref" in schema:
        return _resolve(schemas[schema["$ref"].rpartition("/")[2]], value, schemas)
    if isinstance(value, dict) and "discriminator" in schema:
        chosen = schema["discriminator"]["mapping"][value[schema["discriminator"]["propertyName"]]]
        return _resolve({"$ref": chosen}, value, schemas)
    if isinstance(value, dict) and "anyOf" in schema:
        choices = [_resolve(choice, value, schemas) for choice in schema["anyOf"]]
        return next((each for each in choices if value.keys() <= each.get("properties", {}).keys()), schema)
    return schema


def add_examples(paths: Json, schemas: Json) -> None:
    """Move the example of each request body from its schema to the operation. Responses keep their schema's example."""
    for operations in paths.values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                if "$ref" in content["schema"] and "example" not in content:  # a file has no example
                    shape = schemas[content["schema"]["$ref"].rpartition("/")[2]]
                    content["example"] = shape.pop("examples")[0]
