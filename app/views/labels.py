"""Labels: the short text by which a view names a record."""

from collections.abc import Mapping
from typing import Any, Final

from app.records import Resource

MAX_LABEL: Final = 120
"""The maximum number of characters of a label."""


def label_of(resource: Resource, record: Mapping[str, Any]) -> str:
    """Return the label of a record, whose members are given as in JSON.

    It is the field in the heading of its journal entry, else the beginning of its words, else the name of its kind. Line
    breaks become blanks, and a longer text ends with an ellipsis.
    """
    names = (resource.journal.title, resource.text)
    text = next(
        (value for name in names if name and isinstance(value := record.get(name), str) and value.strip()), None
    )
    if text is None:
        return resource.one.partition(" ")[2].capitalize()
    line = " ".join(text[: 4 * MAX_LABEL].split())
    return line if len(line) <= MAX_LABEL else f"{line[: MAX_LABEL - 1].rstrip()}…"
