"""Moves parts of the OpenAPI document that several operations share to its components, and refers to them."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from app.openapi.examples import Json
from app.openapi.problems import PROBLEM_JSON

_FIRST_ERROR: Final = 400
_word: Final = re.compile(r"[A-Za-z0-9]+")


def share_problems(paths: Json) -> Json:
    """Replace each problem response by a reference to a component. Return the components by name.

    An error response of another format, such as FHIR's, is replaced only if several operations have the same one.
    """
    shared: Json = {}
    every = [
        json.dumps([status, response])
        for operation in _operations(paths)
        for status, response in operation["responses"].items()
    ]
    repeated = {each for each, count in Counter(every).items() if count > 1}
    for operation in _operations(paths):
        for status, response in operation["responses"].items():
            content = response.get("content", {})
            codes = [*content.get(PROBLEM_JSON, {}).get("examples", ())]
            if codes and len(content) == 1:
                name = "Or".join(map(_joined, codes))
                shared[name] = response
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
            elif int(status) >= _FIRST_ERROR and len(content) == 1 and json.dumps([status, response]) in repeated:
                ((_, described),) = content.items()
                name = described["schema"]["$ref"].rpartition("/")[2] + status
                shared[name] = response
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


def share_parameters(paths: Json) -> Json:
    """Replace each parameter that occurs several times by a reference to a component. Return the components by name.

    The name of a path parameter includes its path (`ElementsId`), because each path has its own `id`.
    """
    found: defaultdict[str, list[tuple[Json, int, str]]] = defaultdict(list)
    for path, operations in paths.items():
        for operation in operations.values():
            for number, parameter in enumerate(operation.get("parameters", ())):
                name = _joined(parameter["name"])
                if parameter["in"] == "path":
                    name = _joined(path.partition("{")[0].removeprefix("/v1")) + name
                found[json.dumps([name, parameter])].append((operation, number, name))
    shared: Json = {}
    for places in found.values():
        operation, number, name = places[0]
        if len(places) > 1 and name not in shared:
            shared[name] = operation["parameters"][number]
            for each, position, _ in places:
                each["parameters"][position] = {"$ref": f"#/components/parameters/{name}"}
    return dict(sorted(shared.items()))


def _operations(paths: Json) -> Iterator[Json]:
    for operations in paths.values():
        yield from operations.values()


def _joined(name: str) -> str:
    """Return a name in PascalCase, such as `ActionItemsId`."""
    return "".join(word[0].upper() + word[1:] for word in _word.findall(name.replace("_", "-")))
