"""Rules: what must hold for a record before it is written, from every entry point.

A kind's `settle` completes a record and yields its faults; here are the rules that all kinds share. All faults are
reported at once: first those of fields and references (422), then a status that cannot be reached (409).
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Final

from app.db import Row
from app.problems import DerivationCycle, Fault, Invalid, InvalidTransition, Problem, UnknownReference
from app.records.resource import Resource
from app.records.view import View


def settled(view: View, resource: Resource, values: Row, before: Row | None) -> tuple[Row, list[Fault]]:
    """Return the fields as the kind's rules complete them, and the faults that the rules find."""
    record = SimpleNamespace(**values)
    earlier = None if before is None else SimpleNamespace(**before)
    faults = list(resource.settle(record, earlier, view))
    return vars(record), faults


def differing(resource: Resource, before: Row, after: Row) -> list[str]:
    """Return the names of the fields whose values differ."""
    return [name for name in resource.field_names if after[name] != before[name]]


def unknown_reference(field: str) -> Fault:
    """Return the fault of a reference to a record that does not exist."""
    return UnknownReference.fault.at(f"/{field}")


def too_many_references(field: str, limit: int) -> Fault:
    """Return the fault of a reference to a record that has as many references as it may have."""
    return Fault(f"/{field}", "too-many-references", f"{limit} records refer to this one already, and no more may.")


def nulled(field: str) -> Fault:
    """Return the warning that a reference was set to null because its target was removed."""
    return Fault(
        f"/{field}", "parent-deleted", "The record that this field referred to was removed; the field is now null."
    )


def about_nothing(resource: Resource, record: Row) -> list[Fault]:
    """Return the fault of a new record that must be about another one, and refers to none."""
    if not resource.about or any(record[name] for name in resource.about):
        return []
    message = f"Send one of {', '.join(resource.about)}: what {resource.one} is of."
    return [Fault(f"/{resource.about[0]}", "outcome-of-nothing", message)]


def derivation_cycle(field: str) -> Fault:
    """Return the fault of a reference that makes a record its own ancestor."""
    return DerivationCycle.fault.at(f"/{field}")


def problem_of(faults: Iterable[Fault]) -> Problem | None:
    """Return the problem with these faults, or None without faults. If all faults have the same cause, it is a specific one."""
    found = [*faults]
    if not found:
        return None
    codes = {fault.code for fault in found}
    kind = next((each for each in (UnknownReference, DerivationCycle) if codes == {each.code}), Invalid)
    return kind(*found)


def claims_clinic(resource: Resource, before: Row | None, after: Row) -> bool:
    """Return whether a change sets `clinic_id` to a clinic, which only this clinic itself may do."""
    clinic_id = after["clinic_id"] if resource.clinical else None
    return clinic_id is not None and (before is None or before["clinic_id"] != clinic_id)


CLINIC_ONLY: Final = Fault(
    "/clinic_id", "clinic-only", "Only null can be set: it detaches the session from its clinic."
)


def transition_problem(resource: Resource, before: Row, after: Row, *, stepwise: bool) -> Problem | None:
    """Return the problem if the status cannot change from that in `before` to that in `after`; None if it can.

    If `stepwise`, the change must be one transition; otherwise it may be several.
    """
    if resource.transitions is None or before["status"] == after["status"]:
        return None
    allowed = resource.transitions.get(before["status"], frozenset()) if stepwise else reachable(resource, before)
    return None if after["status"] in allowed else InvalidTransition(allowed=sorted(allowed))


def reachable(resource: Resource, row: Row) -> frozenset[str]:
    """Return the statuses that one or more transitions can reach from that of a record.

    A device that was offline sends several changes of a status as one.
    """
    transitions = resource.transitions or {}
    found: frozenset[str] = frozenset()
    ahead = transitions.get(row["status"], frozenset())
    while ahead - found:
        found |= ahead
        ahead = frozenset().union(*(transitions.get(status, frozenset()) for status in ahead))
    return found - {row["status"]}
