"""The parameters of a request that starts a bulk export: from its query, and from a Parameters resource in its body."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from app import json_strict
from app.clinics import scopes
from app.clinics.calls import ClientCaller
from app.fhir import dates, validation
from app.fhir.calls import check_scope
from app.fhir.dialect import JSON_TYPES
from app.fhir.searching import Pairs, check_format, patient_id, unknown
from app.fhir.types import TYPES
from app.http.bodies import BodyDependency
from app.http.reading import check_media_type, read_all
from app.ids import is_id, make_id
from app.openapi import Json
from app.problems import Fault, InsufficientScope, InvalidParameter, InvalidResource

MAX_PATIENTS: Final = 500
"""The maximum number of patients that a request can name."""
_IGNORED: Final = frozenset({"_format", "_pretty"})
_ONCE: Final = frozenset({"_since", "_outputFormat"})
_FORMATS: Final = frozenset({"ndjson", "application/ndjson", "application/fhir+ndjson", "application/fhir ndjson"})
"""The accepted names of the file format.

One has a space, because a `+` that is not percent-encoded means a space in a query.
"""
_KNOWN: Final = ("_type", "_since", "_outputFormat", "patient")
_ADVICE: Final = {
    "_type": "Send types that GET /fhir/metadata lists, separated by commas.",
    "_since": "Send a date or a time, such as the transactionTime of the last export.",
    "_outputFormat": "Send application/fhir+ndjson.",
    "patient": f"Send at most {MAX_PATIENTS} references, such as Patient/{{id}}.",
}


@dataclass(slots=True)
class ExportRequest:
    """What a client wants to export: the resources of these `types` and `patients` that have changed since `since`.

    If `since` is None, resources are exported whenever they changed. If `patients` is None, those of all patients are
    exported. `applied` are the parameters of the query that were not ignored.
    """

    types: list[str] = field(default_factory=list)
    since: datetime | None = None
    patients: set[UUID] | None = None
    applied: list[tuple[str, str]] = field(default_factory=list)


class ParametersBody(BodyDependency):
    """A dependency that returns the parameters from a Parameters resource in the body, or none if there is no body."""

    async def __call__(self, request: Request) -> Pairs:
        """Return the name and value of each parameter.

        Raise `UnsupportedMediaType` or `MalformedBody`, `InvalidResource` if the body is not valid FHIR, and `Invalid`
        if it is a resource of another type.
        """
        body = await read_all(request)
        if not body:
            return []
        check_media_type(request, JSON_TYPES)
        resource: Any = json_strict.parse(body)
        if not isinstance(resource, dict):
            raise InvalidResource(Fault("", "object", "Send a JSON object."))
        validation.check(resource, "Parameters")
        return [(each["name"], _value_of(each)) for each in resource.get("parameter", ())]


Parameters = Annotated[Pairs, Depends(ParametersBody())]


def _value_of(parameter: Json) -> str:
    """Return the value of a parameter: a string, or the `reference` of a Reference; for other types an empty string."""
    value = next((value for name, value in parameter.items() if name.startswith("value")), None)
    if isinstance(value, dict):
        value = value.get("reference")
    return value if isinstance(value, str) else ""


def read(call: ClientCaller, query: Pairs, sent: Pairs, *, lenient: bool) -> ExportRequest:
    """Return the export that the parameters in the `query` and in the body (`sent`) describe.

    With `lenient`, ignore unknown parameters and unknown types; otherwise raise `InvalidParameter` for them. Raise
    `InvalidParameter` for invalid values, `NotAcceptable` if `_format` is not JSON, and `InsufficientScope` if the
    token does not allow searching the types of the export.
    """
    check_format(query)
    wanted, faults, seen = ExportRequest(), list[Fault](), set[str]()
    for name, value in (*query, *sent):
        if name not in _KNOWN:
            faults += [] if lenient or name in _IGNORED else [unknown(name, "operation")]
            continue
        if name in seen & _ONCE:
            faults.append(Fault(f"/{name}", "repeated", "Send this parameter once."))
            continue
        seen.add(name)
        try:
            _apply(wanted, name, value, lenient=lenient)
        except ValueError:
            faults.append(Fault(f"/{name}", "invalid", _ADVICE[name]))
    if faults:
        raise InvalidParameter(*faults, known=[*_KNOWN])
    wanted.applied = [(name, value) for name, value in query if name in _KNOWN]
    wanted.types = _allowed(call, wanted.types, names_some="_type" in seen)
    return wanted


def _apply(wanted: ExportRequest, name: str, value: str, *, lenient: bool) -> None:
    """Apply a query parameter to the requested export, `wanted`; raise `ValueError` if its value is not valid."""
    if name == "_since":
        wanted.since = _instant(value)
    elif name == "_outputFormat":
        if value not in _FORMATS:
            raise ValueError
    elif name == "_type":
        names = value.split(",")
        if not lenient and not {*names} <= {*TYPES}:
            raise ValueError
        wanted.types += [each for each in names if each in TYPES]
    else:
        ids = [patient_id(each) for each in value.split(",")]
        if not all(ids):
            raise ValueError
        wanted.patients = (wanted.patients or set()) | {make_id(each) for each in ids if is_id(each)}
        if len(wanted.patients) > MAX_PATIENTS:
            raise ValueError


def _instant(value: str) -> datetime:
    """Return the instant at which a date or a time begins; raise `ValueError` if it is neither."""
    if not value[:1].isdigit():  # `parse` would accept a prefix, such as `ge`
        raise ValueError
    return dates.parse(value).start


def _allowed(call: ClientCaller, types: list[str], *, names_some: bool) -> list[str]:
    """Return the types of an export, each once: the named types, or all types that the token allows searching.

    Raise `InsufficientScope` if the token does not allow searching one of the named types. If no type is named, raise
    it if the token allows searching no type at all.
    """
    if names_some:
        for name in types:
            check_scope(call, name, "s")
        return [name for name in TYPES if name in types]
    granted = scopes.parse(call.scope)
    found = [name for name in TYPES if "s" in granted.get(name, "")]
    if not found:
        raise InsufficientScope.needing("system/Patient.s")
    return found
