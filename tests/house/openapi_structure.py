"""The structure of an OpenAPI document, without its sentences: one digest for each operation and each component.

To accept a change of the structure: `uv run python -m tests.house.openapi_structure > tests/house/openapi_structure.json`.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any, Final

import orjson

Json = dict[str, Any]
ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "openapi" / "openapi.json"
COMMITTED: Final = Path(__file__).with_suffix(".json")
_SENTENCES: Final = {"title", "summary", "description"}
_EXAMPLES: Final = {"example", "examples", "value"}


def structure_of(document: Json) -> dict[str, str]:
    """Return the digest of every operation (`GET /v1/me`) and component (`schemas/Account`) of the document."""
    tags = {tag["name"]: number for number, tag in enumerate(document["tags"])}
    parts = {
        f"{method.upper()} {path}": operation | {"tags": [tags[name] for name in operation["tags"]]}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    for kind, components in document["components"].items():
        parts |= {f"{kind}/{name}": component for name, component in components.items()}
    return {name: _digest(_without_sentences(part)) for name, part in parts.items()}


def _without_sentences(node: object) -> object:
    """Return a part of the document without its sentences. A field may have a sentence's name: its schema is kept."""
    if isinstance(node, list):
        return [_without_sentences(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _types_of(each) if name in _EXAMPLES else _without_sentences(each)
        for name, each in node.items()
        if not (name in _SENTENCES and isinstance(each, str))
    }


def _types_of(example: object) -> object:
    """Return an example with the type of each value instead of the value. A list becomes the set of its items' types."""
    if isinstance(example, dict):
        return {name: _types_of(each) for name, each in example.items()}
    if isinstance(example, list):
        return sorted({orjson.dumps(_types_of(each)).decode() for each in example})
    return type(example).__name__


def _digest(part: object) -> str:
    return hashlib.sha256(orjson.dumps(part)).hexdigest()[:16]


if __name__ == "__main__":
    content = orjson.dumps(structure_of(orjson.loads(DOCUMENT.read_bytes())), option=orjson.OPT_INDENT_2)
    sys.stdout.buffer.write(content + b"\n")
