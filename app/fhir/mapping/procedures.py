"""Procedure: a session, without its medicine.

A Procedure writes the kind, the status, the times, the setting and the supervision of a session. It has an extension for what
FHIR has no element for: the time zone, and the planned start once the session has started.
"""

from typing import Any, Final

from app.db import Row
from app.fhir.mapping import parts
from app.openapi import Json

STATUSES: Final = {
    "preparation": "planned",
    "in-progress": "in-progress",
    "not-done": "not-done",
    "stopped": "stopped",
    "completed": "completed",
    "entered-in-error": "entered-in-error",
}
"""Our status of each status of a Procedure. Those that are missing here have no meaning for a session."""
VALUE_SET: Final = frozenset({*STATUSES, "on-hold", "unknown"})
FIELDS: Final = (
    "kind",
    "status",
    "status_reason",
    "scheduled_at",
    "started_at",
    "ended_at",
    "timezone",
    "setting",
    "supervision",
)
"""The fields of a session that a Procedure writes."""
_CODES: Final = {ours: theirs for theirs, ours in STATUSES.items()}
_KIND: Final = f"{parts.OURS}session-kind"
_DOSING: Final = "24642003"
_COUNSELING: Final = "409063005"
_CONCEPTS: Final = {
    kind: (
        parts.coded(parts.SNOMED, _DOSING if kind == "dosing" else _COUNSELING),
        parts.coded(_KIND, kind, f"{kind} session".capitalize()),
    )
    for kind in ("preparation", "dosing", "integration")
}
"""The category and the code of each kind of session."""
_NOT_STARTED: Final = {"planned", "not-done", "entered-in-error"}
"""The statuses in which `performedDateTime` is the planned start."""


def encode(session: Row, patient: str) -> Json:
    """Return the Procedure of a session."""
    started, scheduled = session["started_at"], session["scheduled_at"]
    is_planned = started is None and session["status"] in _NOT_STARTED
    codes = {name: session[name] for name in ("setting", "supervision", "timezone")}
    times = {"scheduled-at": None if is_planned else scheduled}
    period = {"start": started, **parts.present(end=session["ended_at"])}
    category, code = _CONCEPTS[session["kind"]]
    return parts.resource(
        "Procedure",
        session,
        extension=[*parts.extensions("valueCode", codes), *parts.extensions("valueDateTime", times)],
        identifier=[session["identifier"]] if session["identifier"] else [],
        status=_CODES[session["status"]],
        statusReason=parts.text(session["status_reason"]),
        category=category,
        code=code,
        subject=parts.reference("Patient", patient),
        performedPeriod=None if started is None else period,
        performedDateTime=scheduled if is_planned else None,
        note=parts.notes(session["notes"]),
    )


def decode(procedure: Json) -> Row:
    """Return the values of the fields that a Procedure writes, as a client of our own API would send them.

    A time zone that is absent is not set. A status that has no meaning for a session stays as it is, and is then refused.
    """
    status = STATUSES.get(procedure["status"], procedure["status"])
    period, moment = procedure.get("performedPeriod", {}), procedure.get("performedDateTime")
    started = period.get("start") if status in _NOT_STARTED else period.get("start", moment)
    fields: dict[str, Any] = {
        "kind": _kind(procedure),
        "status": status,
        "status_reason": parts.said(procedure.get("statusReason")),
        "scheduled_at": parts.extension_of(procedure, "scheduled-at") or (moment if status in _NOT_STARTED else None),
        "started_at": started,
        "ended_at": period.get("end"),
        "setting": parts.extension_of(procedure, "setting"),
        "supervision": parts.extension_of(procedure, "supervision"),
    }
    timezone = parts.extension_of(procedure, "timezone")
    return fields if timezone is None else fields | {"timezone": timezone}


def _kind(procedure: Json) -> str:
    """Return the kind of session: that of our own code, else that of the category, else dosing.

    The category of counseling does not say whether it is a preparation or an integration; the empty kind is refused.
    """
    own = parts.code_of(procedure.get("code"), _KIND)
    if own is not None:
        return own
    return "" if parts.code_of(procedure.get("category"), parts.SNOMED) == _COUNSELING else "dosing"
