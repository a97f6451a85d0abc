"""The working set: the records that a batch of operations reads and changes.

The records are read with a bounded number of statements, however many operations there are. The engine changes them in
memory. Then they are written, also with a bounded number of statements.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from app.db import Row, decode_json_row
from app.problems import QuotaExceeded
from app.records import access
from app.records.access import statements
from app.records.codec import document_of
from app.records.resource import Resource, kinds, referred_kinds
from app.records.write.feed_lock import FeedWrite, Former, LockedWrite, Snapshot, with_sealed_fields
from app.records.write.ops import Key, Op
from app.records.write.recorders import RECORDERS, Changed, last_kept
from app.records.write.sharing import Sharing
from app.records.yielding import Yielding

MAX_REFERRERS: Final = 5000
"""The maximum number of references to removed records that one write handles, because other writes wait for it."""
_ALL: Final = 2**31


class TooManyReferrersError(Exception):
    """More than `MAX_REFERRERS` references to removed records: too many for one write."""


class WorkingSet:
    """The records of a batch of operations, in memory."""

    def __init__(self, write: FeedWrite) -> None:
        """Start without records; `load` reads them."""
        self._write = write
        self.rows: dict[Key, Row] = {}
        """The rows of living records, as the batch has changed them so far."""
        self.documents: dict[Key, str] = {}
        """The new documents of the records that the batch has created or changed."""
        self.changes: dict[Key, Row] = {}
        """The latest changes of records whose rows were not read: living or removed."""
        self.ancestors: dict[UUID, UUID | None] = {}
        """The id of each record's parent, by the record's id; `Resource.acyclic` is the reference to the parent.

        Contains the records that operations name as parents, and all ancestors of these.
        """
        self.references: defaultdict[Key, int] = defaultdict(int)
        """The number of references to each record to which operations of this batch refer.

        The stored references are counted only if they can be too many.
        """
        self._before: dict[Key, Row | None] = {}
        """The rows of the records that are changed, as they were read; None for a new record."""
        self._former: dict[Key, Former] = {}
        """Who wrote the stored version of each record that was read, and when the history last kept a version of it."""

    async def load(self, ops: Sequence[Op], max_references: int) -> None:
        """Read the records to change, and the latest changes of the records that they refer to.

        If the feed's head is at least `max_references`, also count the references to each record that is referred to. With
        a smaller head, the feed has too few records to exceed this maximum.
        """
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
        if self._write.first_head >= max_references:  # no record has more references than there are changes
            await self._count_references({key for op in ops for key in op.references})
        await self._read(key for key in missing if self.is_living(key))
        await self._read_ancestors([op for op in ops if op.key in self.rows])

    async def _count_references(self, targets: set[Key]) -> None:
        if targets:
            ids = _by_resource(targets)
            sought = {access.removed_ids(kind): ids.get(kind, []) for kind in referred_kinds()}
            of_collection = {kind.collection: kind for kind in kinds()}
            for collection, id, count in await self._write.tuples(access.reference_counts(), **sought):
                self.references[of_collection[collection], id] += count

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
                self.rows[key], self._former[key] = with_sealed_fields(self._write.keys, resource, row), former

    async def _read_ancestors(self, ops: Sequence[Op]) -> None:
        for resource in {op.resource for op in ops if op.resource.acyclic}:
            above = [(op.fields or {}).get(resource.acyclic or "") for op in ops if op.resource is resource]
            if any(above):
                found = await self._write.all(statements(resource).ancestors, ids=[id for id in above if id])
                self.ancestors |= {row["id"]: row["above"] for row in found}

    def add_references(self, targets: Iterable[Key]) -> None:
        """Count references of a record that will be written; each item of `targets` is a record to which it refers."""
        for target in targets:
            self.references[target] += 1

    def is_living(self, key: Key) -> bool | None:
        """Return True for a living record, False for a removed one, None for an id that was never used."""
        if key in self.rows:
            return True
        change = self.changes.get(key)
        return None if change is None else not change["deleted"]

    def is_ancestor(self, key: Key, of: UUID | None) -> bool:
        """Return whether the record is the record `of`, or one of the ancestors of `of` by the acyclic reference."""
        resource, id = key
        seen = set()
        while of and of not in seen:
            if of == id:
                return True
            seen.add(of)
            row = self.rows.get((resource, of))
            of = self.ancestors.get(of) if row is None else row[resource.acyclic or ""]
        return False

    def create(self, op: Op, record: Row, changed: Iterable[str]) -> QuotaExceeded | None:
        """Add a new record. If it exceeds a quota, return the problem and add nothing.

        `changed` are the fields that get an entry in `field_seq`.
        """
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
        return self._put(key, None, record | stored | of_clinic)

    def change(
        self, key: Key, values: Row, others: Row | None = None, *, is_limited: bool = True
    ) -> QuotaExceeded | None:
        """Change a record: `values` are fields, and `others` are computed members or columns that a clinic sets.

        If `is_limited`, and the record would exceed a quota, return the problem and change nothing.
        """
        row, seq = self.rows[key], self._write.next_seq()
        field_seq = row["field_seq"] | dict.fromkeys(values, seq)
        updated_at = max(self._write.now, row["created_at"])  # another worker's clock may have been ahead of this one's
        after = row | values | (others or {}) | {"seq": seq, "field_seq": field_seq, "updated_at": updated_at}
        return self._put(key, row, after, is_limited=is_limited)

    def _put(self, key: Key, before: Row | None, row: Row, *, is_limited: bool = True) -> QuotaExceeded | None:
        """Seal a new or changed record, add it to the usage, and keep it in memory.

        If `is_limited`, and the record exceeds a quota, only return its sequence number to the feed, and return the
        problem.
        """
        write, (resource, id) = self._write, key
        for name, fact in resource.facts.items():
            row[name] = fact(row)
        document = document_of(resource, row)
        is_owners = not resource.clinical  # a clinic writes no part of it, so its size tells the clinic nothing
        row["document"] = write.keys.seal(resource.collection, id, row["seq"], document, may_compress=is_owners)
        problem = write.usage.add(before, row, is_limited=is_limited)
        if problem is None:
            self.rows[key], self.documents[key] = row, document
            self._before.setdefault(key, before)
        else:
            write.return_seq()
        return problem

    def queue(self) -> None:
        """Queue the rows of the records that were created and changed, and pass the changes to the recorders."""
        write, before = self._write, self._before
        changed = []
        for key, earlier in before.items():
            row, (resource, id) = self.rows[key], key
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
        """Remove living records, and the records that are removed with them. Set all other references to them to null.

        Queue the rows, and pass the changes to the recorders. One statement reads the records of all kinds that refer
        to the given ones. Each further level of records to remove takes one more statement. Raise
        `TooManyReferrersError` if there are more than `MAX_REFERRERS` references in all.
        """
        removed: dict[Resource, set[UUID]] = defaultdict(set)
        for resource, id in keys:
            removed[resource].add(id)
        references: dict[Key, set[str]] = defaultdict(set)
        level = {kind: {*ids} for kind, ids in removed.items()}
        rows_left = MAX_REFERRERS
        while any(level.values()):
            level, rows_left = await self._read_referrers(write, level, references, rows_left)
            level = {kind: ids - removed[kind] for kind, ids in level.items()}
            for kind, ids in level.items():
                removed[kind] |= ids
        for key, fields in references.items():
            if key[1] not in removed[key[0]]:
                self.change(key, dict.fromkeys(sorted(fields)), is_limited=False)
        self.queue()
        tombstones, yielding = [], Yielding()
        for kind in sorted(kinds(), key=lambda kind: kind.depth, reverse=True):
            gone = sorted(removed[kind])
            write.queue(statements(kind).delete, [{"id": id} for id in gone])
            for id in gone:
                await yielding.check()
                seq, earlier = write.next_seq(), self.rows.pop((kind, id))
                write.usage.remove(earlier)
                self.changes[kind, id] = {"seq": seq, "deleted": True}
                tombstones.append(Changed(kind, id, earlier, None, seq, is_first=False))
        self._record(tombstones)

    async def add_referrer_changes(self, write: LockedWrite, sharing: Sharing) -> None:
        """Add rows to `sharing` for the records that refer to a record that became visible or invisible to a clinic.

        A clinic sees a reference to an invisible record as null, so the referring record has changed for the clinic.
        """
        turned = [id for ids in sharing.visibility_changes.values() for id in ids]
        sought = {access.removed_ids(kind): turned for kind in referred_kinds()}
        by_collection = {kind.collection: kind for kind in kinds()}
        for collection, _, values, *_ in await write.tuples(access.referrers(), rows=_ALL, **sought):
            kind = by_collection[collection]
            row = decode_json_row(access.readable_columns(kind), values)
            row = self.rows.get((kind, row["id"]), row)  # with the changes of this write, which are not stored yet
            sharing.add_referrer(kind, row, [row[field] for field in kind.targets], write.now)

    async def _read_referrers(
        self, write: LockedWrite, removed: dict[Resource, set[UUID]], references: dict[Key, set[str]], rows_left: int
    ) -> tuple[dict[Resource, set[UUID]], int]:
        """Read the records that refer to removed records. In `references`, collect the fields to set to null.

        Return the referring records to remove as well, and how many rows may still be read. Raise
        `TooManyReferrersError` if there are more than `rows_left` rows.
        """
        by_collection = {kind.collection: kind for kind in kinds()}
        cascading: dict[Resource, set[UUID]] = defaultdict(set)
        sought = {access.removed_ids(kind): [*removed.get(kind, ())] for kind in referred_kinds()}
        if not any(sought.values()):
            return cascading, rows_left
        rows = await write.tuples(access.referrers(), rows=rows_left + 1, **sought)
        if len(rows) > rows_left:
            raise TooManyReferrersError
        yielding = Yielding()
        for collection, field, values, sealed, *former in rows:
            await yielding.check()
            kind = by_collection[collection]
            row = decode_json_row(access.readable_columns(kind), values) | {"document": sealed}
            if (kind, row["id"]) not in self.rows:
                self.rows[kind, row["id"]] = with_sealed_fields(write.keys, kind, row)
                self._former[kind, row["id"]] = Former(*former)
            if field == kind.on_delete_cascade:
                cascading[kind].add(row["id"])
            else:
                references[kind, row["id"]].add(field)
        return cascading, rows_left - len(rows)


def _by_resource(keys: Iterable[Key]) -> dict[Resource, list[UUID]]:
    found: dict[Resource, list[UUID]] = defaultdict(list)
    for resource, id in keys:
        found[resource].append(id)
    return found
