"""Rules: the checks that a record must pass before it is written, from every entry point.

A kind's `settle` completes a record and yields the faults that the kind's own rules find. The rules of all kinds are
here. All faults of fields and references are reported together (422). Without such faults, a status that cannot be
reached is reported (409).
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Final

from app.db import Row
from app.problems import DerivationCycle, Fault, Invalid, InvalidTransition, Problem, UnknownReference
from app.records.resource import Resource
from app.records.view import View


def settled(view: View, resource: Resource, values: Row, before: Row | None) -> tuple[Row, list[Fault]]:
    """Run the kind's `settle`; return the completed fields, and the faults that it yields."""
    record = SimpleNamespace(**values)
    earlier = None if before is None else SimpleNamespace(**before)
    faults = list(resource.settle(record, earlier, view))
    return vars(record), faults


def differing(resource: Resource, before: Row, after: Row) -> list[str]:
    """Return the names of the fields whose values differ between two rows of a record."""
    return [name for name in resource.field_names if after[name] != before[name]]


def unknown_reference(field: str) -> Fault:
    """Return the fault of a reference to a record that does not exist."""
    return UnknownReference.fault.at(f"/{field}")


def too_many_references(field: str, limit: int) -> Fault:
    """Return the fault of a reference to a record that already has the maximum number of references."""
    return Fault(f"/{field}", "too-many-references", f"{limit} records refer to this record, which is the maximum.")


def nulled(field: str) -> Fault:
    """Return the warning that a reference was set to null because its target was removed."""
    return Fault(
        f"/{field}", "parent-deleted", "The record that this field referred to was removed; the field is now null."
    )


def about_nothing(resource: Resource, record: Row) -> list[Fault]:
    """Return the fault of a new record that needs one of the references in `Resource.about` and has none."""
    if any(record[name] for name in resource.about):
        return []
    message = f"Send at least one of {', '.join(resource.about)}: {resource.one} must be about another record."
    return [Fault(f"/{resource.about[0]}", "outcome-of-nothing", message)]


def derivation_cycle(field: str) -> Fault:
    """Return the fault of a reference that makes a record its own ancestor."""
    return DerivationCycle.fault.at(f"/{field}")


def problem_of(faults: Iterable[Fault]) -> Problem | None:
    """Return the problem with these faults; None if there are no faults.

    The problem is `UnknownReference` or `DerivationCycle` if all faults have its code; otherwise it is `Invalid`.
    """
    found = [*faults]
    if not found:
        return None
    codes = {fault.code for fault in found}
    kind = next((each for each in (UnknownReference, DerivationCycle) if codes == {each.code}), Invalid)
    return kind(*found)


def claims_clinic(resource: Resource, before: Row | None, after: Row) -> bool:
    """Return whether a change sets `clinic_id` to a clinic. Only the clinic itself may do this."""
    clinic_id = after["clinic_id"] if resource.clinical else None
    return clinic_id is not None and (before is None or before["clinic_id"] != clinic_id)


CLINIC_ONLY: Final = Fault(
    "/clinic_id", "clinic-only", "Only null can be set: it detaches the session from its clinic."
)


def transition_problem(resource: Resource, before: Row, after: Row, *, stepwise: bool) -> Problem | None:
    """Return the problem if the status in `before` cannot change to the status in `after`; None if it can.

    If `stepwise`, the change must be one transition; otherwise it may be several.
    """
    if resource.transitions is None or before["status"] == after["status"]:
        return None
    allowed = resource.transitions.get(before["status"], frozenset()) if stepwise else reachable(resource, before)
    return None if after["status"] in allowed else InvalidTransition(allowed=sorted(allowed))


def reachable(resource: Resource, row: Row) -> frozenset[str]:
    """Return the statuses that a record can reach from its current status by one or more transitions.

    A device that was offline sends several changes of a status as one.
    """
    transitions = resource.transitions or {}
    found: frozenset[str] = frozenset()
    ahead = transitions.get(row["status"], frozenset())
    while ahead - found:
        found |= ahead
        ahead = frozenset().union(*(transitions.get(status, frozenset()) for status in ahead))
    return found - {row["status"]}
