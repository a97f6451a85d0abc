"""Accepted values are returned unchanged: each member of each body, with values at its limits, on both databases."""

import json
from datetime import datetime
from typing import Any

import pytest

from app.ids import new_id
from tests.drafts import COLLECTION_OF
from tests.hostile.conftest import State
from tests.hostile.operations import WITH_BODY, Json, Operation, nullable, resolved
from tests.hostile.raw import RawConnection, RawResponse
from tests.hostile.values import accepted_values
from tests.serving import Person

READ_ELSEWHERE = {"change_connection", "create_calendar_link", "create_webhook"}
"""A connection that it has ended cannot be read, a link is only listed, a webhook's URL is public. They have own tests."""
READABLE = [
    each
    for each in WITH_BODY
    if each.answer.get("properties", {}).keys() >= (each.body or {})["properties"].keys() | {"id"}
    and each.content["operationId"] not in READ_ELSEWHERE
]
REFUSALS = {(422, "validation"), (409, "invalid-transition")}
LISTED = {"timezone", "locale", "instrument", "instrument_version", "answers"}
"""Members whose values are in a list that no schema contains, or depend on an instrument."""
REORDERED = {"shares", "identifiers"}
"""Sets: they are returned in an order of their own, each element once. Tests of consents cover them."""


def is_timestamp(schema: Json) -> bool:
    return resolved(schema).get("format") == "date-time"


def parsed(value: Any, schema: Json) -> Any:
    """Return a value for comparison: times are equal in any format."""
    return datetime.fromisoformat(value) if is_timestamp(schema) and value is not None else value


def _without_usage(reply: RawResponse) -> Json:
    """Return the body without what an account has stored, which the response to a change does not count."""
    body: Json = json.loads(reply.body)
    return {name: value for name, value in body.items() if name != "usage"}


@pytest.mark.parametrize("operation", READABLE, ids=str)
def test_accepted_values_are_returned_unchanged_and_rejected_ones_change_nothing(
    connection: RawConnection, alice: Person, state: State, operation: Operation
) -> None:
    members = (operation.body or {})["properties"]
    headers, right = operation.headers(alice), operation.right_body(alice) or {}
    bare: Json = {name: right[name] for name in (operation.body or {}).get("required", [])}
    bare |= {name: None for name, schema in members.items() if is_timestamp(schema) and nullable(schema)}
    filled_in = operation.resource.filled_in if operation.resource else ()
    refused = []

    def send(name: str, value: str, any_of: Json, target: str) -> RawResponse:
        fresh = {"id": str(new_id())} if "id" in members else {}
        return connection.request(
            operation.method, target, headers, operation.body_with((name,), value, any_of | fresh)
        )

    for name, schema in members.items():
        accepted = False
        if name in REORDERED:
            continue
        values = [value for value in accepted_values(schema) if name not in COLLECTION_OF or value == "null"]
        for value in values:
            for any_of in ({}, bare) if operation.method == "PATCH" else (right, bare):
                target = operation.target(alice)
                reply = send(name, value, any_of, target)
                if reply.status in {200, 201}:
                    break
                assert (reply.status, reply.problem["code"]) in REFUSALS, (name, value)
                refused.append((name, value, any_of, target))
            else:
                continue
            accepted = True
            read = connection.request("GET", reply.headers["location"] or target, headers)
            assert _without_usage(read) == _without_usage(reply), (name, value)
            if value != "null" or name not in filled_in:
                sent = parsed(json.loads(value, parse_float=float), schema)
                assert parsed(json.loads(read.body)[name], schema) == sent, (name, value)
        assert accepted or not values or name in LISTED, name
    before = state()
    for name, value, any_of, target in refused:
        assert send(name, value, any_of, target).status in {409, 422}, (name, value)
    assert state() == before
    if operation.method == "POST":
        assert connection.request("GET", f"{operation.path}?limit=200", headers).status == 200
