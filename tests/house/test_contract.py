"""The OpenAPI document: the committed one is current, and every operation, problem and schema in it is complete."""

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from fastapi.routing import iter_route_contexts

from app.http import Route
from app.main import create_app
from app.openapi import text
from app.resources import RESOURCES
from app.settings import Settings
from tests.house.openapi_structure import COMMITTED, structure_of
from tests.witness import ARCHIVE, CALENDAR, DOCUMENT, FHIR, IMAGE, NDJSON, STREAM

Json = dict[str, Any]
JSON = "application/json"
FILE = {"type": "string", "format": "binary"}
"""The schema of a body that is a file, which has no example."""
PUBLIC = {
    "register",
    "forgot_password",
    "reset_password",
    "reopen_account",
    "verify",
    "login",
    "refresh_tokens",
    "sign_in_with_second_factor",
    "set_up_at_sign_in",
    "get_public_keys",
    "livez",
    "readyz",
    "get_problem",
    "list_instruments",
    "get_instrument",
    "list_prompts",
    "get_help",
    "get_calendar",
    "request_client_token",
    "get_smart_configuration",
    "get_fhir_smart_configuration",
    "get_authorization_server",
    "get_fhir_metadata",
}
"""The operations that need no access token."""
OAUTH = {"request_client_token"}
"""The operations whose errors are those of OAuth."""
FHIR_RESOURCE = {"$ref": "#/components/schemas/FhirResource"}


def _is_below_fhir(operation: Json) -> bool:
    return bool(operation["tags"] == ["FHIR"]) or operation["operationId"] == "get_fhir_smart_configuration"


ROOT = Path(__file__).parents[2]
CONTENT = DOCUMENT.content
SCHEMAS: Json = CONTENT["components"]["schemas"]
OPERATIONS: dict[str, Json] = {
    operation["operationId"]: operation for path in DOCUMENT.paths.values() for operation in path.values()
}
operations = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
schemas = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)


def _routes() -> list[Route]:
    app = create_app(Settings())
    app.openapi()
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    return [route for route in routes if isinstance(route, Route) and route.include_in_schema]


def _within(node: object) -> Iterator[Json]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _within(inner)


def _responses(operation: Json) -> Iterator[tuple[int, Json]]:
    return ((int(status), DOCUMENT.response(response)) for status, response in operation["responses"].items())


def test_the_committed_document_is_what_the_app_serves() -> None:
    committed = orjson.loads((ROOT / "openapi/openapi.json").read_bytes())
    assert committed == CONTENT, "run: uv run afterglow openapi > openapi/openapi.json"
    assert (ROOT / "openapi/openapi.json").read_text("utf-8") == f"{text(CONTENT)}\n"


def test_the_structure_of_the_document_changes_only_on_purpose() -> None:
    committed, served = orjson.loads(COMMITTED.read_bytes()), structure_of(CONTENT)
    changed = [name for name in sorted(committed | served) if committed.get(name) != served.get(name)]
    assert changed == [], f"if this is meant, see {COMMITTED.with_suffix('.py').name}"


def test_the_structure_is_everything_but_sentences() -> None:
    def digest(**parts: object) -> str:
        operation = {"tags": ["Wisteria"], **parts}
        document = {"tags": [{"name": "Wisteria"}], "components": {}, "paths": {"/wisteria": {"get": operation}}}
        return structure_of(document)["GET /wisteria"]

    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    expected = digest(summary="Say it", schema=schema, example={"title": "One", "items": [1]})
    assert expected == digest(summary="Say that", schema=schema, example={"title": "Two", "items": [2, 3]})
    assert expected != digest(summary="Say it", schema=schema, example={"title": 1, "items": [1]})
    assert expected != digest(
        summary="Say it", schema={**schema, "properties": {}}, example={"title": "One", "items": [1]}
    )


