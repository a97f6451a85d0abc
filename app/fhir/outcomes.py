"""OperationOutcomes, which are the FHIR resources in the body of every error response below `/fhir`."""

import re
from collections.abc import Mapping
from typing import Any, Final

from app.openapi import Json
from app.problems import Problem

_BY_STATUS: Final[Mapping[int, str]] = {
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    412: "conflict",
    413: "too-long",
    414: "too-long",
    415: "not-supported",
    421: "not-found",
    422: "business-rule",
    429: "throttled",
    431: "too-long",
    500: "exception",
    503: "transient",
    507: "no-store",
}
"""The code of an OperationOutcome's issue, by the HTTP status of the problem. For any other status, it is `invalid`."""
_BY_FAULT: Final[Mapping[str, str]] = {
    "required": "required",
    "enum": "code-invalid",
    "time": "value",
    "unknown-field": "structure",
    "unknown-parameter": "not-supported",
}
_EXPRESSIONS: Final[Mapping[str, str]] = {
    "/kind": "Procedure.code",
    "/status": "status",
    "/status_reason": "statusReason",
    "/scheduled_at": "Procedure.performed",
    "/started_at": "Procedure.performed",
    "/ended_at": "Procedure.performed",
    "/timezone": "Procedure.extension",
    "/setting": "Procedure.extension",
    "/supervision": "Procedure.extension",
    "/medicine": "MedicationAdministration.medication",
    "/route": "MedicationAdministration.dosage.route",
    "/dose_value": "MedicationAdministration.dosage.dose.value",
    "/dose_unit": "MedicationAdministration.dosage.dose.code",
}
"""The FHIRPath of the member of a resource that sets a field of a session, by the JSON pointer of this field."""
_number: Final = re.compile(r"/(\d+)(?=/|\Z)")


def outcome_of(problem: Problem, request_id: str) -> Json:
    """Return the OperationOutcome of a problem: an issue for each fault, or one issue if the problem has no faults.

    If the problem has the member `expression`, which is a FHIRPath, all issues get this path as their expression. No
    issue repeats the input.
    """
    code = _BY_STATUS.get(problem.status, "invalid")
    faults: list[Mapping[str, Any]] = problem.members.get("errors", [])
    issues = [
        _issue(_BY_FAULT.get(each["code"], code), each["message"], request_id, each["pointer"]) for each in faults
    ]
    prefix = problem.members.get("expression", "")
    found = issues or [_issue(code, problem.detail, request_id)]
    if prefix:
        for each in found:
            each["expression"] = [prefix]
    return {"resourceType": "OperationOutcome", "issue": found}


def _issue(code: str, said: str, request_id: str, pointer: str = "") -> Json:
    issue: Json = {
        "severity": "error",
        "code": code,
        "details": {"text": said},
        "diagnostics": f"request {request_id}",
    }
    return issue | {"expression": [expression_of(pointer)]} if pointer else issue


def expression_of(pointer: str) -> str:
    """Return the FHIRPath for a JSON pointer: `note[0].text` for `/note/0/text`."""
    return _EXPRESSIONS.get(pointer) or _number.sub(r"[\1]", pointer).removeprefix("/").replace("/", ".")
