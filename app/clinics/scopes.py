"""Scopes of SMART App Launch 2.2: `system/Patient.crus` says what a client may do with resources of one type.

The letters stand for create, read, update, delete and search. The forms of version 1 (`.read`, `.write`, `.*`), and `*`
as the type, are accepted, but never granted as such: they are replaced by the supported or registered scopes that they
include.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

SUPPORTED: Final[Mapping[str, str]] = {
    "Patient": "crus",
    "Procedure": "crus",
    "MedicationAdministration": "crus",
    "Observation": "rs",
    "Goal": "rs",
    "Task": "rs",
    "DocumentReference": "rs",
    "QuestionnaireResponse": "rs",
    "Consent": "rs",
    "Subscription": "cruds",
}
"""The resource types, each with the letters that can be registered for a client."""
LETTERS: Final = "cruds"
_VERSION_1: Final = {"read": "rs", "write": "cud", "*": LETTERS}
_scope = re.compile(r"system/(\*|[A-Za-z]+)\.(\*|read|write|(?=[cruds])c?r?u?d?s?)").fullmatch
_token = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+").fullmatch  # RFC 6749, 3.3

Scopes = dict[str, str]
"""The letters of each resource type, in the order of `SUPPORTED`. Types without letters are absent."""


class ScopeError(ValueError):
    """A list of scopes is malformed, or contains one that cannot be registered. The message says which, and why."""


def registered(text: str) -> Scopes:
    """Return the scopes in the text with which an operator registers a client.

    Of a scope for all resource types (`*`), and of one in the form of SMART version 1 (such as `system/Patient.read`),
    keep the part that is supported. Raise `ScopeError` if a scope is malformed, or if another scope is not supported.
    """
    wanted: list[tuple[str, str]] = []
    for scope in text.split():
        kind, letters, is_exact = _read(scope)
        if kind != "*" and kind not in SUPPORTED:
            message = f"the scope {scope} names an unknown resource type: use {', '.join(SUPPORTED)} or *"
            raise ScopeError(message)
        if kind != "*" and is_exact and set(letters) - set(SUPPORTED[kind]):
            message = f"the scope {scope} goes beyond what is supported: system/{kind}.{SUPPORTED[kind]}"
            raise ScopeError(message)
        wanted.append((kind, letters))
    found = _within(SUPPORTED, wanted)
    if not found:
        message = "no scope: give at least one, such as system/Patient.crus"
        raise ScopeError(message)
    return found


def granted(client: Scopes, requested: str) -> Scopes:
    """Return the requested scopes that are registered for the client. Raise `ScopeError` if the list is malformed.

    Types, letters and whole scopes beyond the registered ones are dropped, so the result may be empty.
    """
    wanted: list[tuple[str, str]] = []
    for scope in requested.split(" "):
        if not _token(scope):
            raise ScopeError(requested)
        try:
            kind, letters, _ = _read(scope)
        except ScopeError:
            continue  # not a `system/` scope: dropped
        wanted.append((kind, letters))
    return _within(client, wanted)


def parse(text: str) -> Scopes:
    """Return the scopes in a text that `render` returned."""
    return {kind: letters for kind, _, letters in (scope[7:].partition(".") for scope in text.split())}


def render(scopes: Mapping[str, str]) -> str:
    """Return scopes as one text, separated by spaces."""
    return " ".join(f"system/{kind}.{letters}" for kind, letters in scopes.items())


def _read(scope: str) -> tuple[str, str, bool]:
    """Return the type and the letters of a scope, and whether the scope lists the letters instead of using version 1.

    Raise `ScopeError` if the scope is malformed.
    """
    found = _scope(scope)
    if found is None:
        message = f"{scope!a} is not a scope: write system/TYPE.LETTERS with letters of {LETTERS} in this order"
        raise ScopeError(message)
    kind, letters = found[1], found[2]
    return kind, _VERSION_1.get(letters, letters), letters not in _VERSION_1


def _within(limit: Mapping[str, str], wanted: Iterable[tuple[str, str]]) -> Scopes:
    """Return the types and letters that are both in `wanted` and in `limit`, in the order of `limit`."""
    letters: dict[str, set[str]] = {}
    for kind, some in wanted:
        for name in limit if kind == "*" else [kind]:
            letters.setdefault(name, set()).update(some)
    found = {
        kind: "".join(letter for letter in allowed if letter in letters.get(kind, ()))
        for kind, allowed in limit.items()
    }
    return {kind: some for kind, some in found.items() if some}
