"""Rewrites schemas in the OpenAPI document to the form that code generators for clients support best."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from app.openapi.examples import Json

_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_NULL: Final[Json] = {"type": "null"}


def tidy(schema: Json) -> None:
    """Rewrite a schema that Pydantic generated, and the schemas inside it.

    Remove titles, write integer bounds without a fraction, and add a format to integers. Replace a constant by an
    enumeration with one value, and `anyOf` with an inline type and null by a nullable type.
    """
    if isinstance(schema.get("title"), str):
        del schema["title"]
    for bound in _BOUNDS:
        if isinstance(schema.get(bound), float) and schema[bound].is_integer():
            schema[bound] = int(schema[bound])
    if schema.get("type") == "integer":
        most = schema["maximum"] if "maximum" in schema else schema.get("exclusiveMaximum", 2**53)
        schema["format"] = "int32" if most <= 2**31 else "int64"
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    for each in _inner(schema):
        tidy(each)
    _merge_null(schema)


def _inner(schema: Json) -> Iterator[Json]:
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield schema[name]
    for name in ("anyOf", "oneOf"):
        yield from schema.get(name, ())
    yield from schema.get("properties", {}).values()


def _merge_null(schema: Json) -> None:
    """If a schema is `anyOf` with one inline type and null, replace it by a nullable type."""
    types = [each for each in schema.get("anyOf", []) if each != _NULL]
    if len(types) == 1 and "type" in types[0] and "enum" not in types[0]:
        del schema["anyOf"]
        merged = types[0] | {"type": [types[0]["type"], "null"]} | schema
        schema.clear()
        schema |= merged


def remove_patterns(schema: Json) -> None:
    """Remove the patterns of strings from a response's schema: clients need not check what the server has checked."""
    for each in schema["properties"].values():
        each.pop("pattern", None)
        each.get("items", {}).pop("pattern", None)


def describe_transitions(status: Json, transitions: Mapping[str, Iterable[str]]) -> None:
    """Add the allowed transitions to a status field: `x-transitions` for programs, and a text in its description."""
    status["x-transitions"] = {
        each: sorted(targets - {each}) for each in sorted(transitions) if (targets := {*transitions[each]})
    }
    steps = "; ".join(
        f"`{each}` to {', '.join(f'`{target}`' for target in targets) or 'nothing'}"
        for each, targets in status["x-transitions"].items()
    )
    is_free = all({*targets} == {*transitions} for targets in transitions.values())
    status["description"] += " It may change to any other." if is_free else f" It may change only from {steps}."


def parameter_schema(schema: Json) -> Json:
    """Return a parameter's schema without null and without a description.

    A parameter is never sent as null: null in the model means that the parameter is absent.
    """
    choices: list[Json] = [choice for choice in schema.get("anyOf", []) if choice != _NULL]
    given: Json = (choices[0] if choices else schema) | {name: schema[name] for name in ("examples",) if name in schema}
    tidy(given)
    given.pop("description", None)
    return given
