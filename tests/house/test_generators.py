"""What generators of clients rely on in the document."""

import copy
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from app.openapi import text
from app.problems import FaultCode, kinds
from app.records import Resource
from app.resources import RESOURCES
from tests.consents.clinic import new_clinic
from tests.drafts import Json, create_record
from tests.serving import Person, Server
from tests.witness import DOCUMENT

MAX_BYTES = 400_000
"""The size of the document with five kinds of record."""
MAX_KIND_BYTES = 30_000
"""The average size of what the document says of one kind."""
CLINICAL, MAX_CLINICAL_BYTES = {"Clinic access", "Clinic", "FHIR"}, 100_000
"""The tags of operations for clinics, and the size of these and of the schemas that only they have."""
CONTENT = DOCUMENT.content
SCHEMAS: Json = CONTENT["components"]["schemas"]
OPERATIONS = [
    (method, path, operation) for path, methods in DOCUMENT.paths.items() for method, operation in methods.items()
]
DEFAULTS = [
    (path, parameter["name"], parameter["schema"]["default"], "ClientToken" in str(operation["security"]))
    for method, path, operation in OPERATIONS
    for parameter in operation.get("parameters", ())
    if method == "get" and "default" in parameter["schema"]
]


def nodes(node: object) -> Iterator[Json]:
    """Yield every object in a part of the document, except the examples."""
    if isinstance(node, dict):
        yield node
        for name, inner in node.items():
            if name not in {"example", "examples"}:
                yield from nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


INTEGERS = [node for node in nodes([SCHEMAS, DOCUMENT.paths]) if node.get("type") in ("integer", ["integer", "null"])]


def test_every_integer_has_both_bounds_and_the_format_that_holds_them() -> None:
    assert len(INTEGERS) > 50
    for node in INTEGERS:
        least = node["minimum"] if "minimum" in node else node["exclusiveMinimum"]
        most = node["maximum"] if "maximum" in node else node["exclusiveMaximum"] - 1
        assert least <= most
        assert node["format"] == ("int32" if least >= -(2**31) and most < 2**31 else "int64"), node


@pytest.mark.parametrize("shape", [kind.public.__name__ for kind in RESOURCES])
def test_a_version_is_64_bits_wide(shape: str) -> None:
    assert SCHEMAS[shape]["properties"]["version"]["format"] == "int64"


@pytest.mark.parametrize(
    ("path", "name", "default", "of_clinic"), DEFAULTS, ids=[f"{path} {name}" for path, name, *_ in DEFAULTS]
)
def test_the_server_accepts_each_documented_default(
    server: Server, alice: Person, path: str, name: str, default: Any, *, of_clinic: bool
) -> None:
    kind = next((kind for kind in RESOURCES if path.startswith(f"{kind.path}/")), None)
    if kind is not None:
        path = path.format(id=create_record(alice.client, kind, alice)["id"])
    client = new_clinic(server).client if of_clinic else alice.client
    assert client.get(path, params={name: default}).status_code == 200


def test_collections_may_be_separated_by_commas_repeated_and_empty(alice: Person) -> None:
    alice.client.post("/v1/intentions", json={"kind": "session", "statement": "wisteria"})
    queries = ("collections=sessions,intentions", "collections=sessions&collections=intentions", "collections=", "")
    pages = [alice.client.get(f"/v1/sync/changes?{query}").json() for query in queries]
    assert [[each["collection"] for each in page["changes"]] for page in pages] == [["intentions"]] * len(queries)
    assert alice.client.get("/v1/sync/changes?collections=sessions").json()["changes"] == []


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_body_has_one_media_type(method: str, path: str, operation: Json) -> None:
    assert len(operation.get("requestBody", {"content": {"none": {}}})["content"]) == 1, (method, path)


@pytest.mark.parametrize("name", ["SyncChange", "SyncResult", "SyncOperation"])
def test_the_collection_decides_the_type_of_a_change_a_result_and_an_operation(name: str) -> None:
    discriminator = SCHEMAS[name]["discriminator"]
    assert discriminator["propertyName"] == "collection"
    assert set(discriminator["mapping"]) == {kind.collection for kind in RESOURCES}
    for collection, reference in discriminator["mapping"].items():
        member = SCHEMAS[reference.rpartition("/")[2]]
        assert member["properties"]["collection"]["enum"] == [collection]
    assert {each["$ref"] for each in SCHEMAS[name]["oneOf"]} == set(discriminator["mapping"].values())


