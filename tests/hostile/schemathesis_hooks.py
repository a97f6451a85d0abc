"""What schemathesis has to be told about this API: times it may send, and what a schema cannot say."""

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import schemathesis
from hypothesis import strategies
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response
from schemathesis.generation.meta import TestPhase

from app import clock

RULES = {
    *("both-or-neither", "common-password", "completed-only", "completion-required", "derivation-cycle"),
    *("dose", "dosing-only", "due-before-start", "end-out-of-range", "facet-mismatch", "meaning-required"),
    *("reason-required", "start-required", "timezone", "unknown-reference", "cursor", "collection"),
    "int-type",  # to a schema, 1.0 is an integer
}
"""Rules between fields, between records, or about names of a list that no schema holds: only these may be broken by what
the document allows.
"""

schemathesis.openapi.format(
    "date-time",
    strategies.datetimes(datetime(1901, 1, 1), datetime(2200, 1, 1), timezones=strategies.just(UTC)).map(  # noqa: DTZ001
        lambda moment: moment.isoformat().replace("+00:00", "Z")
    ),
)
schemathesis.openapi.format("date", strategies.dates(date(1900, 1, 1), date(2200, 12, 31)).map(date.isoformat))

ZONES = sorted(clock.timezones())
MADE: dict[str, str] = {}
"""The newest record of each kind, by the name of what refers to it."""


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    """Name a real time zone where a request is meant to be right, so that more of them get beyond it; and in a chain,
    which would otherwise break where it begins, an id of its own, and those of records that are there.
    """
    if not isinstance(case.body, dict) or not is_meant_to_be_right(case):
        return
    zone = case.body.get("timezone")
    if isinstance(zone, str):
        case.body["timezone"] = ZONES[len(zone) % len(ZONES)]
    if case.meta is not None and case.meta.phase.name is TestPhase.STATEFUL:
        for name in [name for name in case.body if name == "id" or name.endswith("_id")]:
            case.body[name] = str(uuid4()) if name == "id" else MADE.get(name)


@schemathesis.hook
def after_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], response: Response) -> None:
    """Remember what was made last, for others to refer to."""
    if response.status_code == 201:
        name = case.operation.definition.raw["operationId"].removeprefix("create_")
        MADE[f"{name}_id"] = json.loads(response.content)["id"]


def is_meant_to_be_right(case: schemathesis.Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.check
def only_rules_are_left_to_break(_context: CheckContext, response: Response, case: schemathesis.Case[Any]) -> None:
    """Refuse a 400 or 422 about what the schema could have said, where the request is as the schema says."""
    if not is_meant_to_be_right(case):
        return
    if response.status_code == 422:
        broken = {fault["code"] for fault in json.loads(response.content)["errors"]}
        assert broken <= RULES, f"{case.operation.label} documents less than it asks for: {broken - RULES}"
    if response.status_code == 400:
        assert json.loads(response.content)["code"] == "invalid-cursor", response.text
