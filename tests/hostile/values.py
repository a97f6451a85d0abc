"""Values that a member or parameter must reject, and accepted values at its limits, derived from its schema."""

import json
from collections.abc import Iterator
from itertools import repeat

from tests.hostile.operations import Json, nullable, resolved, sample

TEXTS = (r'"wisteria\u0000"', r'"\u0000"', r'"wisteria\ud800"', r'"\udfff\ud800"', r'"\ude00wisteria"')
NOT_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e9999999999999999999", "1" + "0" * 5000)
NOT_INTEGERS = ('"5"', "true", "false", "1.0", "1e0", "0.5", "-0.0", "9" * 40, "9" * 41, "-" + "9" * 40)
CASES = {
    "integer": (*NOT_NUMBERS, *NOT_INTEGERS, "[]", "{}", '""', "9223372036854775808"),
    "number": (*NOT_NUMBERS, '"5"', "true", "[]", "{}", "0", "-1", "0.0001", "1e-400", "1.0005", "100000", "9" * 40),
    "boolean": ("5", "0", "1.0", '"true"', '""', "[]", "{}", *NOT_NUMBERS),
    "object": ("5", "true", "[]", "[{}]", '"wisteria"', '""', *NOT_NUMBERS),
    "array": ('"wisteria"', "1", "true", "{}", "[null]", "[[]]", "[1]", '[""]', r'["\u0000"]', r'["\ud800"]', "NaN"),
    "string": ("5", "5.0", "true", "[]", "{}", '["wisteria"]', '{"wisteria": 1}', *NOT_NUMBERS, *TEXTS),
    "date-time": (
        *("5", "1764000000", "1764000000.5", '"1764000000"', '""', "[]", *NOT_NUMBERS, *TEXTS),
        *('"2026-11-22"', '"2026-11-22T10:00:00"', '"2026-11-22T10:00Z"', '"2026-11-22 10:00:00Z"'),
        *(
            '"2026-11-22T10:00:60Z"',
            '"2026-11-22T24:00:00Z"',
            '"2026-11-22T10:00:00.1234567Z"',
            '"2026-02-30T10:00:00Z"',
        ),
        *('"1899-12-31T23:59:59Z"', '"2201-01-01T00:00:00Z"', '"9999-12-31T23:59:59-23:59"', '"2026-11-22T10:00:00z"'),
        *(
            '"0001-01-01T00:00:00+23:59"',
            '"2026-11-22T10:00:00+24:00"',
            '"2026-11-22T10:00:00Z\\n"',
            '" 2026-11-22T10:00:00Z"',
        ),
        *(
            '"2026-11-22T10:00:00+0100"',
            '"2026-11-22T10:00:00 +01:00"',
            '"2026-W47-7T10:00:00Z"',
            '"٢٠٢٦-11-22T10:00:00Z"',
        ),
    ),
    "date": (
        *("5", "20261122", '"20261122"', '""', "[]", *NOT_NUMBERS, *TEXTS, '"2026-1-1"', '"2026-11-22T10:00:00Z"'),
        *(
            '"2026-02-30"',
            '"1899-12-31"',
            '"2201-01-01"',
            '"0000-01-01"',
            '"10000-01-01"',
            '"2026-11-22\\n"',
            '"2026-W47-7"',
        ),
    ),
    "uuid": (
        *("5", '""', "[]", '"wisteria"', *TEXTS, '"019aa2c47b00700080000000000000beef"'),
        *('"{019aa2c4-7b00-7000-8000-00000000beef}"', '"urn:uuid:019aa2c4-7b00-7000-8000-00000000beef"'),
        *(
            '"019aa2c47b00700080000000beef0000"',
            '"019aa2c4-7b00-7000-8000-00000000bee"',
            '"019aa2c4-7b00-7000-8000-00000000beef "',
        ),
    ),
    "email": ("5", '""', '"wisteria"', '"@"', '"a@b@example.com"', '"a@example.com\\r\\nBcc: b@example.com"', *TEXTS),
}


