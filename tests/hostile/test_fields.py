"""Every member of every body, with values of the wrong kind, out of bounds, or that a database could not keep."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from app.db import Row
from app.ids import new_id
from app.resources import RESOURCES
from tests.drafts import draft_of, etag, resource_of
from tests.hostile.operations import WITH_BODY, Operation, nullable, resolved
from tests.hostile.raw import Line
from tests.serving import Person

Json = dict[str, Any]
TEXTS = (r'"wisteria\u0000"', r'"\u0000"', r'"wisteria\ud800"', r'"\udfff\ud800"', r'"\ude00wisteria"')
NO_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e9999999999999999999", "1" + "0" * 5000)
NO_INTEGERS = ('"5"', "true", "false", "1.0", "1e0", "0.5", "-0.0", "9" * 40, "9" * 41, "-" + "9" * 40)
CASES = {
    "integer": (*NO_NUMBERS, *NO_INTEGERS, "[]", "{}", '""', "9223372036854775808", "2147483648"),
    "number": (*NO_NUMBERS, '"5"', "true", "[]", "{}", "0", "-1", "0.0001", "1e-400", "1.0005", "100000", "9" * 40),
    "array": ('"wisteria"', "1", "true", "{}", "[null]", "[[]]", "[1]", '[""]', r'["\u0000"]', r'["\ud800"]', "NaN"),
    "object": ('"wisteria"', "1", "true", "[]", "NaN"),
    "boolean": ('"true"', "0", "1", "1.0", "[]", "{}", '""', *NO_NUMBERS),
    "list of objects": ('"wisteria"', "1", "true", "{}", "NaN"),
    "string": ("5", "5.0", "true", "[]", "{}", '["wisteria"]', '{"wisteria": 1}', *NO_NUMBERS, *TEXTS),
    "date-time": (
        *("5", "1764000000", "1764000000.5", '"1764000000"', '""', "[]", *NO_NUMBERS, *TEXTS),
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
        *("5", "20261122", '"20261122"', '""', "[]", *NO_NUMBERS, *TEXTS, '"2026-1-1"', '"2026-11-22T10:00:00Z"'),
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
        *("5", '""', "[]", '"wisteria"', *TEXTS, '"019AA2C4-7B00-7000-8000-00000000BEEF"'),
        *('"{019aa2c4-7b00-7000-8000-00000000beef}"', '"urn:uuid:019aa2c4-7b00-7000-8000-00000000beef"'),
        *(
            '"019aa2c47b00700080000000beef0000"',
            '"019aa2c4-7b00-7000-8000-00000000bee"',
            '"019aa2c4-7b00-7000-8000-00000000beef "',
        ),
    ),
    "email": ("5", '""', '"wisteria"', '"@"', '"a@b@example.com"', '"a@example.com\\r\\nBcc: b@example.com"', *TEXTS),
}


def refused(schema: Json) -> Iterator[str]:
    """Yield values that a member must not take, as JSON text."""
    kind = resolved(schema)
    if not nullable(schema):
        yield "null"
    name = "string" if "enum" in kind else str(kind.get("format", kind["type"]))
    holds_objects = name == "array" and resolved(kind["items"])["type"] == "object"
    yield from CASES["list of objects" if holds_objects else name]
    if "enum" in kind:
        yield from ('""', '"wisteria"', json.dumps(kind["enum"][0].upper()), json.dumps(kind["enum"][0] + " "))
    if "maximum" in kind and kind["type"] == "integer":
        yield from (str(kind["minimum"] - 1), str(kind["maximum"] + 1))
    if kind.get("minLength"):
        yield '""'
    if "maxLength" in kind:
        yield json.dumps("w" * (kind["maxLength"] + 1))
        yield json.dumps("🌿" * (kind["maxLength"] + 1), ensure_ascii=False)
    if "maxItems" in kind:
        yield json.dumps(["body"] * (kind["maxItems"] + 1))


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_wrong_value_is_422_at_its_pointer_and_leaves_no_trace(
    line: Line, alice: Person, state: Callable[[], Row | None], operation: Operation
) -> None:
    assert operation.body is not None
    target, headers = operation.target(alice), operation.headers(alice)
    before = state()
    for name, schema in operation.body["properties"].items():
        for value in refused(schema):
            reply = line.ask(operation.method, target, headers, operation.body_with(name, value))
            case = f"{name}: {value[:40]}"
            assert reply.status == 422, case
            assert any(pointer.split("/")[1] == name for pointer in reply.pointers), case
            assert b"wisteria" not in reply.body, case
            assert b"www" not in reply.body, case
    assert state() == before


TAKEN = (
    "w",
    " wisteria ",
    "100% wis_teria \\ '; DROP TABLE account; --",
    "\t\r\n\v\x01\x1f\x7f wisteria",
    "e\u0301 \u00e9 \ufb01 wisteria",
    "עברית العربية \u202e wisteria",
    "🌿👩‍👩‍👧 \U0010ffff \ufeff \ufffe wisteria",
    "<script>wisteria</script> ${7*7} {{7*7}} %00 \\u0000",
)


def test_text_that_is_accepted_reads_back_as_sent(alice: Person) -> None:
    for resource in RESOURCES:
        path = f"/v1/{resource.collection}"
        draft = draft_of(resource, alice)
        shapes = resource.draft.model_json_schema(mode="serialization")
        for name, schema in shapes["properties"].items():
            longest = next(
                (each.get("maxLength") for each in [schema, *schema.get("anyOf", [])] if "maxLength" in each), 0
            )
            if longest < 200:
                continue
            for text in (*TAKEN, "🌿" * longest):
                sent = draft | {"id": str(new_id()), name: text}
                created = alice.client.post(path, json=sent)
                assert created.status_code == 201, (name, text[:20])
                read = alice.client.get(created.headers["location"]).json()
                assert {each: read[each] for each in sent} == sent
            changed = alice.client.patch(
                created.headers["location"], json={name: "wisteria again"}, headers=etag(created.json())
            )
            assert alice.client.get(created.headers["location"]).json() == changed.json()
            assert changed.json()[name] == "wisteria again"
        assert alice.client.get(path, params={"limit": 200}).status_code == 200


@pytest.mark.parametrize(
    "moment",
    [
        "1900-01-01T00:00:00Z",
        "1900-01-01T00:00:00.000001+00:00",
        "2200-12-31T23:59:59.999999Z",
        "2201-01-01T05:00:00+14:00",
        "1969-12-31T23:59:59.999999-00:00",
        "2026-03-29T02:30:00.5+01:00",
    ],
)
def test_times_that_are_accepted_name_the_same_moment(alice: Person, moment: str) -> None:
    draft = draft_of(resource_of("reflections"), alice) | {"occurred_at": moment}
    created = alice.client.post("/v1/reflections", json=draft).json()
    read = alice.client.get(f"/v1/reflections/{draft['id']}").json()
    assert created == read
    assert datetime.fromisoformat(read["occurred_at"]) == datetime.fromisoformat(moment)


@pytest.mark.parametrize("dose", ["0.001", "99999.999", "0.1", "5", "5.0", "5e0", "1.500", "1E2", "0.3", "33333.333"])
def test_numbers_that_are_accepted_keep_their_digits(line: Line, alice: Person, dose: str) -> None:
    headers = [("Authorization", f"Bearer {alice.token}"), ("Content-Type", "application/json")]
    body = f'{{"title": "wisteria", "dose_unit": "mg", "dose_value": {dose}}}'.encode()
    created = line.ask("POST", "/v1/sessions", headers, body)
    assert created.status == 201
    read = line.ask("GET", str(created.headers["location"]), headers)
    assert read.body == created.body
    assert json.loads(read.body)["dose_value"] == float(dose)
