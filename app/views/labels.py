"""Labels: the short texts that name records in views."""

from collections.abc import Mapping
from typing import Any, Final

from app.records import Resource

MAX_LABEL: Final = 120
"""The maximum number of characters of a label."""


def label_of(resource: Resource, record: Mapping[str, Any]) -> str:
    """Return the label of a record. `record` has the record's members as in JSON.

    The label is the text of the field that `resource.journal.title` names. If this field is blank, the label is the
    text of the field that `resource.text` names. If that field is blank, too, the label is the name of the kind. Line
    breaks become blanks. A text of more than `MAX_LABEL` characters is cut, and ends with an ellipsis.
    """
    names = (resource.journal.title, resource.text)
    text = next(
        (value for name in names if name and isinstance(value := record.get(name), str) and value.strip()), None
    )
    if text is None:
        return resource.one.partition(" ")[2].capitalize()
    line = " ".join(text[: 4 * MAX_LABEL].split())
    return line if len(line) <= MAX_LABEL else f"{line[: MAX_LABEL - 1].rstrip()}…"
