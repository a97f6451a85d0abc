"""The working set: the records that a batch of operations names, as they were read and as the batch changes them.

It is loaded by a bounded number of statements, however many operations there are, changed in memory while the engine
decides on them, and written with a bounded number of statements, too.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from app.db import Row, decode_json_row
from app.records import access
from app.records.access import statements
from app.records.codec import document_of
from app.records.resource import Resource, kinds
from app.records.write.feed_lock import FeedWrite, Former, LockedWrite, Snapshot, opened
from app.records.write.ops import Key, Op
from app.records.write.recorders import RECORDERS, Changed, last_kept
from app.records.write.sharing import Sharing


class WorkingSet:
    """The records that a batch decides on."""

    def __init__(self, write: FeedWrite) -> None:
        """Start empty."""
        self._write = write
        self.rows: dict[Key, Row] = {}
        """The stored rows of living records."""
        self.documents: dict[Key, str] = {}
        """The documents of the living records that were written."""
        self.changes: dict[Key, Row] = {}
        """The latest changes of records whose rows were not read: living or removed."""
        self.ancestors: dict[UUID, UUID | None] = {}
        """The values of the acyclic reference in the records that operations refer to by it, and in all ancestors of these."""
        self._before: dict[Key, Row | None] = {}
        """The rows of the records that are changed, as they were read; None for a new record."""
        self._former: dict[Key, Former] = {}
        """What the changes of living records say of their current versions."""

    async def load(self, ops: Sequence[Op]) -> None:
        """Read the records that the operations name and refer to."""
        missing: set[Key] = set()
        if self._write.snapshots is None:
            await self._read(op.key for op in ops if not op.has_no_base or op.create_values is None)
            missing = {op.key for op in ops} - self.rows.keys()
        else:
            for op in ops:
                self._take(op.key, self._write.snapshots.get(op.key, Snapshot()))
        unread = missing.union(*(op.references for op in ops)) - self.rows.keys()
        if unread:
            collections = {resource.collection: resource for resource, _ in unread}
            found = await self._write.all(
                access.KNOWN_CHANGES, collections=[*collections], ids=[*{id for _, id in unread}]
            )
            self.changes |= {(collections[row["collection"]], row["id"]): row for row in found}
        await self._read(key for key in missing if self.is_living(key))
        await self._read_ancestors([op for op in ops if op.key in self.rows])

    def _take(self, key: Key, snapshot: Snapshot) -> None:
        if snapshot.row is not None and snapshot.former is not None:
            self.rows[key], self._former[key] = snapshot.row, snapshot.former
        elif snapshot.change is not None:
            self.changes[key] = snapshot.change

    async def _read(self, keys: Iterable[Key]) -> None:
        for resource, ids in _by_resource(keys).items():
            for row in await self._write.all(statements(resource).stored_by_id, ids=ids):
                former = Former(*(row.pop(column.name) for column in access.FORMER))
                key = resource, row["id"]
                self.rows[key], self._former[key] = opened(self._write.keys, resource, row), former

    async def _read_ancestors(self, ops: Sequence[Op]) -> None:
        for resource in {op.resource for op in ops if op.resource.acyclic}:
            above = [(op.fields or {}).get(resource.acyclic or "") for op in ops if op.resource is resource]
            if any(above):
                found = await self._write.all(statements(resource).ancestors, ids=[id for id in above if id])
                self.ancestors |= {row["id"]: row["above"] for row in found}

    def is_living(self, key: Key) -> bool | None:
        """Return True for a living record, False for a removed one, None for an id that was never used."""
        if key in self.rows:
            return True
        change = self.changes.get(key)
        return None if change is None else not change["deleted"]

    def is_ancestor(self, key: Key, of: UUID | None) -> bool:
        """Return whether the record is `of`, or one of its ancestors by the acyclic reference."""
        resource, id = key
        seen = set()
        while of and of not in seen:
            if of == id:
                return True
            seen.add(of)
            row = self.rows.get((resource, of))
            of = self.ancestors.get(of) if row is None else row[resource.acyclic or ""]
        return False

    def create(self, op: Op, record: Row, changed: Iterable[str]) -> None:
        """Add a new record. `changed` are the fields that count as changed by its creation."""
        key, created_at, managed = op.key, op.created_at, op.managed
        seq, now = self._write.next_seq(), self._write.now
        stored = {
            "id": key[1],
            "seq": seq,
            "created_at": created_at or now,
            "updated_at": max(created_at or now, now),
            "field_seq": dict.fromkeys(changed, seq),
        }
        of_clinic = dict.fromkeys(key[0].of_clinics) if managed is None else managed.columns
        self.rows[key] = self._with_facts(key[0], record | stored | of_clinic)
        self._before[key] = None

    def change(self, key: Key, values: Row, of_clinic: Row | None = None) -> None:
        """Change fields of a record, and columns that a clinic sets."""
        row, seq = self.rows[key], self._write.next_seq()
        field_seq = row["field_seq"] | dict.fromkeys(values, seq)
        self._before.setdefault(key, row)
        updated_at = max(self._write.now, row["created_at"])  # another worker's clock may have been ahead of this one's
        after = row | values | (of_clinic or {}) | {"seq": seq, "field_seq": field_seq, "updated_at": updated_at}
        self.rows[key] = self._with_facts(key[0], after)

    @staticmethod
    def _with_facts(resource: Resource, row: Row) -> Row:
        for name, fact in resource.facts.items():
            row[name] = fact(row)
        return row

    def queue(self) -> None:
        """Seal and queue the rows of the records that were created and changed, and hand them to the recorders."""
        write, before = self._write, self._before
        changed = []
        for key, earlier in before.items():
            row, (resource, id) = self.rows[key], key
            document = self.documents[key] = document_of(resource, row)
            row["document"] = write.keys.seal(resource.collection, id, row["seq"], document)
            is_first = earlier is None and key not in self.changes
            former = None if earlier is None else self._former[key]
            revised_at = last_kept(former, write)
            self._former[key] = Former(write.actor_id, revised_at)
            changed.append(Changed(resource, id, earlier, row, row["seq"], is_first, former, revised_at))
        for resource, ids in _by_resource(key for key, row in before.items() if row is None).items():
            write.queue(statements(resource).insert, [self.rows[resource, id] for id in ids])
        for resource, ids in _by_resource(key for key, row in before.items() if row is not None).items():
            write.queue(statements(resource).update, [self.rows[resource, id] for id in ids])
        self._before = {}
        self._record(changed)

    def _record(self, changed: Sequence[Changed]) -> None:
        for recorder in RECORDERS:
            recorder(self._write, changed)

    async def remove(self, write: LockedWrite, keys: Iterable[Key]) -> None:
        """Remove living records and those that are removed with them; set other references to them to null.

        One statement reads the records of all kinds that refer to the given ones. Each level of records that are removed with
        them takes one more.
        """
        removed: dict[Resource, set[UUID]] = defaultdict(set)
        for resource, id in keys:
            removed[resource].add(id)
        references: dict[Key, set[str]] = defaultdict(set)
        level = {kind: {*ids} for kind, ids in removed.items()}
        while any(level.values()):
            level = await self._read_referrers(write, level, references)
            level = {kind: ids - removed[kind] for kind, ids in level.items()}
            for kind, ids in level.items():
                removed[kind] |= ids
        for key, fields in references.items():
            if key[1] not in removed[key[0]]:
                self.change(key, dict.fromkeys(sorted(fields)))
        self.queue()
        tombstones = []
        for kind in sorted(kinds(), key=lambda kind: kind.depth, reverse=True):
            gone = sorted(removed[kind])
            write.queue(statements(kind).delete, [{"id": id} for id in gone])
            for id in gone:
                seq, earlier = write.next_seq(), self.rows.pop((kind, id), None)
                self.changes[kind, id] = {"seq": seq, "deleted": True}
                tombstones.append(Changed(kind, id, earlier, None, seq, is_first=False))
        self._record(tombstones)

    async def note_referrers(self, write: LockedWrite, sharing: Sharing) -> None:
        """Note the records that refer to one that a clinic now sees or no longer sees: the reference is null or not."""
        turned = [id for ids in sharing.turned.values() for id in ids]
        targets = {target for kind in kinds() for target in kind.targets.values()}
        sought = {access.removed_ids(kind): turned for kind in targets}
        by_collection = {kind.collection: kind for kind in kinds()}
        for collection, _, values, *_ in await write.tuples(access.referrers(), **sought):
            kind = by_collection[collection]
            row = decode_json_row(access.readable_columns(kind), values)
            row = self.rows.get((kind, row["id"]), row)  # this write may have changed it, and not written it yet
            sharing.note_referrer(kind, row, [row[field] for field in kind.targets], write.now)

    async def _read_referrers(
        self, write: LockedWrite, removed: dict[Resource, set[UUID]], references: dict[Key, set[str]]
    ) -> dict[Resource, set[UUID]]:
        """Read the records that refer to removed ones. Note the fields to set to null in `references`, and return the
        records that are removed, too.
        """
        by_collection = {kind.collection: kind for kind in kinds()}
        cascading: dict[Resource, set[UUID]] = defaultdict(set)
        targets = {target for kind in kinds() for target in kind.targets.values()}
        sought = {access.removed_ids(kind): [*removed.get(kind, ())] for kind in targets}
        if not any(sought.values()):
            return cascading
        for collection, field, values, sealed, *former in await write.tuples(access.referrers(), **sought):
            kind = by_collection[collection]
            row = decode_json_row(access.readable_columns(kind), values) | {"document": sealed}
            if (kind, row["id"]) not in self.rows:
                self.rows[kind, row["id"]] = opened(write.keys, kind, row)
                self._former[kind, row["id"]] = Former(*former)
            if field == kind.on_delete_cascade:
                cascading[kind].add(row["id"])
            else:
                references[kind, row["id"]].add(field)
        return cascading


def _by_resource(keys: Iterable[Key]) -> dict[Resource, list[UUID]]:
    found: dict[Resource, list[UUID]] = defaultdict(list)
    for resource, id in keys:
        found[resource].append(id)
    return found
