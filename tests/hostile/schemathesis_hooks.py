"""Hooks of schemathesis: which times it sends, and rules that a schema cannot express."""

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
    *("empty-check-in", "ends-before-start", "expected-level-required", "one-cadence", "pauses-out-of-order"),
    *("spans-out-of-order", "unsupported-rule"),
    *("one-of", "past", "region", "unknown-code", "repeated", "identifier", "clinic-only"),
    *("unknown-instrument", "answers-mismatch", "instrument-fixed", "outcome-of-nothing", "empty-outcome"),
    *("to-before-from", "range-too-long", "term-required", "unknown-measure"),
    "int-type",  # to a schema, 1.0 is an integer
}
"""Codes of the rules that a valid request, as the schema describes it, may still break: rules between fields or records,
and lists of names.
"""


@schemathesis.serializer("application/zip")
def send_bytes(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """Send what was generated for an archive. Random bytes are none: the response is 400 `bad-archive`."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


schemathesis.openapi.format(
    "date-time",
    strategies.datetimes(datetime(1901, 1, 1), datetime(2200, 1, 1), timezones=strategies.just(UTC)).map(  # noqa: DTZ001
        lambda moment: moment.isoformat().replace("+00:00", "Z")
    ),
)
schemathesis.openapi.format("date", strategies.dates(date(1900, 1, 1), date(2200, 12, 31)).map(date.isoformat))

ZONES = sorted(clock.timezones())
CREATED: dict[str, str] = {}
"""The newest record of each kind, by the name of the field that refers to it."""


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    """Set a known time zone in requests that are meant to be valid; in stateful sequences also a new id, and the ids of
    existing records in references: otherwise most of them would fail at the first request.
    """
    if not isinstance(case.body, dict) or not is_meant_to_be_valid(case):
        return
    zone = case.body.get("timezone")
    if isinstance(zone, str):
        case.body["timezone"] = ZONES[len(zone) % len(ZONES)]
    if case.meta is not None and case.meta.phase.name is TestPhase.STATEFUL:
        for name in [name for name in case.body if name == "id" or name.endswith("_id")]:
            case.body[name] = str(uuid4()) if name == "id" else CREATED.get(name)


@schemathesis.hook
def after_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], response: Response) -> None:
    """Keep the id of a created record for later references."""
    if response.status_code == 201:
        name = case.operation.definition.raw["operationId"].removeprefix("create_")
        CREATED[f"{name}_id"] = json.loads(response.content)["id"]


def is_meant_to_be_valid(case: schemathesis.Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.check
def valid_requests_break_only_known_rules(
    _context: CheckContext, response: Response, case: schemathesis.Case[Any]
) -> None:
    """Fail if a request that matches the schema gets a 400 or 422 for a reason that the schema could express."""
    if not is_meant_to_be_valid(case):
        return
    if response.status_code == 422:
        broken = {fault["code"] for fault in json.loads(response.content)["errors"]}
        assert broken <= RULES, f"{case.operation.label} has rules that are not documented: {broken - RULES}"
    if response.status_code == 400:
        problem = json.loads(response.content)  # an OAuth error, or a problem
        assert "error" in problem or problem["code"] in {"invalid-cursor", "bad-archive"}, response.text
