"""The text of the OpenAPI document: indented JSON, in which each value that fits on one line is on one line."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any, Final

_WIDTH: Final = 120


def text(value: Any) -> str:
    """Return a JSON value as text, in lines of at most 120 characters unless a string is longer."""
    return "".join(_parts(value, 0, 0))


def _parts(value: Any, indent: int, used: int) -> Iterator[str]:
    """Yield the text of a value that starts after `used` characters of a line, inside a value that is indented by `indent` spaces."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or used + len(line) < _WIDTH:
        yield line
    elif isinstance(value, dict):
        yield "{"
        for number, (name, each) in enumerate(value.items()):
            key = f"{json.dumps(name, ensure_ascii=False)}: "
            yield f"{',' if number else ''}\n{' ' * (indent + 1)}{key}"
            yield from _parts(each, indent + 1, indent + 1 + len(key))
        yield f"\n{' ' * indent}}}"
    elif any(isinstance(each, dict | list) or " " in str(each) for each in value):
        yield "["
        for number, each in enumerate(value):
            yield f"{',' if number else ''}\n{' ' * (indent + 1)}"
            yield from _parts(each, indent + 1, indent + 1)
        yield f"\n{' ' * indent}]"
    else:
        inner = " " * (indent + 1)
        filled = textwrap.fill(
            line[1:-1], _WIDTH, initial_indent=inner, subsequent_indent=inner, break_on_hyphens=False
        )
        yield f"[\n{filled}\n{' ' * indent}]"
