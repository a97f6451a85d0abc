"""The collections that can be synced, and the limits of a push and a pull."""

from typing import Annotated, Final

from pydantic import AfterValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.records import Resource
from app.resources import RESOURCES

MAX_OPS: Final = 500
MAX_PUSH_BYTES: Final = 2 * 2**20
MAX_CHANGES: Final = 1000
DEFAULT_CHANGES: Final = 500
BY_COLLECTION: Final[dict[str, Resource]] = {resource.collection: resource for resource in RESOURCES}
_COLLECTIONS: Final = {"type": "string", "enum": [*BY_COLLECTION]}


def _known(value: str) -> str:
    if value not in BY_COLLECTION:
        message = "Send the name of a collection."
        raise PydanticCustomError("collection", message)
    return value


Collection = Annotated[str, AfterValidator(_known), WithJsonSchema(_COLLECTIONS)]


def _parse_list(values: list[str]) -> tuple[str, ...]:
    """Return the collections named in comma-separated lists, each once and in the order of `BY_COLLECTION`."""
    names = {_known(name) for value in values if value for name in value.split(",")}
    return tuple(name for name in BY_COLLECTION if name in names)


Collections = Annotated[
    list[str],
    PlainValidator(_parse_list),
    WithJsonSchema({"type": "array", "items": _COLLECTIONS, "x-comma-separated": True}),
]
