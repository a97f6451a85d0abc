"""The store: the only writer of records, whichever door a write came through.

A write is settled by the rules of its room, refers only to living records of its owner, takes its number from the
owner's feed, and is there whole or not at all.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.db import Row
from app.identity import Caller
from app.ids import new_id
from app.problems import (
    AlreadyExists,
    DerivationCycle,
    Fault,
    Invalid,
    InvalidTransition,
    NotFound,
    Removed,
    UnknownReference,
)
from app.records.access import Statements, statements, version_of
from app.records.codec import public_row
from app.records.feed import Writing, writing
from app.records.preconditions import matching
from app.records.resource import Resource
from app.records.shapes import Fields, RecordDraft


async def create(caller: Caller, resource: Resource, draft: RecordDraft) -> tuple[Row, bool]:
    """Return the record and whether it is new; the same draft again finds the record as it stands."""
    sent = draft.model_dump(exclude_unset=True)
    id = sent.pop("id", None) or new_id()
    values = dict.fromkeys(resource.field_names) | draft.model_dump(exclude={"id"})
    record = _settled(caller, resource, values, None)
    access = statements(resource)
    async with writing(caller) as write:
        known = await write.one(access.known, id=id, **{field: record[field] for field in resource.references}) or {}
        if known["deleted"]:
            raise Removed
        if known["deleted"] is not None:
            return await _again(write, resource, id, sent), False
        _refuse_unknown(known, {field: record[field] for field in resource.references})
        seq = await write.stamp(resource, id, first=True)
        row = {**record, "id": id, "seq": seq, "created_at": write.now, "updated_at": write.now, "field_seq": {}}
        await write.run(access.insert, **row)
        return public_row(resource, row | {"version": version_of(write.epoch, seq)}), True


async def _again(write: Writing, resource: Resource, id: UUID, sent: Mapping[str, Any]) -> Row:
    """Return the existing record, if what was sent is what it is or was; a field changed since may differ."""
    row = await write.one(statements(resource).read_to_write, id=id) or {}
    for name, value in sent.items():
        if value != row[name] and name not in row["field_seq"] and not (value is None and name in resource.completed):
            raise AlreadyExists
    return public_row(resource, row)


async def change(caller: Caller, resource: Resource, id: UUID, patch: Fields, if_match: str | None) -> Row:
    """Return the record after a merge patch; one that changes nothing takes no number."""
    access = statements(resource)
    async with writing(caller) as write:
        row = await write.one(access.read_to_write, id=id)
        if row is None:
            raise NotFound
        before = public_row(resource, row)
        matching(if_match, before)
        after = before | patch.model_dump(exclude_unset=True)
        if not _differing(resource, before, after):
            return before
        settled = _settled(caller, resource, after, before)
        differing = _differing(resource, before, settled)
        if not differing:
            return before
        pointed = {field: settled[field] for field in resource.references if field in differing}
        await _refuse_unreferable(write, resource, id, pointed)
        seq = await write.stamp(resource, id)
        field_seq = row["field_seq"] | dict.fromkeys(differing, seq)
        await write.run(access.update, id=id, **settled, seq=seq, field_seq=field_seq, updated_at=write.now)
        return before | settled | {"version": version_of(write.epoch, seq), "updated_at": write.now}


async def remove(caller: Caller, resource: Resource, id: UUID, if_match: str | None) -> None:
    """Remove a record and what goes with it; what referred to them is set free, as a change of its own."""
    access = statements(resource)
    async with writing(caller) as write:
        row = await write.one(access.read, id=id)
        if row is None:
            raise NotFound
        matching(if_match, row)
        gone = {resource.table: {id}}
        children = [(each, [row["id"] for row in await write.all(each.find, id=id)]) for each in access.children]
        gone |= {each.resource.table: set(ids) for each, ids in children}
        await _detach(write, access, id, gone)
        for each, ids in children:
            for child in ids:
                await write.stamp(each.resource, child, deleted=True)
            await write.run(each.delete, id=id)
        await write.stamp(resource, id, deleted=True)
        await write.run(access.delete, id=id)
    await caller.db.forget()


async def _detach(write: Writing, access: Statements, id: UUID, gone: Mapping[Any, set[UUID]]) -> None:
    for each in access.referrers:
        for row in await write.all(each.find, id=id):
            if row["id"] in gone.get(each.resource.table, ()):
                continue
            seq = await write.stamp(each.resource, row["id"])
            freed = [field for field in each.fields if row[field] in gone[each.resource.references[field]]]
            references = {field: None if field in freed else row[field] for field in each.fields}
            field_seq = row["field_seq"] | dict.fromkeys(freed, seq)
            await write.run(each.detach, id=row["id"], **references, seq=seq, field_seq=field_seq, updated_at=write.now)


def _settled(caller: Caller, resource: Resource, values: Row, before: Row | None) -> Row:
    """Return the fields as the room's rules complete them, or raise everything that they refuse."""
    names = resource.field_names
    record = resource.fields.model_construct(**{name: values[name] for name in names})
    earlier = None if before is None else resource.fields.model_construct(**{name: before[name] for name in names})
    faults = list(resource.settle(record, earlier, caller))
    if faults:
        raise Invalid(*faults)
    if before is not None and resource.transitions is not None and before["status"] != values["status"]:
        allowed = resource.transitions.get(before["status"], frozenset())
        if values["status"] not in allowed:
            raise InvalidTransition(allowed=sorted(allowed))
    return {name: getattr(record, name) for name in names}


def _differing(resource: Resource, before: Row, after: Row) -> list[str]:
    return [name for name in resource.field_names if after[name] != before[name]]


async def _refuse_unreferable(write: Writing, resource: Resource, id: UUID, pointed: Mapping[str, UUID | None]) -> None:
    """Refuse references that name nothing, and a line of descent that would lead back to the record."""
    if not any(pointed.values()):
        return
    access = statements(resource)
    every = {**dict.fromkeys(resource.references), **pointed}
    _refuse_unknown(await write.one(access.known, id=id, **every) or {}, pointed)
    above = pointed.get(resource.acyclic or "")
    if above and any(row["id"] == id for row in await write.all(access.ancestors, id=above)):
        fault = Fault(f"/{resource.acyclic}", DerivationCycle.code, "This would lead back to the record itself.")
        raise DerivationCycle(fault)


def _refuse_unknown(living: Row, pointed: Mapping[str, UUID | None]) -> None:
    message = "Name a living record of your own."
    faults = [
        Fault(f"/{field}", UnknownReference.code, message)
        for field, id in pointed.items()
        if id is not None and not living[field]
    ]
    if faults:
        raise UnknownReference(*faults)
