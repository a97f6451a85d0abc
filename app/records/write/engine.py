"""A batch: operations on different records of one person, decided on together under the lock of the feed.

Parents come before children, whatever the order they arrived in, and removals last. One operation that fails leaves
nothing behind, and its neighbours as they are.
"""

from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

from app.db import Row
from app.problems import Fault, Invalid, OpIdReused, ParentMissing
from app.records import access
from app.records.codec import document_of
from app.records.preconditions import check_if_match
from app.records.restorations import expired
from app.records.view import View
from app.records.write.feed_lock import FeedWrite, LockedWrite
from app.records.write.merge import changed_since, colliding_fields
from app.records.write.ops import (
    Key,
    OnConflict,
    Op,
    Outcome,
    Reason,
    Result,
    applied,
    conflict,
    rejected,
    rolled_back,
    unchanged,
)
from app.records.write.order import parents_first
from app.records.write.rules import broken, cannot_move, differing, leading_back, nulled, settled, unknown
from app.records.write.working_set import WorkingSet


class WriteEngine:
    """Operations, and what becomes of them."""

    def __init__(self, view: View, write: FeedWrite, ops: Sequence[Op], *, atomic: bool) -> None:
        """Take the operations; no two are about one record. An `atomic` batch is carried out whole or not at all."""
        self._view, self._write, self._ops, self._atomic = view, write, ops, atomic
        self._picture = WorkingSet(write)
        self._waiting: set[Key] = set()
        """The records that are still to be made or changed."""
        self.has_removed = False

    async def execute(self) -> list[Outcome]:
        """Carry the operations out; return what became of each, in the order given."""
        done = await self._done_before()
        todo = [op for op in self._ops if op.key not in done]
        await self._picture.load(self._ops)
        coming = parents_first(op for op in todo if op.sent is not None)
        self._waiting = {op.key for op in coming}
        for op in coming:
            self._waiting.discard(op.key)
            done[op.key] = self._upserted(op)
        going = [op for op in todo if op.sent is None]
        done |= {op.key: self._removable(op) for op in going}
        if self._atomic and any(outcome.failed for outcome in done.values()):
            self._write.reset_seq()
            stands = {key for key, outcome in done.items() if outcome.failed or outcome.replayed}
            done = {key: outcome if key in stands else rolled_back() for key, outcome in done.items()}
        else:
            await self._written([op.key for op in going if done[op.key].result is Result.APPLIED])
            self._remember(todo, done)
        for key, outcome in done.items():
            if outcome.result is not Result.ROLLED_BACK:
                self._show(key, outcome)
        return [done[op.key] for op in self._ops]

    def _show(self, key: Key, outcome: Outcome) -> None:
        """Show the record as it stands beside what became of the operation."""
        row = outcome.row = self._picture.rows.get(key)
        outcome.seq = (row or self._picture.changes.get(key, {})).get("seq")
        if row is not None:
            outcome.document = self._picture.documents.get(key) or document_of(key[0], row)

    async def _written(self, gone: Sequence[Key]) -> None:
        self._picture.queue()
        if gone:
            feed = cast("LockedWrite", self._write)  # nobody removes in a hurry
            await feed.flush()  # what goes with them may have come in this very batch
            await self._picture.remove(feed, gone)
        self.has_removed = bool(gone)

    async def _done_before(self) -> dict[Key, Outcome]:
        """Return what became of operations that were carried out before, or whose base cannot be served."""
        found: dict[Key, Outcome] = {}
        named = {op.op_id: op for op in self._ops if op.op_id is not None}
        rows = await self._write.all(access.REMEMBERED_AMONG, op_ids=[*named]) if named else []
        for row in rows:
            op = named[row["op_id"]]
            same = row["digest"] == op.digest
            again = Outcome(result=Result(row["outcome"]), status=row["status"], replayed=True)
            found[op.key] = again if same else rejected(OpIdReused(OpIdReused.fault))
        foreign = [op for op in self._ops if op.base is not None and not self._write.serves(op.base)]
        restorations = await self._write.all(access.RESTORATIONS) if foreign else []
        for op in foreign:
            found.setdefault(op.key, rejected(expired(op.base or 0, self._write.epoch, restorations)))
        return found

    def _upserted(self, op: Op) -> Outcome:
        row = self._picture.rows.get(op.key)
        if row is None:
            return self._made(op)
        check_if_match(op, row, self._write.epoch)
        sent = op.sent or {}
        if op.on_conflict is not OnConflict.MINE:
            fields = colliding_fields(op, row)
            if fields and op.on_conflict is OnConflict.REJECT:
                return conflict(Reason.CHANGED, fields)
            if op.knew_nothing:
                return unchanged()
            sent = {name: value for name, value in sent.items() if name not in fields}
        changes = any(row[name] != value for name, value in sent.items())
        return self._settled(op, row | sent, row) if changes else unchanged()

    def _made(self, op: Op) -> Outcome:
        is_new = op.knew_nothing or op.create_missing
        if not (is_new if self._picture.is_living(op.key) is None else op.undelete):
            return conflict(Reason.DELETED)
        if op.faults:
            return rejected(Invalid(*op.faults))
        return conflict(Reason.DELETED) if op.whole is None else self._settled(op, op.whole, None)

    def _settled(self, op: Op, after: Row, before: Row | None) -> Outcome:
        """Write the record as it is to be, if every rule holds."""
        resource, picture = op.resource, self._picture
        moved = [name for name in resource.targets if after[name] and (before is None or after[name] != before[name])]
        lost, missing = self._astray(op, after, moved) if moved else ([], [])
        if lost:
            after = after | {name: None for name in lost if name != resource.parent}
        record, faults = settled(self._view, resource, after, before)
        if resource.acyclic in moved and self._leads_back(op, after[resource.acyclic]):
            faults.append(leading_back(resource.acyclic))
        if missing:
            at_fault = {fault.pointer for fault in faults}
            missing = [name for name in missing if f"/{name}" not in at_fault]
            faults += [unknown(name) for name in missing if op.strict]
        problem = broken(faults)
        if problem is None and resource.parent in lost:
            return conflict(Reason.DELETED)
        if problem is None and missing:
            named = (Fault(f"/{name}", ParentMissing.code, ParentMissing.advice) for name in missing)
            problem = ParentMissing(*named, retryable=True)
        if problem is None and before is not None:
            problem = cannot_move(resource, before, record, stepwise=op.strict)
        if problem is not None:
            return rejected(problem)
        warnings = [nulled(name) for name in lost]
        if before is None:
            picture.make(op.key, record, () if op.knew_nothing and not op.undelete else resource.field_names)
            return applied(201, warnings=warnings)
        changed = differing(resource, before, record)
        if not changed:
            return unchanged(warnings=warnings)
        picture.change(op.key, {name: record[name] for name in changed})
        return applied(200, warnings=warnings)

    def _astray(self, op: Op, after: Row, moved: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return which references lead to what was removed, and which to what was never heard of."""
        lives = {name: self._picture.is_living((op.resource.targets[name], after[name])) for name in moved}
        lost = [name for name in moved if lives[name] is False and not op.strict]
        return lost, [name for name in moved if not lives[name] and name not in lost]

    def _leads_back(self, op: Op, above: UUID) -> bool:
        """Say whether a reference leads back to its record: as things stand, or through one that waits to be made."""
        key = (op.resource, above)
        is_waiting = key in self._waiting and self._picture.is_living(key) is not True
        return is_waiting or self._picture.leads_back(op.key, above)

    def _removable(self, op: Op) -> Outcome:
        row = self._picture.rows.get(op.key)
        if row is None:
            return unchanged(204)
        check_if_match(op, row, self._write.epoch)
        fields = changed_since(op, row)
        if fields and op.on_conflict is OnConflict.REJECT:
            return conflict(Reason.CHANGED, fields)
        return unchanged() if fields and op.on_conflict is OnConflict.THEIRS else applied(204)

    def _remember(self, ops: Sequence[Op], done: Mapping[Key, Outcome]) -> None:
        self._write.queue(
            access.REMEMBER,
            [
                {
                    "op_id": op.op_id,
                    "digest": op.digest,
                    "outcome": done[op.key].result,
                    "status": done[op.key].status,
                    "written_at": self._write.now,
                }
                for op in ops
                if op.op_id is not None and not done[op.key].failed
            ],
        )
