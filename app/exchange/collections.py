"""The collections that a clinic can pull, each with the FHIR resource type whose scope a client needs for it."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.clinics import scopes
from app.problems import InsufficientScope
from app.records.coverage import CONNECTIONS
from app.resources import RESOURCES

TYPES: Final[Mapping[str, str]] = {
    CONNECTIONS: "Patient",
    **{kind.collection: kind.scope for kind in RESOURCES if kind.scope is not None},
}
NAMES: Final = tuple(TYPES)


def _parse_list(values: list[str]) -> list[str]:
    """Return the collections in comma-separated lists, each once and in the order of `NAMES`."""
    names = {name for value in values if value for name in value.split(",")}
    if not names.issubset(NAMES):
        message = "Send the name of a collection."
        raise PydanticCustomError("collection", message)
    return [name for name in NAMES if name in names]


Collections = Annotated[
    list[str],
    PlainValidator(_parse_list),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": [*NAMES]}, "x-comma-separated": True}),
]


def readable(wanted: list[str], scope: str) -> list[str]:
    """Return the collections to pull: `wanted`, or if it is empty, all collections that the token's scopes cover.

    Raise `InsufficientScope` if the scopes do not cover one of `wanted` or, if it is empty, cover no collection at all.
    """
    granted = scopes.parse(scope)
    covered = [name for name in NAMES if "s" in granted.get(TYPES[name], "")]
    missing = [name for name in wanted or NAMES if name not in covered]
    if missing and (wanted or not covered):
        needed = f"system/{TYPES[missing[0]]}.s"
        raise InsufficientScope.needing(needed)
    return wanted or covered
