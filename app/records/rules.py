"""Rules: what holds for a record before it is written, by whichever door it came.

A room's `settle` completes a record and says what is wrong with it; here are the rules that every kind shares. All that
is wrong is told at once: first what the fields and the references break (422), then where a status cannot go (409).
"""

from collections.abc import Mapping
from uuid import UUID

from app.db import Row
from app.identity import Caller
from app.problems import DerivationCycle, Fault, Invalid, InvalidTransition, UnknownReference
from app.records.access import statements
from app.records.feed import Writing
from app.records.resource import Resource


def settled(caller: Caller, resource: Resource, values: Row, before: Row | None) -> tuple[Row, list[Fault]]:
    """Return the fields as the room's rules complete them, and everything that they refuse."""
    names = resource.field_names
    record = resource.fields.model_construct(**{name: values[name] for name in names})
    earlier = None if before is None else resource.fields.model_construct(**{name: before[name] for name in names})
    faults = list(resource.settle(record, earlier, caller))
    return {name: getattr(record, name) for name in names}, faults


def differing(resource: Resource, before: Row, after: Row) -> list[str]:
    """Return the fields whose values differ."""
    return [name for name in resource.field_names if after[name] != before[name]]


def references(resource: Resource, record: Row) -> dict[str, UUID | None]:
    """Return what a record refers to, by field; a field that it does not have refers to nothing."""
    return {field: record.get(field) for field in resource.references}


def unknown(living: Row, pointed: Mapping[str, UUID | None]) -> list[Fault]:
    """Return a fault for each reference to what is not `living`."""
    message = "Name a living record of your own."
    return [
        Fault(f"/{field}", UnknownReference.code, message)
        for field, id in pointed.items()
        if id is not None and not living[field]
    ]


async def unreferable(write: Writing, resource: Resource, id: UUID, changed: Row) -> list[Fault]:
    """Return what is wrong with the changed references: they name nothing, or a line that leads back to the record."""
    pointed = references(resource, changed)
    if not any(pointed.values()):
        return []
    access = statements(resource)
    faults = unknown(await write.only(access.known, id=id, **pointed), pointed)
    above = pointed.get(resource.acyclic or "")
    if above and any(row["id"] == id for row in await write.all(access.ancestors, id=above)):
        message = "This would lead back to the record itself."
        faults.append(Fault(f"/{resource.acyclic}", DerivationCycle.code, message))
    return faults


def refuse(*faults: list[Fault]) -> None:
    """Raise everything that is wrong, as the kind of problem that it all is, if it is all one."""
    found = [fault for some in faults for fault in some]
    if found:
        codes = {fault.code for fault in found}
        kind = next((each for each in (UnknownReference, DerivationCycle) if codes == {each.code}), Invalid)
        raise kind(*found)


def refuse_transition(resource: Resource, before: Row, after: Row) -> None:
    """Raise where the status cannot go where it is sent, and name where it can."""
    if resource.transitions is not None and before["status"] != after["status"]:
        allowed = resource.transitions.get(before["status"], frozenset())
        if after["status"] not in allowed:
            raise InvalidTransition(allowed=sorted(allowed))
