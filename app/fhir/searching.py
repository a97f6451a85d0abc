"""Search parameters: their names, and the conditions that they set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from app.fhir.dates import ALWAYS, Interval, parse
from app.fhir.types import FhirType
from app.ids import is_id, make_id
from app.problems import Fault, InvalidParameter, NotAcceptable

MAX_COUNT: Final = 200
DEFAULT_COUNT: Final = 50
T = TypeVar("T")
Pairs = Sequence[tuple[str, str]]
"""The name and value of each parameter, in the order in which they were sent."""
COMMON: Final = {"_id": "id", "_lastUpdated": "updated"}
"""The search parameters that every resource type has. Each is mapped to its criterion, which says what it is compared
with.
"""
IGNORED: Final = frozenset({"_format", "_pretty", "_total", "_totalMethod", "_summary", "_elements", "_sort"})
_JSON: Final = frozenset({"json", "application/json", "application/fhir+json", "text/json", "application/fhir json"})
_ONCE: Final = frozenset({"_count", "_cursor"})
_count: Final = re.compile(r"\d{1,9}", re.ASCII).fullmatch
_patient: Final = re.compile(r"(?:\S*/)?Patient/([^/]+)|([^/]+)").fullmatch


@dataclass(slots=True)
class Search:
    """A search: its conditions, and the page that the client wants. A condition that is None was not sent.

    `count` is the maximum number of resources in the page, and `cursor` is where the page starts. `applied` are the
    parameters that set conditions, as they were sent. `codes` are the FHIR codes of the wanted statuses, and `statuses`
    are the statuses of our records that these codes stand for.
    """

    count: int = DEFAULT_COUNT
    cursor: str | None = None
    applied: list[tuple[str, str]] = field(default_factory=list)
    ids: set[UUID] | None = None
    patients: set[UUID] | None = None
    codes: set[str] | None = None
    statuses: set[str] = field(default_factory=set)
    identifiers: set[tuple[str | None, str]] | None = None
    updated: Interval = ALWAYS
    date: Interval = ALWAYS
    has_date: bool = False

    @property
    def filters(self) -> frozenset[str]:
        """The names of the conditions that were sent."""
        sets = {name for name in ("ids", "patients", "codes", "identifiers") if getattr(self, name) is not None}
        intervals = {"date": self.has_date, "updated": self.updated != ALWAYS}
        return frozenset(sets | {name for name, is_sent in intervals.items() if is_sent})

    @property
    def values(self) -> dict[str, Any]:
        """The values of the conditions, by the names of the bind parameters of the statements."""
        named = self.identifiers or set()
        return {
            "ids": [*(self.ids or ())],
            "patients": [*(self.patients or ())],
            "codes": [*(self.codes or ())],
            "statuses": [*self.statuses],
            "tokens": [f"{system}|{value}" for system, value in named if system is not None],
            "bare_values": [value for system, value in named if system is None],
            "some_values": [value for _, value in named],
            "updated_from": self.updated.start,
            "updated_before": self.updated.end,
            "date_from": self.date.start,
            "date_before": self.date.end,
        }

    def query(self, **more: str) -> str:
        """Return the query string of this search: its applied parameters, `_count`, and the parameters `more`."""
        return urlencode([*self.applied, ("_count", str(self.count)), *more.items()])


def read(kind: FhirType, pairs: Pairs, *, lenient: bool) -> Search:
    """Return the search that the parameters describe. With `lenient`, ignore unknown parameters.

    Raise `InvalidParameter` for unknown or invalid parameters, and `NotAcceptable` if `_format` is not JSON.
    """
    search = Search()
    known = {**COMMON, **kind.parameters}
    faults: list[Fault] = []
    seen: set[str] = set()
    check_format(pairs)
    for name, value in pairs:
        if name in IGNORED:
            continue
        if name in _ONCE and name in seen:
            faults.append(Fault(f"/{name}", "repeated", "Send this parameter once."))
            continue
        seen.add(name)
        try:
            if name in known:
                _apply(kind, search, known[name], value)
                search.applied.append((name, value))
            elif name == "_count":
                search.count = _read_count(value)
            elif name == "_cursor":
                search.cursor = value
            elif not lenient:
                faults.append(unknown(name))
        except ValueError:
            faults.append(Fault(f"/{name}", "invalid", _ADVICE[known.get(name, "count")]))
    if faults:
        raise InvalidParameter(*faults, known=[*known, *_ONCE])
    return search


def check_only_format(pairs: Pairs, *allowed: str) -> None:
    """Raise `InvalidParameter`, with a fault for each parameter that is neither in `IGNORED` nor in `allowed`.

    Raise `NotAcceptable` if `_format` is not JSON.
    """
    check_format(pairs)
    faults = [unknown(name) for name, _ in pairs if name not in IGNORED and name not in allowed]
    if faults:
        raise InvalidParameter(*faults)


def check_format(pairs: Pairs) -> None:
    """Raise `NotAcceptable` if the parameter `_format` names a format other than JSON."""
    if any(name == "_format" and value.partition(";")[0].strip() not in _JSON for name, value in pairs):
        raise NotAcceptable


_plain: Final = re.compile("[A-Za-z_-]{1,40}").fullmatch
_ADVICE: Final = {
    "id": "Send an id, or several separated by commas.",
    "updated": "Send a date or a time, optionally with the prefix eq, ge, gt, le or lt.",
    "date": "Send a date or a time, optionally with the prefix eq, ge, gt, le or lt.",
    "identifier": "Send an identifier as system|value, or only its value.",
    "patient": "Send an id, or a reference such as Patient/{id}.",
    "status": "Send a code, or several separated by commas.",
    "count": "Send a number from 0 to 200.",
}


def unknown(name: str, of: str = "type") -> Fault:
    """Return the fault of an unknown parameter. `of` says what lacks the parameter: a `type` or an `operation`.

    The fault contains the name only if it consists of letters, `_` and `-`: any other input may be private.
    """
    pointer = f"/{name}" if _plain(name) else ""
    return Fault(pointer, "unknown-parameter", f"This {of} does not have this parameter.")


def _apply(kind: FhirType, search: Search, by: str, value: str) -> None:
    """Add the condition that a parameter with the criterion `by` sets to a search.

    Values separated by commas are alternatives; a date must be one value. Raise `ValueError` if the value is not valid.
    """
    if by == "updated":
        search.updated = search.updated.within(parse(value))
        return
    if by == "date":
        search.date, search.has_date = search.date.within(parse(value)), True
        return
    values = value.split(",")
    if "" in values:
        raise ValueError
    if by == "id":
        search.ids = _within(search.ids, {make_id(each) for each in values if is_id(each)})
    elif by == "patient":
        search.patients = _within(search.patients, {make_id(each) for each in map(patient_id, values) if is_id(each)})
    elif by == "identifier":
        search.identifiers = _within(search.identifiers, {read_identifier(each) for each in values})
    else:
        search.codes = _within(search.codes, {each.rpartition("|")[2] for each in values})
        ours = (source.statuses.get(code) for source in kind.sources for code in search.codes)
        search.statuses = {each for each in ours if each is not None}


def patient_id(text: str) -> str:
    """Return the id in a reference to a patient: an id, `Patient/{id}`, or a URL that ends with `/Patient/{id}`.

    Return an empty text if it is none of these.
    """
    found = _patient(text)
    return "" if found is None else found[1] or found[2]


def read_identifier(text: str) -> tuple[str | None, str]:
    """Return the system and the value of an identifier. Without a system in the text, it is None: any system matches.

    Raise `ValueError` if the value is empty.
    """
    system, bar, value = text.partition("|")
    if not (value if bar else system):
        raise ValueError
    return (system, value) if bar else (None, system)


def _within(before: set[T] | None, found: set[T]) -> set[T]:
    """Return the values that are in `found` and in `before`, the values of earlier parameters with the same criterion.

    If `before` is None, there were no such parameters: return `found`.
    """
    return found if before is None else before & found


def _read_count(value: str) -> int:
    if not _count(value):
        raise ValueError
    return min(int(value), MAX_COUNT)
