"""The picture: the records that a batch of operations names, as they are, and as the batch leaves them.

It is loaded by a bounded number of statements, however many operations there are, changed in memory while they are
decided on, and written back by as few.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from app.db import Row
from app.records import access
from app.records.access import statements
from app.records.codec import document_of
from app.records.resource import Resource, kinds
from app.records.write.feed_lock import FeedWrite, LockedWrite, Seen
from app.records.write.ops import Key, Op


class WorkingSet:
    """What a batch decides on."""

    def __init__(self, write: FeedWrite) -> None:
        """Begin with nothing known."""
        self._write = write
        self.rows: dict[Key, Row] = {}
        """The living, as stored."""
        self.documents: dict[Key, str] = {}
        """The living that were written, as they are sent."""
        self.changes: dict[Key, Row] = {}
        """What the feed knows of those that were not read: living, or removed."""
        self.lines: dict[UUID, UUID | None] = {}
        """The acyclic references above the records that operations newly refer to by one."""
        self._new: dict[Key, bool] = {}
        """Whether a record that was made is the first of its id."""
        self._changed: set[Key] = set()

    async def load(self, ops: Sequence[Op]) -> None:
        """Read what the operations name and refer to."""
        missing: set[Key] = set()
        if self._write.seen is None:
            await self._read(op.key for op in ops if not op.knew_nothing or op.whole is None)
            missing = {op.key for op in ops} - self.rows.keys()
        else:
            self._know(ops[0].key, self._write.seen)
        asked = missing.union(*(op.references for op in ops)) - self.rows.keys()
        if asked:
            collections = {resource.collection: resource for resource, _ in asked}
            found = await self._write.all(
                access.CHANGES_AMONG, collections=[*collections], ids=[*{id for _, id in asked}]
            )
            self.changes |= {(collections[row["collection"]], row["id"]): row for row in found}
        await self._read(key for key in missing if self.is_living(key))
        await self._follow([op for op in ops if op.key in self.rows])

    def _know(self, key: Key, seen: Seen) -> None:
        if seen.row is not None:
            self.rows[key] = seen.row
        elif seen.change is not None:
            self.changes[key] = seen.change

    async def _read(self, keys: Iterable[Key]) -> None:
        for resource, ids in _sorted(keys).items():
            for row in await self._write.all(statements(resource).stored_among, ids=ids):
                self.rows[resource, row["id"]] = row

    async def _follow(self, ops: Sequence[Op]) -> None:
        for resource in {op.resource for op in ops if op.resource.acyclic}:
            above = [(op.sent or {}).get(resource.acyclic or "") for op in ops if op.resource is resource]
            if any(above):
                found = await self._write.all(statements(resource).lines, ids=[id for id in above if id])
                self.lines |= {row["id"]: row["above"] for row in found}

    def is_living(self, key: Key) -> bool | None:
        """Say whether a record lives (True), was removed (False), or was never heard of (None)."""
        if key in self.rows:
            return True
        change = self.changes.get(key)
        return None if change is None else not change["deleted"]

    def leads_back(self, key: Key, above: UUID | None) -> bool:
        """Say whether the line that begins at `above` comes to the record."""
        resource, id = key
        seen = set()
        while above and above not in seen:
            if above == id:
                return True
            seen.add(above)
            row = self.rows.get((resource, above))
            above = self.lines.get(above) if row is None else row[resource.acyclic or ""]
        return False

    def make(self, key: Key, record: Row, changed: Iterable[str]) -> None:
        """Add a new record; `changed` are the fields that count as changed with it."""
        seq, now = self._write.next_seq(), self._write.now
        stored = {
            "id": key[1],
            "seq": seq,
            "created_at": now,
            "updated_at": now,
            "field_seq": dict.fromkeys(changed, seq),
        }
        self.rows[key] = record | stored
        self._new[key] = key not in self.changes

    def change(self, key: Key, values: Row) -> None:
        """Change a record's fields."""
        row, seq = self.rows[key], self._write.next_seq()
        field_seq = row["field_seq"] | dict.fromkeys(values, seq)
        self.rows[key] = row | values | {"seq": seq, "field_seq": field_seq, "updated_at": self._write.now}
        self._changed.add(key)

    def queue(self) -> None:
        """Have written what was made and changed."""
        write = self._write
        for key in (*self._new, *self._changed):
            self.documents[key] = document_of(key[0], self.rows[key])
        for resource, ids in _sorted(self._new).items():
            write.queue(statements(resource).insert, [self.rows[resource, id] for id in ids])
        for resource, ids in _sorted(self._changed - self._new.keys()).items():
            write.queue(statements(resource).update, [self.rows[resource, id] for id in ids])
        first = [key for key, is_first in self._new.items() if is_first]
        write.queue(access.FIRST_CHANGE, [self._noted(key) for key in first])
        again = {*self._new, *self._changed}.difference(first)
        write.queue(access.NEXT_CHANGE, [self._noted(key) for key in again])
        self._new, self._changed = {}, set()

    async def remove(self, write: LockedWrite, keys: Iterable[Key]) -> None:
        """Remove records that live, and what goes with them; set free what referred to them."""
        gone: dict[Resource, set[UUID]] = defaultdict(set)
        for resource, id in keys:
            gone[resource].add(id)
        downwards = sorted(kinds(), key=lambda kind: kind.depth)
        for kind in downwards:
            parents = gone.get(kind.targets[kind.parent]) if kind.parent else None
            if parents:
                gone[kind].update(row["id"] for row in await write.all(statements(kind).children, parents=[*parents]))
        for kind in downwards:
            await self._set_free(kind, gone)
        self.queue()
        tombstones = []
        for kind in reversed(downwards):
            if gone.get(kind):
                await write.run(statements(kind).delete_among, ids=[*gone[kind]])
            for id in sorted(gone.get(kind, ())):
                self.rows.pop((kind, id), None)
                self.changes[kind, id] = {"seq": write.next_seq(), "deleted": True}
                tombstones.append(self._noted((kind, id)))
        write.queue(access.NEXT_CHANGE, tombstones)

    async def _set_free(self, kind: Resource, gone: dict[Resource, set[UUID]]) -> None:
        sought = {field: [*gone.get(kind.targets[field], ())] for field in kind.on_delete_set_null}
        if not any(sought.values()):
            return
        found = {row["id"]: row for row in await self._write.all(statements(kind).referrers, **sought)}
        for row in found.values():
            if row["id"] not in gone.get(kind, ()):
                self.rows[kind, row["id"]] = row
                freed = [field for field in kind.on_delete_set_null if row[field] in gone.get(kind.targets[field], ())]
                self.change((kind, row["id"]), dict.fromkeys(freed))

    def _noted(self, key: Key) -> dict[str, Any]:
        row = self.rows.get(key)
        return {
            "collection": key[0].collection,
            "id": key[1],
            "seq": (self.changes[key] if row is None else row)["seq"],
            "deleted": row is None,
            "written_at": self._write.now,
            "written_by": self._write.owner_id,
            "document": None if row is None else self.documents[key],
        }


def _sorted(keys: Iterable[Key]) -> dict[Resource, list[UUID]]:
    found: dict[Resource, list[UUID]] = defaultdict(list)
    for resource, id in keys:
        found[resource].append(id)
    return found
