"""Faults: single errors in a request, and the codes that they can have."""

from dataclasses import dataclass, replace
from typing import Literal, Self

FaultCode = Literal[
    "answers-mismatch",
    "both-or-neither",
    "bool-type",
    "clinic-only",
    "collection",
    "common-password",
    "completed-only",
    "completion-required",
    "cursor",
    "date",
    "derivation-cycle",
    "dict-type",
    "dose",
    "dosing-only",
    "due-before-start",
    "duplicate-target",
    "email",
    "empty-check-in",
    "empty-outcome",
    "end-out-of-range",
    "ends-before-start",
    "enum",
    "expected-level-required",
    "facet-mismatch",
    "flag",
    "greater-than-equal",
    "id",
    "identifier",
    "instrument-fixed",
    "int-type",
    "invalid",
    "less-than",
    "less-than-equal",
    "limit",
    "list-type",
    "literal-error",
    "locale",
    "locked",
    "meaning-required",
    "model-type",
    "object",
    "one-cadence",
    "one-of",
    "op-id-reused",
    "other-collections",
    "outcome-of-nothing",
    "parent-deleted",
    "parent-missing",
    "past",
    "pauses-out-of-order",
    "range-too-long",
    "reason-required",
    "region",
    "repeated",
    "required",
    "spans-out-of-order",
    "start-required",
    "string-pattern-mismatch",
    "string-too-long",
    "string-too-short",
    "string-type",
    "string-unicode",
    "term-required",
    "time",
    "to-before-from",
    "timezone",
    "too-long",
    "too-many-references",
    "too-short",
    "unknown-code",
    "unknown-field",
    "unknown-instrument",
    "unknown-measure",
    "unknown-parameter",
    "unknown-reference",
    "url",
    "unsupported-rule",
    "upsert-only",
]
"""Every code that a fault can have; the OpenAPI document lists them. Add the code of a new rule here."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error in the input: a JSON pointer (RFC 6901) to it, the code of the rule, and what to send instead."""

    pointer: str
    code: FaultCode
    message: str

    def at(self, pointer: str) -> Self:
        """Return the same fault with another pointer."""
        return replace(self, pointer=pointer)

    def document(self) -> dict[str, str]:
        """Return the fault as an entry of the member `errors`."""
        return {"pointer": self.pointer, "code": self.code, "message": self.message}