def test_the_document_is_openapi_3_1_with_a_licence_and_a_server() -> None:
    assert CONTENT["openapi"] == "3.1.0"
    assert CONTENT["info"]["license"] == {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    assert [server["url"] for server in CONTENT["servers"]] == ["/"]


def test_every_operation_has_its_own_id_which_is_the_name_of_its_function() -> None:
    names = [route.endpoint.__name__ for route in _routes()]
    assert len(names) == len(set(names))
    assert set(names) == set(OPERATIONS)


def test_every_tag_is_used_and_described() -> None:
    tags = [tag["name"] for tag in CONTENT["tags"]]
    assert all(tag["description"] for tag in CONTENT["tags"])
    assert {tag for operation in OPERATIONS.values() for tag in operation["tags"]} == set(tags)


@operations
def test_an_operation_and_its_parts_are_described(operation: Json) -> None:
    assert len(operation["tags"]) == 1
    assert re.fullmatch(r"[A-Z][^\n.]{3,60}", operation["summary"])
    assert operation["description"].endswith(".")
    assert all(response["description"].endswith(".") for _, response in _responses(operation))
    assert all(parameter["description"].endswith(".") for parameter in operation.get("parameters", ()))


@operations
def test_an_operation_needs_a_token_unless_it_is_public(operation: Json) -> None:
    needs_token = operation["operationId"] not in PUBLIC
    scheme = "ClientToken" if operation["tags"][0] in {"Clinic", "FHIR"} else "AccessToken"
    assert operation["security"] == ([{scheme: []}] if needs_token else [])
    assert ("401" in operation["responses"]) >= needs_token


@pytest.mark.parametrize("route", _routes(), ids=lambda route: route.name)
def test_the_document_says_of_each_route_whether_it_reads_the_caller(route: Route) -> None:
    reads_the_caller = any(name in {"call", "view"} for name, _ in route._plan.dependencies)  # noqa: SLF001 - what the route really reads
    assert reads_the_caller == bool(OPERATIONS[route.name]["security"])


@operations
def test_an_operation_documents_its_problems(operation: Json) -> None:
    documented = {
        code
        for _, response in _responses(operation)
        for code in response.get("content", {}).get("application/problem+json", {}).get("examples", ())
    }
    expected = {"malformed-query", "url-too-long", "validation", "unavailable"}
    if operation["security"]:
        expected |= {"not-signed-in", "forbidden"}
    if _is_below_fhir(operation):
        assert documented == set()
        signed_in, body = {"401", "403"}, {"413", "415", "507"}
        expected_statuses = {"400", "406", "414", "422", "503"} | (signed_in if operation["security"] else set())
        assert expected_statuses | (body if "requestBody" in operation else set()) <= {*operation["responses"]}
        return
    if operation["operationId"] in OAUTH:
        assert documented == {"url-too-long"}
        assert {"400", "401", "413", "415", "429", "503", "507"} <= {*operation["responses"]}
        return
    if "requestBody" in operation:
        expected |= {"malformed-body", "body-too-large", "unsupported-media-type", "storage-full"}
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    if names & {"id", "code"}:
        expected.add("not-found")
    if "cursor" in names:
        expected.add("invalid-cursor")
    if "If-Match" in names:
        expected |= {"malformed-header", "precondition-required", "outdated"}
    assert documented >= expected


@operations
def test_every_problem_has_the_same_schema_and_media_type(operation: Json) -> None:
    for status, response in _responses(operation):
        if status < 400:
            files = (STREAM, ARCHIVE, IMAGE, CALENDAR, NDJSON)
            assert [*response.get("content", {JSON: {}})] in [[each] for each in (JSON, FHIR, *files)]
            continue
        if _is_below_fhir(operation):
            assert {name: each["schema"] for name, each in response["content"].items()} == {FHIR: FHIR_RESOURCE}
            continue
        if operation["operationId"] in OAUTH and status != 414:
            assert response["content"][JSON]["schema"] == {"$ref": "#/components/schemas/TokenError"}
            continue
        assert list(response["content"]) == ["application/problem+json"]
        content = response["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        for code, example in content["examples"].items():
            assert example == {"$ref": f"#/components/examples/{code}"}
            assert CONTENT["components"]["examples"][code]["value"]["status"] == status


@operations
def test_an_operation_has_valid_examples_of_its_body_and_responses(operation: Json) -> None:
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    responses = [response for status, response in _responses(operation) if status < 300]
    assert responses
    for part in (*bodies, *responses):
        for content in part.get("content", {}).values():
            if content["schema"] == FILE and "example" not in content:
                continue
            assert list(content["schema"]) == ["$ref"] or content["schema"]["type"] in {"string", "object"}
            DOCUMENT.check(content["schema"], DOCUMENT.example(content), exactly=part not in bodies)


@schemas
def test_every_field_is_described(schema: Json) -> None:
    jsonschema_rs.meta.validate(schema)
    assert schema["description"].endswith(".")
    for name, field in schema.get("properties", {}).items():
        said = field.get("description") or SCHEMAS[field["$ref"].rpartition("/")[2]]["description"]
        assert said.endswith("."), name


@schemas
def test_no_name_was_generated_by_a_framework(schema: Json) -> None:
    name = next(name for name, each in SCHEMAS.items() if each is schema)
    assert re.fullmatch("([A-Z][a-z]+)+", name)
    assert not re.search("Input|Output|Record|Document|HTTP|Validation", name)
    assert all(not isinstance(node.get("title"), str) for node in _within(schema.get("properties", {})))


def test_the_document_is_generated_once_and_outside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    app, threads = create_app(Settings()), []
    generate = app.openapi

    def recorded() -> Json:
        threads.append(threading.get_ident())
        return generate()

    async def requested_twice() -> tuple[bytes, bytes]:
        return await asyncio.gather(app.document(), app.document())

    monkeypatch.setattr(app, "openapi", recorded)
    first, second = asyncio.run(requested_twice())
    assert orjson.loads(first) == CONTENT
    assert second is first
    assert generate() is generate()
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


def test_no_query_parameter_allows_nul() -> None:
    for name, operation in OPERATIONS.items():
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                shape = parameter["schema"] | {"components": CONTENT["components"]}
                validator = jsonschema_rs.validator_for(shape, validate_formats=True)
                for text_with_nul in ("\0", "a\0", "a\0b", "a:b|c\0"):
                    assert not validator.is_valid(text_with_nul), (name, parameter["name"])


def test_a_response_always_has_every_field() -> None:
    names = {
        node["$ref"].rpartition("/")[2]
        for operation in OPERATIONS.values()
        for status, response in _responses(operation)
        if status < 300
        for node in _within(response)
        if "$ref" in node and "/schemas/" in node["$ref"]
    }
    for name in sorted(names):
        for node in _within(SCHEMAS[name].get("properties", {})):
            assert "default" not in node, name
        assert SCHEMAS[name].get("required", []) == list(SCHEMAS[name].get("properties", {})), name


def test_every_kind_of_record_has_its_four_schemas() -> None:
    for name in ("Session", "Element", "Intention", "Reflection", "ActionItem"):
        assert {name, f"{name}Draft", f"{name}Patch", f"{name}Page"} <= set(SCHEMAS)


def test_every_record_has_links_to_the_operations_on_it() -> None:
    links, paths = CONTENT["components"]["links"], DOCUMENT.paths
    for link in links.values():
        taken = {each["name"] for each in OPERATIONS[link["operationId"]]["parameters"]}
        assert {*link["parameters"]} <= taken
    for resource in RESOURCES:
        created = paths[resource.path]["post"]["responses"]["201"]
        assert {each["operationId"] for each in paths[f"{resource.path}/{{id}}"].values()} <= {*created["links"]}
        assert {each["$ref"].rpartition("/")[2] for each in created["links"].values()} <= {*links}