def rejected_values(schema: Json) -> Iterator[str]:
    """Yield values that a member must reject, as JSON texts."""
    kind = resolved(schema)
    if not nullable(schema):
        yield "null"
    choices = choices_of(kind)
    cases = CASES[
        "string" if choices else str(kind["type"] if kind["type"] == "integer" else kind.get("format", kind["type"]))
    ]
    of_numbers = kind["type"] == "array" and resolved(kind["items"]).get("type") == "integer"
    yield from (case for case in cases if not (of_numbers and case in {"[1]", "[null]"}))
    if choices:
        yield from ('""', '"wisteria"', json.dumps(choices[0].swapcase()), json.dumps(choices[0] + " "))
    if "maximum" in kind and kind["type"] == "integer":
        yield from (str(kind["minimum"] - 1), str(kind["maximum"] + 1), "2147483648")
    if kind.get("minLength"):
        yield json.dumps("w" * (kind["minLength"] - 1))
    if "maxLength" in kind:
        yield json.dumps("w" * (kind["maxLength"] + 1))
        yield json.dumps("🌿" * (kind["maxLength"] + 1), ensure_ascii=False)
    if "maxItems" in kind and resolved(kind["items"])["type"] != "object":
        yield json.dumps([sample(kind["items"])] * (kind["maxItems"] + 1))


def choices_of(kind: Json) -> list[str]:
    """Return the values of an enumeration, or an empty list."""
    choices: list[str] = kind.get("enum", [kind["const"]] if "const" in kind else [])
    return choices


DIFFICULT_TEXT = (
    " wisteria %_\\ '; DROP TABLE account; -- <script>${7*7} {{7*7}} %00 \\u0000 \t\r\n\v\x01\x1f\x7f"
    "e\u0301 \u00e9 \ufb01 עברית العربية \u202e 🌿👩‍👩‍👧 \U0010ffff \ufeff \ufffe "
)
"""A text that a careless program would change: quotes, control characters, combining characters, scripts, emoji."""
MOMENTS = (
    "1900-01-01T00:00:00Z",
    "1900-01-01T00:00:00.000001+00:00",
    "2200-12-31T23:59:59.999999Z",
    "2201-01-01T05:00:00+14:00",
    "1969-12-31T23:59:59.999999-00:00",
    "2026-03-29T02:30:00.5+01:00",
)
DOSES = ("0.001", "99999.999", "0.1", "5", "5.0", "5e0", "1.500", "1E2", "0.3", "33333.333")
IDS = ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")


def accepted_values(schema: Json) -> Iterator[str]:
    """Yield values that a member accepts unless a rule of its kind forbids it, as JSON texts."""
    kind = resolved(schema)
    if nullable(schema):
        yield "null"
    texts = choices_of(kind) or {
        "date-time": MOMENTS,
        "date": ("1900-01-01", "2200-12-31", "2024-02-29"),
        "uuid": IDS,
    }.get(kind.get("format", ""), ())
    yield from map(json.dumps, texts)
    if kind["type"] == "boolean":
        yield from ("true", "false")
    elif kind["type"] == "integer":
        yield from (str(kind["minimum"]), str(kind["maximum"]))
    elif kind["type"] == "number":
        yield from DOSES
    elif kind["type"] == "object":
        yield json.dumps(sample(kind))
    elif kind["type"] == "array":
        each = [json.loads(value) for value in accepted_values(kind["items"])]
        yield from map(json.dumps, ([], each[: kind["maxItems"]], [each[0]] * kind["maxItems"]))
    elif "maxLength" not in kind:
        yield json.dumps(sample(kind))
    elif not texts:
        yield json.dumps(DIFFICULT_TEXT[: kind["maxLength"]])
        yield json.dumps(DIFFICULT_TEXT[-kind["maxLength"] :], ensure_ascii=False)
        yield json.dumps("🌿" * kind["maxLength"], ensure_ascii=False)
        yield from repeat('""', not kind.get("minLength"))
