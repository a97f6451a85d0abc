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
from app.problems import AlreadyExists, NotFound, Removed
from app.records.access import Statements, statements, version_of
from app.records.codec import public_row
from app.records.feed import Writing, writing
from app.records.preconditions import matching
from app.records.resource import Resource
from app.records.rules import differing, references, refuse, refuse_transition, settled, unknown, unreferable
from app.records.shapes import Fields, RecordDraft


async def create(caller: Caller, resource: Resource, draft: RecordDraft) -> tuple[Row, bool]:
    """Return the record and whether it is new; the same draft again finds the record as it stands."""
    sent = draft.model_dump(exclude_unset=True)
    id = sent.pop("id", None) or new_id()
    values = dict.fromkeys(resource.field_names) | draft.model_dump(exclude={"id"})
    record, faults = settled(caller, resource, values, None)
    pointed = references(resource, record)
    async with writing(caller) as write:
        known = await write.only(statements(resource).known, id=id, **pointed)
        if known["deleted"]:
            raise Removed
        if known["deleted"] is not None:
            return await _again(write, resource, id, sent), False
        refuse(faults, unknown(known, pointed))
        seq = await write.stamp(resource, id, first=True)
        row = {**record, "id": id, "seq": seq, "created_at": write.now, "updated_at": write.now, "field_seq": {}}
        await write.run(statements(resource).insert, **row)
        return public_row(resource, row | {"version": version_of(write.epoch, seq)}), True


async def _again(write: Writing, resource: Resource, id: UUID, sent: Mapping[str, Any]) -> Row:
    """Return the existing record, if what was sent is what it is or was; a field changed since may differ."""
    row = await write.only(statements(resource).read_to_write, id=id)
    for name, value in sent.items():
        if value != row[name] and name not in row["field_seq"] and not (value is None and name in resource.filled_in):
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
        if not differing(resource, before, after):
            return before
        record, faults = settled(caller, resource, after, before)
        changed = differing(resource, before, record)
        refuse(faults, await unreferable(write, resource, id, {field: record[field] for field in changed}))
        refuse_transition(resource, before, record)
        seq = await write.stamp(resource, id)
        field_seq = row["field_seq"] | dict.fromkeys(changed, seq)
        await write.run(access.update, id=id, **record, seq=seq, field_seq=field_seq, updated_at=write.now)
        return before | record | {"version": version_of(write.epoch, seq), "updated_at": write.now}


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
            seq = await write.stamp(each.resource, row["id"])
            freed = [field for field in each.fields if row[field] in gone[each.resource.references[field]]]
            references = {field: None if field in freed else row[field] for field in each.fields}
            field_seq = row["field_seq"] | dict.fromkeys(freed, seq)
            await write.run(each.detach, id=row["id"], **references, seq=seq, field_seq=field_seq, updated_at=write.now)
