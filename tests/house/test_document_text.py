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


def test_each_entry_of_the_first_three_levels_has_its_own_line() -> None:
    value = {"openapi": "3.1.0", "components": {"schemas": {name: {"names": NAMES} for name in NAMES[:2]}}}
    names = json.dumps(NAMES, separators=(",", ":"))
    assert text(value).split("\n") == [
        "{",
        '"openapi":"3.1.0",',
        '"components":{',
        '"schemas":{',
        f'"{NAMES[0]}":{{"names":{names}}},',
        f'"{NAMES[1]}":{{"names":{names}}}',
        "}",
        "}",
        "}",
    ]
