"""Rules: what holds for a record before it is written, by whichever door it came.

A room's `settle` completes a record and says what is wrong with it; here are the rules that every kind shares. All that
is wrong is told at once: first what the fields and the references break (422), then where a status cannot go (409).
"""

from collections.abc import Iterable
from types import SimpleNamespace

from app.db import Row
from app.problems import DerivationCycle, Fault, Invalid, InvalidTransition, Problem, UnknownReference
from app.records.resource import Resource
from app.records.view import View


def settled(view: View, resource: Resource, values: Row, before: Row | None) -> tuple[Row, list[Fault]]:
    """Return the fields as the room's rules complete them, and everything that they refuse."""
    record = SimpleNamespace(**values)
    earlier = None if before is None else SimpleNamespace(**before)
    faults = list(resource.settle(record, earlier, view))
    return vars(record), faults


def differing(resource: Resource, before: Row, after: Row) -> list[str]:
    """Return the fields whose values differ."""
    return [name for name in resource.field_names if after[name] != before[name]]


def unknown(field: str) -> Fault:
    """Say that a reference names nothing that lives."""
    return Fault(f"/{field}", UnknownReference.code, "Name a living record of your own.")


def nulled(field: str) -> Fault:
    """Say that a reference was set to null, though the rest was written."""
    return Fault(f"/{field}", "parent-deleted", "What this referred to was removed; it is null now.")


def leading_back(field: str) -> Fault:
    """Say that a reference leads back to where it comes from."""
    return Fault(f"/{field}", DerivationCycle.code, "This would lead back to the record itself.")


def broken(faults: Iterable[Fault]) -> Problem | None:
    """Return everything that is wrong, as the kind of problem that it all is, if it is all one."""
    found = [*faults]
    if not found:
        return None
    codes = {fault.code for fault in found}
    kind = next((each for each in (UnknownReference, DerivationCycle) if codes == {each.code}), Invalid)
    return kind(*found)


def cannot_move(resource: Resource, before: Row, after: Row, *, stepwise: bool) -> Problem | None:
    """Return why the status cannot go where it is sent: one step at a time, or as far as steps lead."""
    if resource.transitions is None or before["status"] == after["status"]:
        return None
    allowed = resource.transitions.get(before["status"], frozenset()) if stepwise else reachable(resource, before)
    return None if after["status"] in allowed else InvalidTransition(allowed=sorted(allowed))


def reachable(resource: Resource, row: Row) -> frozenset[str]:
    """Return the statuses to which steps lead from a record's own: those taken offline arrive as one."""
    transitions = resource.transitions or {}
    found: frozenset[str] = frozenset()
    ahead = transitions.get(row["status"], frozenset())
    while ahead - found:
        found |= ahead
        ahead = frozenset().union(*(transitions.get(status, frozenset()) for status in ahead))
    return found - {row["status"]}
