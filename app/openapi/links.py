"""Links from the response to a create to the operations that take the id or the version of the created record."""

from typing import Final

from app.openapi.examples import Json

_ID: Final = "$response.body#/id"
_TAG: Final = "$response.header.ETag"


def add_links(paths: Json) -> Json:
    """Add links to the response of each create, if the created record can be read. Return the links by name.

    The links lead to the operations on the created record, and to the lists of records that refer to this record.
    """
    links: Json = {}
    every = [operation for operations in paths.values() for operation in operations.values()]
    for path, operations in paths.items():
        create = paths.get(path.removesuffix("/{id}"), {}).get("post")
        if path.endswith("/{id}") and path.count("{") == 1 and create is not None and "get" in operations:
            reference = operations["get"]["operationId"].removeprefix("get_") + "_id"
            found = {each["operationId"]: _link(each, {"id": _ID, "If-Match": _TAG}) for each in operations.values()}
            naming = [_link(each, {reference: _ID}) for each in every]
            found |= {f"{each['operationId']}_by_{reference}": each for each in naming if each["parameters"]}
            links |= found
            create["responses"]["201"]["links"] = {name: {"$ref": f"#/components/links/{name}"} for name in found}
    return links


def _link(operation: Json, known: dict[str, str]) -> Json:
    """Return a link to an operation. The link sets those parameters of the operation that `known` has a value for."""
    names = [each["name"] for each in operation.get("parameters", [])]
    return {
        "operationId": operation["operationId"],
        "parameters": {name: known[name] for name in names if name in known},
    }
