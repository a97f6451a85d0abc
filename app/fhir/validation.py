"""Validation of resources by fhirkit-rs, which is imported when the first resource arrives.

A message of fhirkit-rs may repeat the input, and the input may be private. So only messages of known forms are shown.
"""

import re
from typing import Final

from app.openapi import Json
from app.problems import Fault, FaultCode, Invalid, InvalidResource

_step: Final = re.compile(r"[A-Za-z]{1,40}(?:\[\d+\])?|\[\d+\]").fullmatch
_quoted: Final = re.compile(r'^".*" is ', re.DOTALL)
_plain: Final = re.compile(
    r"required element missing|only one type may be given, found [A-Za-z, ]+|the key appears more than once"
    r"|expected an? [a-z ]+, found (?:an?|null)[a-z ]*|(?:null|an empty [A-Za-z0-9]+) is not allowed; leave the element out"
    r"|not a valid [A-Za-z0-9]+"
).fullmatch
_UNKNOWN: Final = "unknown element"
_OTHER: Final = "This is not valid in FHIR R4"


def check(resource: Json, kind: str) -> None:
    """Raise `InvalidResource` if a resource is not valid FHIR, or `Invalid` if its type is not `kind`."""
    faults = faults_of(resource, kind)
    if not faults and resource["resourceType"] != kind:
        raise Invalid(Fault("/resourceType", "enum", f"Send a resource of the type {kind} here."))
    if faults:
        raise InvalidResource(*faults)


def faults_of(resource: Json, kind: str) -> list[Fault]:
    """Return the errors in a resource as faults. The pointer of a fault starts with `kind`, the expected type."""
    from fhirkit import validate  # noqa: PLC0415 - most servers never get a FHIR resource (decision 065)

    try:
        issues = validate(resource)
    except ValueError:  # a number that JSON does not allow, or nesting that is too deep
        return [Fault("", "invalid", f"{_OTHER}.")]
    return [_fault(kind, each.path, each.message) for each in issues if each.severity == "error"]


def _fault(kind: str, path: str, message: str) -> Fault:
    steps = [kind, *path.split(".")[1:]]  # instead of the type that was sent, which the path starts with
    known = next((number for number, each in enumerate(steps) if not _step(each)), len(steps))
    pointer = "".join(f"/{each}" for each in steps[:known])
    if message == _UNKNOWN:
        return Fault(pointer, "unknown-field", "FHIR R4 does not define this element here.")
    shown = _quoted.sub("", message)
    code: FaultCode = "required" if shown == "required element missing" else "invalid"
    return Fault(pointer, code, f"{shown[0].upper()}{shown[1:]}." if _plain(shown) else f"{_OTHER}.")