def test_no_type_is_null_alone_and_no_union_is_nameless() -> None:
    for node in nodes([SCHEMAS, DOCUMENT.paths]):
        assert node.get("type") != "null" or node == {"type": "null"}
        choices = [each for each in node.get("anyOf", ()) if each != {"type": "null"}]
        assert len(choices) <= 1 or any(node is named for named in SCHEMAS.values()), node


def test_no_schema_has_the_name_of_the_constructor_of_another() -> None:
    """Generators for Go name the constructor of `Consent` `NewConsent`."""
    assert {f"New{name}" for name in SCHEMAS} & {*SCHEMAS} == set()


@pytest.mark.parametrize("name", ["SyncChanges", "SyncState"])
def test_a_cursor_is_a_string(name: str) -> None:
    assert SCHEMAS[name]["properties"]["cursor"]["type"] == "string"


def test_the_codes_of_problems_are_an_enumeration() -> None:
    assert SCHEMAS["Problem"]["properties"]["code"]["enum"] == sorted(kind.code for kind in kinds())


def test_each_status_field_of_a_record_documents_its_transitions() -> None:
    for kind in RESOURCES:
        for shape in (kind.public, kind.draft, kind.patch):
            assert ("status" in shape.model_fields) == bool(kind.status_changes)


@pytest.mark.parametrize(
    "resource", [kind for kind in RESOURCES if kind.status_changes], ids=lambda kind: kind.collection
)
def test_a_status_field_documents_its_transitions(resource: Any) -> None:
    for shape in (resource.public, resource.draft, resource.patch):
        status = SCHEMAS[shape.__name__]["properties"]["status"]
        listed = {each: set(targets) for each, targets in status["x-transitions"].items()}
        assert listed == {each: {*targets} - {each} for each, targets in resource.status_changes.items()}
        for each in listed:
            in_words = f"`{each}` to " if resource.transitions else "It may change to any other"
            assert in_words in status["description"]


@pytest.mark.parametrize("name", ["Consent", "Connection", "Webhook"])
def test_a_status_of_an_agreement_documents_its_transitions(name: str) -> None:
    status = SCHEMAS[name]["properties"]["status"]
    assert {*status["x-transitions"]} == {*SCHEMAS[status["$ref"].rpartition("/")[2]]["enum"]}


def test_a_required_member_has_no_default() -> None:
    for name, schema in SCHEMAS.items():
        assert [each for each in schema.get("required", ()) if "default" in schema["properties"][each]] == [], name


def test_the_codes_of_faults_are_an_enumeration() -> None:
    assert SCHEMAS["Fault"]["properties"]["code"]["enum"] == [*get_args(FaultCode)]


def _size(content: Json) -> int:
    return len(text(content).encode())


def _without(kind: Resource) -> Json:
    """Return the document without the paths, schemas, links and parameters of a kind."""
    content = copy.deepcopy(CONTENT)
    prefix = kind.collection.title().replace("-", "")
    removed = {
        operation["operationId"]
        for path in (kind.path, f"{kind.path}/{{id}}")
        for operation in content["paths"].pop(path).values()
    }
    components = content["components"]
    components["parameters"].pop(f"{prefix}Id", None)
    for name in [each for each in components["schemas"] if each.startswith(kind.public.__name__)]:
        del components["schemas"][name]
    for name in [each for each, link in components["links"].items() if link["operationId"] in removed]:
        del components["links"][name]
    return content


def test_the_document_is_small_enough_for_a_phone_and_a_generator() -> None:
    shares = {kind.collection: _size(CONTENT) - _size(_without(kind)) for kind in RESOURCES}
    assert sum(shares.values()) <= MAX_KIND_BYTES * len(shares), shares
    clinical = [_size(operation) for _, _, operation in OPERATIONS if CLINICAL.issuperset(operation["tags"])]
    clinical += [_size(schema) for name, schema in SCHEMAS.items() if name.startswith("Clinic")]
    assert sum(clinical) <= MAX_CLINICAL_BYTES
    assert _size(CONTENT) - sum(clinical) <= MAX_BYTES + MAX_KIND_BYTES * (len(shares) - 5)
