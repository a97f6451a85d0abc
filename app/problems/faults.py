"""Faults: single errors in a request, and the codes that they can have."""

from dataclasses import dataclass, replace
from typing import Literal, Self

FaultCode = Literal[
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
    "end-out-of-range",
    "enum",
    "facet-mismatch",
    "flag",
    "greater-than-equal",
    "id",
    "identifier",
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
    "one-of",
    "op-id-reused",
    "other-collections",
    "parent-deleted",
    "parent-missing",
    "past",
    "reason-required",
    "repeated",
    "required",
    "start-required",
    "string-pattern-mismatch",
    "string-too-long",
    "string-too-short",
    "string-type",
    "string-unicode",
    "time",
    "timezone",
    "too-long",
    "unknown-code",
    "unknown-field",
    "unknown-parameter",
    "unknown-reference",
    "upsert-only",
]
"""Every code that a fault can have. A rule with a code of its own adds it here; the document lists them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error in the input: a JSON pointer to it (RFC 6901), the code of the rule, and what to send instead."""

    pointer: str
    code: FaultCode
    message: str

    def at(self, pointer: str) -> Self:
        """Return the same fault with another pointer."""
        return replace(self, pointer=pointer)

    def document(self) -> dict[str, str]:
        """Return the fault as an entry of the member `errors`."""
        return {"pointer": self.pointer, "code": self.code, "message": self.message}
