"""The text of the OpenAPI document: JSON with one line for each operation, schema, response, and other component.

A change shows as one changed line. With a line for each value, line ends and blanks would be an eighth of the document.
"""

import json
from typing import Any, Final

_LEVELS: Final = 3
"""The section, the path or the kind of component, and the operation or the component."""


def text(value: Any, levels: int = _LEVELS) -> str:
    """Return a JSON value as text; each entry of objects, down to some levels, has its own line."""
    if levels and isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f"{_line(name)}:{text(each, levels - 1)}" for name, each in value.items()) + "\n}"
    return _line(value)


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
