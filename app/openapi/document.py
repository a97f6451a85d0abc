"""The OpenAPI document: what FastAPI generates, completed with what it cannot know."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.openapi.examples import Json, add_examples, completed, removable_id
from app.openapi.links import linked
from app.openapi.problems import PROBLEM_JSON, problem_examples, problem_schemas
from app.urls import public_url

_HEADERS: Final[Json] = {
    "ETag": "The record's version in quotes, for `If-Match` and `If-None-Match`.",
    "Location": "The path of the record.",
    "Retry-After": "The number of seconds after which the same request can be sent again.",
    "WWW-Authenticate": "The authentication scheme (RFC 6750): `Bearer`.",
}
_SENT_WITH: Final = {
    "201": ["Location"],
    "304": ["ETag"],
    "401": ["WWW-Authenticate"],
    "429": ["Retry-After"],
    "503": ["Retry-After"],
}
_PARAMETERS: Final = {"id": "The id: hexadecimal digits with hyphens.", "code": "The `code` of a problem."}
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


Transitions = Mapping[str, Mapping[str, Iterable[str]]]
"""The statuses that each status may change to, by the name of the schema that has the field `status`."""


def document(app: FastAPI, transitions: Transitions) -> Json:
    """Return the OpenAPI document of the application's routes."""
    found: Json = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        summary=app.summary,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
        tags=app.openapi_tags,
        servers=[{"url": public_url("") or "/", "description": "The server that served this document."}],
        separate_input_output_schemas=False,
    )
    components: Json = found["components"]
    schemas = components["schemas"] = dict(sorted((components["schemas"] | problem_schemas()).items()))
    for schema in schemas.values():
        _tidy(schema)
        schema["examples"] = [completed(schema, each, schemas) for each in schema.pop("examples", [])]
        if not schema["examples"]:
            del schema["examples"]
    for name, listed in transitions.items():
        _describe_transitions(schemas[name]["properties"]["status"], listed)
    for path in found["paths"].values():
        for method, operation in path.items():
            _complete(operation, schemas)
            add_examples(operation, schemas, is_patch=method == "patch")
    for path, operations in found["paths"].items():
        _add_parameter_examples(path, operations, found["paths"])
    components["headers"] = {
        name: {"description": said, "schema": {"type": "string"}} for name, said in _HEADERS.items()
    }
    components["links"] = linked(found["paths"])
    shown = {code for path in found["paths"].values() for operation in path.values() for code in _codes(operation)}
    components["examples"] = {code: each for code, each in problem_examples().items() if code in shown}
    components["responses"] = _share_problems(found["paths"])
    return found


def _tidy(schema: Json) -> None:
    """Remove generated titles and the fractions of integer bounds; add the formats of integers."""
    if isinstance(schema.get("title"), str):
        del schema["title"]
    for bound in _BOUNDS:
        if isinstance(schema.get(bound), float) and schema[bound].is_integer():
            schema[bound] = int(schema[bound])
    if schema.get("type") == "integer":
        most = schema["maximum"] if "maximum" in schema else schema.get("exclusiveMaximum", 2**53)
        schema["format"] = "int32" if most <= 2**31 else "int64"
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]  # client generators support it better
    inner = (schema.get(name) for name in ("items", "additionalProperties"))
    for each in (
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", ()),
        *schema.get("oneOf", ()),
        *(each for each in inner if isinstance(each, dict)),
    ):
        _tidy(each)


def _describe_transitions(status: Json, transitions: Mapping[str, Iterable[str]]) -> None:
    """Add to a status field where each status may go, for programs and in words."""
    status["x-transitions"] = {
        each: sorted(targets - {each}) for each in sorted(transitions) if (targets := {*transitions[each]})
    }
    steps = "; ".join(
        f"`{each}` to {', '.join(f'`{target}`' for target in targets) or 'nothing'}"
        for each, targets in status["x-transitions"].items()
    )
    status["description"] = f"{status['description']} A change may go from {steps}."


def _complete(operation: Json, schemas: Json) -> None:
    """Complete an operation: its security, the descriptions of its parameters, and the headers of its responses."""
    operation.setdefault("security", [])
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _parameter_schema(parameter["schema"])
        parameter.setdefault("description", _PARAMETERS.get(parameter["name"]))
        if parameter["schema"].pop("x-comma-separated", False):
            parameter |= {"style": "form", "explode": False}
        if parameter["name"] == "If-Match":
            parameter |= {"required": True, "example": "*"}
    answers = operation["responses"] = dict(sorted(operation["responses"].items()))
    for status, answer in answers.items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        shape = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
        if answer["description"] == "Successful Response":
            answer["description"] = shape.get("description", "Success. The response has no body.")
        names = _SENT_WITH.get(status, [])
        names = [*names, "ETag"] if "version" in shape.get("properties", {}) else names
        if names:
            answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _parameter_schema(schema: Json) -> Json:
    """Return the schema of a parameter without null, which means that it is absent, and without its description."""
    choices: list[Json] = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    given: Json = (choices[0] if choices else schema) | {name: schema[name] for name in ("examples",) if name in schema}
    _tidy(given)
    given.pop("description", None)
    return given


def _add_parameter_examples(path: str, operations: Json, paths: Json) -> None:
    """Add the id of one of the demo's records as the example of the parameter `id`."""
    listing = paths.get(path.removesuffix("/{id}"), {}).get("get")
    for method, operation in operations.items():
        for parameter in operation.get("parameters", []):
            if parameter["name"] == "id" and listing is not None:
                example = listing["responses"]["200"]["content"]["application/json"]["example"]
                shown = example["items"][0]["id"]
                parameter["example"] = removable_id(shown) if method == "delete" else shown
            elif parameter["name"] == "code":
                parameter["example"] = "not-found"


def _share_problems(paths: Json) -> Json:
    """Replace each response with a problem by a reference to a component; return the components, by name."""
    shared: Json = {}
    for operations in paths.values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                codes = [*response.get("content", {}).get(PROBLEM_JSON, {}).get("examples", ())]
                if codes:
                    name = "Or".join(code.title().replace("-", "") for code in codes)
                    shared[name] = response
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


def _codes(operation: Json) -> list[Any]:
    return [
        code
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        for code in content.get("examples", {})
    ]
