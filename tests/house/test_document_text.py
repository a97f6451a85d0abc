"""The text of the OpenAPI document."""

import json
from typing import Any

import pytest

from app.openapi import text

NAMES = [f"wisteria-in-flower-{number}" for number in range(30)]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        1,
        "wist\u00e9ria\n",
        NAMES,
        {"names": NAMES, "inner": {name: [1, None, True] for name in NAMES}},
        [{"name": name, "texts": ["in flower, all of it", *NAMES]} for name in NAMES],
        ["long " * 50, "two  blanks " * 20],
    ],
    ids=lambda value: str(value)[:12],
)
def test_the_text_is_the_same_value(value: Any) -> None:
    assert json.loads(text(value)) == value


def test_what_fits_is_in_one_line_and_lines_are_at_most_120_wide() -> None:
    value = {"short": {"$ref": "#/components/schemas/Element"}, "names": NAMES, "objects": [{"names": NAMES}]}
    lines = text(value).split("\n")
    assert ' "short": {"$ref": "#/components/schemas/Element"},' in lines
    assert max(map(len, lines)) <= 120
    assert len(lines) < len(NAMES)
