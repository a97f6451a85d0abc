"""Builds the OpenAPI document: lets FastAPI generate it, and adds what FastAPI cannot derive from the routes."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from app.openapi.components import share_parameters, share_problems
from app.openapi.examples import Json, add_examples, completed, removable_id
from app.openapi.links import add_links
from app.openapi.problems import problem_examples, problem_schemas
from app.openapi.schemas import describe_transitions, parameter_schema, remove_patterns, tidy
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
_FORM: Final = "application/x-www-form-urlencoded"
_PARAMETERS: Final = {
    "id": "The id: hexadecimal digits with hyphens.",
    "code": "The `code` of a problem.",
    "instrument": "The `code` of an instrument.",
}
_PARAMETER_EXAMPLES: Final = {"code": "not-found", "instrument": "phq-9"}


Transitions = Mapping[str, Mapping[str, Iterable[str]]]
"""For each schema with the field `status`, by its name: each status, with the statuses that it may change to."""


Forms = Mapping[str, type[BaseModel]]
"""The models of form bodies by operation id. FastAPI does not know them, because our routes read forms themselves."""


def document(app: FastAPI, transitions: Transitions, forms: Forms) -> Json:
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
    form_schemas = _add_forms(found["paths"], forms)
    schemas = components["schemas"] = dict(sorted((components["schemas"] | problem_schemas() | form_schemas).items()))
    for schema in schemas.values():
        tidy(schema)
        if "created_at" in schema.get("properties", {}):
            remove_patterns(schema)
        schema["examples"] = [completed(schema, each, schemas) for each in schema.pop("examples", [])]
        if not schema["examples"]:
            del schema["examples"]
    for name, listed in transitions.items():
        describe_transitions(schemas[name]["properties"]["status"], listed)
    for path in found["paths"].values():
        for operation in path.values():
            _complete(operation, schemas)
    add_examples(found["paths"], schemas)
    for path, operations in found["paths"].items():
        _add_parameter_examples(operations, found["paths"].get(path.partition("/{id}")[0], {}), schemas)
    components["headers"] = {
        name: {"description": said, "schema": {"type": "string"}} for name, said in _HEADERS.items()
    }
    components["links"] = add_links(found["paths"])
    shown = {code for path in found["paths"].values() for operation in path.values() for code in _codes(operation)}
    components["examples"] = {code: each for code, each in problem_examples().items() if code in shown}
    components["responses"] = share_problems(found["paths"])
    components["parameters"] = share_parameters(found["paths"])
    return found


def _add_forms(paths: Json, forms: Forms) -> Json:
    """Add form bodies to their operations. Return the schemas of the forms by name."""
    schemas: Json = {}
    for operations in paths.values():
        for operation in operations.values():
            model = forms.get(operation["operationId"])
            if model is not None:
                schemas[model.__name__] = model.model_json_schema()
                schema = {"$ref": f"#/components/schemas/{model.__name__}"}
                operation["requestBody"] = {"required": True, "content": {_FORM: {"schema": schema}}}
    return schemas


def _complete(operation: Json, schemas: Json) -> None:
    """Complete an operation: its security, its parameters, and the descriptions and headers of its responses."""
    operation.setdefault("security", [])
    for parameter in operation.get("parameters", []):
        parameter["schema"] = parameter_schema(parameter["schema"])
        if not parameter["required"]:
            del parameter["required"]  # false is the default
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
        names = [] if status == "401" and schema else _SENT_WITH.get(status, [])  # OAuth errors have no challenge
        names = [*names, "ETag"] if "version" in shape.get("properties", {}) else names
        if names:
            answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _add_parameter_examples(operations: Json, listing: Json, schemas: Json) -> None:
    """Add examples to the parameters of a path's operations. The example of `id` is the id of a demo record."""
    for method, operation in operations.items():
        for parameter in operation.get("parameters", []):
            if "example" in parameter["schema"]:
                parameter["example"] = parameter["schema"].pop("example")
            shown = _shown(operations.get("get") or operation)
            if parameter["name"] == "id" and "id" in shown:
                parameter["example"] = shown["id"]
            elif parameter["name"] == "id" and listing:
                shape = listing["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
                items = schemas[shape.rpartition("/")[2]]["properties"]["items"]["items"]["$ref"]
                shown = schemas[items.rpartition("/")[2]]["examples"][0]["id"]
                parameter["example"] = removable_id(shown) if method == "delete" else shown
            elif "examples" in parameter:
                (shown,) = parameter.pop("examples").values()
                parameter["example"] = shown["value"]
            elif parameter["name"] in _PARAMETER_EXAMPLES and parameter["in"] == "path":
                parameter["example"] = _PARAMETER_EXAMPLES[parameter["name"]]


def _shown(operation: Json) -> Json:
    """Return the example that an operation declares for its response with 200; an empty dictionary if there is none."""
    contents = operation["responses"].get("200", {}).get("content", {}).values()
    examples: list[Any] = [content.get("example") for content in contents]
    return next((each for each in examples if isinstance(each, dict)), {})


def _codes(operation: Json) -> list[Any]:
    return [
        code
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        for code in content.get("examples", {})
    ]
