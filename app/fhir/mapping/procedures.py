"""The FHIR resource Procedure: a session, without its medicine.

An incoming Procedure sets these fields of a session: the kind, the status and its reason, the times, the time zone, the
setting and the supervision. A returned Procedure also contains the notes. FHIR has no elements for the setting, the
supervision, the time zone, and the planned start of a session that has started: each is one of our own extensions.
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
"""The status of the session for each status of a Procedure. FHIR has other statuses, which no session can have."""
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
"""The fields of a session that an incoming Procedure sets."""
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
"""The `category` and the `code` of a Procedure, by the kind of the session."""
_EXTENSIONS: Final = [(name, parts.OURS + name) for name in ("setting", "supervision", "timezone")]
_SCHEDULED_AT: Final = f"{parts.OURS}scheduled-at"
_NOT_STARTED: Final = {"planned", "not-done", "entered-in-error"}
"""The statuses of a session with which the Procedure's `performedDateTime` is the planned start."""


def encode(session: Row, patient: str) -> Json:
    """Return the FHIR Procedure for a session."""
    started, scheduled = session["started_at"], session["scheduled_at"]
    is_planned = started is None and session["status"] in _NOT_STARTED
    extensions = [{"url": url, "valueCode": session[name]} for name, url in _EXTENSIONS if session[name] is not None]
    if scheduled is not None and not is_planned:
        extensions.append({"url": _SCHEDULED_AT, "valueDateTime": scheduled})
    ended = session["ended_at"]
    category, code = _CONCEPTS[session["kind"]]
    return parts.resource(
        "Procedure",
        session,
        extension=extensions,
        identifier=[session["identifier"]] if session["identifier"] else [],
        status=_CODES[session["status"]],
        statusReason=parts.text(session["status_reason"]),
        category=category,
        code=code,
        subject=parts.reference("Patient", patient),
        performedPeriod=started and ({"start": started, "end": ended} if ended else {"start": started}),
        performedDateTime=scheduled if is_planned else None,
        note=parts.notes(session["notes"]),
    )


def decode(procedure: Json) -> Row:
    """Return the fields of a session that an incoming Procedure sets, as a clinic's push would contain them.

    The values are not validated. If the Procedure has no time zone, leave out `timezone`, so that the session keeps the
    one that it has. Return a status that no session can have unchanged, so that validation refuses it.
    """
    status = STATUSES.get(procedure["status"], procedure["status"])
    period, moment = procedure.get("performedPeriod", {}), procedure.get("performedDateTime")
    started = period.get("start") if status in _NOT_STARTED else period.get("start", moment)
    fields: dict[str, Any] = {
        "kind": _kind(procedure),
        "status": status,
        "status_reason": parts.concept_text(procedure.get("statusReason")),
        "scheduled_at": parts.extension_of(procedure, "scheduled-at") or (moment if status in _NOT_STARTED else None),
        "started_at": started,
        "ended_at": period.get("end"),
        "setting": parts.extension_of(procedure, "setting"),
        "supervision": parts.extension_of(procedure, "supervision"),
    }
    timezone = parts.extension_of(procedure, "timezone")
    return fields if timezone is None else fields | {"timezone": timezone}


def _kind(procedure: Json) -> str:
    """Return the kind of session that the Procedure's code in our own code system names; without such a code, `dosing`.

    But the category counseling stands for both preparation and integration. If the Procedure has this category and no
    code of our own, return an empty text, which validation refuses.
    """
    own = parts.code_of(procedure.get("code"), _KIND)
    if own is not None:
        return own
    return "" if parts.code_of(procedure.get("category"), parts.SNOMED) == _COUNSELING else "dosing"
