"""Writes the OpenAPI document as JSON with one line for each operation, schema, response, and other component.

So a diff shows a changed operation as one line. With a line for each value, whitespace would be an eighth of the
document.
"""

import json
from typing import Any, Final

_LEVELS: Final = 3
"""The number of outer levels of the document in which each entry has its own line. They are the sections, then the
paths or kinds of component, then the operations or components."""


def text(value: Any, levels: int = _LEVELS) -> str:
    """Return a JSON value as text. In the outer `levels` levels of objects, each entry has its own line."""
    if levels and isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f"{_line(name)}:{text(each, levels - 1)}" for name, each in value.items()) + "\n}"
    return _line(value)


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
