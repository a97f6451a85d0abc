"""Links: from a response with a record to the operations that take its id and version."""

from collections.abc import Iterable
from typing import Final

from app.openapi.examples import Json

_ID: Final = "$response.body#/id"
_TAG: Final = "$response.header.ETag"


def linked(paths: Json) -> Json:
    """Add links from each response with a record to the operations on it and the lists of records that refer to it; return
    the links.
    """
    links: Json = {}
    every = [operation for operations in paths.values() for operation in operations.values()]
    for path, operations in paths.items():
        beside = paths.get(path.removesuffix("/{id}"), {}) if path.endswith("/{id}") else {}
        answers = [*_with_a_record(beside.values()), *_with_a_record(operations.values())]
        if beside and answers:
            reference = operations["get"]["operationId"].removeprefix("get_") + "_id"
            found = {each["operationId"]: _link(each, {"id": _ID, "If-Match": _TAG}) for each in operations.values()}
            naming = [_link(each, {reference: _ID}) for each in every]
            found |= {f"{each['operationId']}_by_{reference}": each for each in naming if each["parameters"]}
            links |= found
            for answer in answers:
                answer["links"] = {name: {"$ref": f"#/components/links/{name}"} for name in found}
    return links


def _with_a_record(operations: Iterable[Json]) -> Iterable[Json]:
    """Yield the responses with a record and its version."""
    for operation in operations:
        for answer in operation["responses"].values():
            if "content" in answer and "ETag" in answer.get("headers", {}):
                yield answer


def _link(operation: Json, known: dict[str, str]) -> Json:
    """Return a link to an operation, with the values of those of its parameters that `known` has."""
    names = [each["name"] for each in operation.get("parameters", [])]
    return {
        "operationId": operation["operationId"],
        "description": operation["summary"],
        "parameters": {name: known[name] for name in names if name in known},
    }
