"""Examples: a shape has its own, and an operation gets those of its body and its responses."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from pydantic import JsonValue

Json = dict[str, Any]
Example = Mapping[str, Any]


def example(members: Example) -> dict[str, JsonValue]:
    """Return the `json_schema_extra` of a shape with this example."""
    return {"examples": [dict(members)]}


def removable_id(id: str) -> str:
    """Return the id in the example of a removal, given the id of the example record.

    They differ, so that the other examples can still be executed afterwards. The demo data has both.
    """
    return str(uuid5(UUID(id), "removable"))


def completed(schema: Json, value: Any, schemas: Json) -> Any:
    """Return an example with its members in the shape's order, and with null members, both of which FastAPI loses."""
    schema = _resolve(schema, value, schemas)
    if isinstance(value, list):
        return [completed(schema["items"], item, schemas) for item in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    required = schema.get("required", ())
    return {
        name: completed(member, value.get(name), schemas)
        for name, member in schema["properties"].items()
        if name in value or name in required
    }


def _resolve(schema: Json, value: Any, schemas: Json) -> Json:
    """Return the schema behind a reference; of several, the one that the discriminator names or that has the members."""
    if "$ref" in schema:
        return _resolve(schemas[schema["$ref"].rpartition("/")[2]], value, schemas)
    if isinstance(value, dict) and "discriminator" in schema:
        chosen = schema["discriminator"]["mapping"][value[schema["discriminator"]["propertyName"]]]
        return _resolve({"$ref": chosen}, value, schemas)
    if isinstance(value, dict) and "anyOf" in schema:
        choices = [_resolve(choice, value, schemas) for choice in schema["anyOf"]]
        return next((each for each in choices if value.keys() <= each.get("properties", {}).keys()), schema)
    return schema


def add_examples(operation: Json, schemas: Json, *, is_patch: bool) -> None:
    """Add the examples of an operation's body and responses; the response to a patch shows the patch applied."""
    sent = {}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        sent = content["example"] = _of(content["schema"], schemas)
    for answer in operation["responses"].values():
        content = answer.get("content", {}).get("application/json")
        if content is not None:
            content["example"] = _of(content["schema"], schemas) | (sent if is_patch else {})


def _of(schema: Json, schemas: Json) -> Any:
    return schemas[schema["$ref"].rpartition("/")[2]]["examples"][0]
