"""The write engine: executes a batch of operations on different records of one owner.

Parents are written before children, and removals run last, whatever the order in which the operations arrived. An
operation that fails has no effect. It does not affect the other operations, unless the batch is atomic.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from app.db import Row
from app.problems import Fault, Invalid, Locked, OpIdReused, ParentMissing, TooManyReferences
from app.records import access
from app.records.codec import document_of
from app.records.preconditions import check_if_match
from app.records.restorations import expired, proves_loss
from app.records.view import View
from app.records.write.feed_lock import FeedWrite, LockedWrite
from app.records.write.merge import changed_since, colliding_fields, equals_stored, locked_fields
from app.records.write.ops import (
    ClinicReason,
    ConflictReason,
    Key,
    Managed,
    OnConflict,
    Op,
    OpOutcome,
    Outcome,
    applied,
    conflict,
    rejected,
    rolled_back,
    unchanged,
)
from app.records.write.order import parents_first
from app.records.write.rules import (
    CLINIC_ONLY,
    about_nothing,
    claims_clinic,
    derivation_cycle,
    differing,
    nulled,
    problem_of,
    settled,
    too_many_references,
    transition_problem,
    unknown_reference,
)
from app.records.write.working_set import WorkingSet
from app.records.yielding import Yielding


class BaseBeyondHeadError(Exception):
    """The base version of an operation proves that the server has lost history; `version` is this base version."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class NeedsLockError(Exception):
    """The operation also changes what clinics see of other records, so it must run under the feed's lock."""


class WriteEngine:
    """Executes one batch of operations: decides on each in memory, and queues the rows to write."""

    def __init__(
        self, view: View, write: FeedWrite, ops: Sequence[Op], *, atomic: bool, refuses_removals: bool = False
    ) -> None:
        """Take operations, each on a different record. An `atomic` batch takes effect completely or not at all.

        If `refuses_removals`, removals are rejected, because too many records refer to the records to remove.
        """
        self._view, self._write, self._ops, self._atomic = view, write, ops, atomic
        self._refuses_removals = refuses_removals
        self._max_references = view.caller.services.settings.max_references
        self._working_set = WorkingSet(write)
        self._pending: set[Key] = set()
        """The records whose creation or change by this batch has not run yet."""
        self.has_removed = False

    async def execute(self) -> list[Outcome]:
        """Execute the operations, and queue the rows to write; return the outcomes in the order of the operations.

        Raise, before anything is committed: `BaseBeyondHeadError` if a base version proves that the server lost
        history, `TooManyReferrersError` if too many records refer to the removed ones, `NeedsLockError` if the write
        needs the feed's lock and does not hold it, and `Outdated` if a precondition is not satisfied.
        """
        outcomes = await self._known_outcomes()
        remaining = [op for op in self._ops if op.key not in outcomes]
        await self._working_set.load(self._ops, self._max_references)
        upserts = parents_first(op for op in remaining if op.fields is not None)
        self._pending = {op.key for op in upserts}
        yielding = Yielding()
        for op in upserts:
            await yielding.check()
            self._pending.discard(op.key)
            outcomes[op.key] = self._counted(op, self._upsert)
        removals = [op for op in remaining if op.fields is None]
        outcomes |= {op.key: self._counted(op, self._check_removal) for op in removals}
        if self._atomic and any(outcome.failed for outcome in outcomes.values()):
            self._write.reset()
            final = {key for key, outcome in outcomes.items() if outcome.failed or outcome.replayed}
            outcomes = {key: outcome if key in final else rolled_back() for key, outcome in outcomes.items()}
        else:
            await self._queue([op.key for op in removals if outcomes[op.key].result is OpOutcome.APPLIED])
            self._remember(remaining, outcomes)
        for key, outcome in outcomes.items():
            if outcome.result is not OpOutcome.ROLLED_BACK:
                self._attach_record(key, outcome)
        return [outcomes[op.key] for op in self._ops]

    def _counted(self, op: Op, execute: Callable[[Op], Outcome]) -> Outcome:
        """Execute an operation, and count it in the usage if its outcome will be remembered.

        If no more outcomes can be remembered, reject the operation instead.
        """
        if op.op_id is None:
            return execute(op)
        is_remembered = self._is_remembered(op)
        problem = self._write.usage.check_operation() if is_remembered else None
        outcome = execute(op) if problem is None else rejected(problem)
        if is_remembered and not outcome.failed:
            self._write.usage.remembered_ops += 1
        return outcome

    def _is_remembered(self, op: Op) -> bool:
        """Return whether the outcome of an operation will be remembered if it succeeds.

        It is remembered if the operation has an `op_id`, except the removal of a record that never existed.
        """
        return op.op_id is not None and (op.fields is not None or self._working_set.is_living(op.key) is not None)

    def _attach_record(self, key: Key, outcome: Outcome) -> None:
        """Add the record, as it is after the batch, and its sequence number to an outcome."""
        row = outcome.row = self._working_set.rows.get(key)
        outcome.seq = (row or self._working_set.changes.get(key, {})).get("seq")
        if row is not None:
            outcome.document = self._working_set.documents.get(key) or document_of(key[0], row)

    async def _queue(self, removed: Sequence[Key]) -> None:
        self._working_set.queue()
        if removed:
            write = cast("LockedWrite", self._write)  # removals never run without the lock
            await write.flush()  # so that `remove` finds references in records of this batch
            await self._working_set.remove(write, removed)
        self.has_removed = bool(removed)
        sharing = self._write.sharing
        if sharing is not None and sharing.visibility_changes:
            if not isinstance(self._write, LockedWrite):
                raise NeedsLockError
            await self._working_set.add_referrer_changes(self._write, sharing)

    async def _known_outcomes(self) -> dict[Key, Outcome]:
        """Return the outcomes of the operations that are not executed.

        A repeated operation gets its remembered outcome. An operation is rejected if it reuses an `op_id` with other
        content, or if its base version is not one of the feed's epoch up to the head. Raise `BaseBeyondHeadError` if a
        base version proves that the server lost history.
        """
        found: dict[Key, Outcome] = {}
        by_op_id = {op.op_id: op for op in self._ops if op.op_id is not None}
        rows = await self._write.all(access.REMEMBERED_OPS, op_ids=[*by_op_id]) if by_op_id else []
        for row in rows:
            op = by_op_id[row["op_id"]]
            replay = Outcome(result=OpOutcome(row["outcome"]), status=row["status"], replayed=True)
            found[op.key] = replay if row["digest"] == op.digest else rejected(OpIdReused(OpIdReused.fault))
        foreign = [op for op in self._ops if op.base is not None and not self._write.serves(op.base)]
        for op in foreign:
            if proves_loss(op.base or 0, self._write.epoch, self._write.first_head):
                raise BaseBeyondHeadError(op.base or 0)
        restorations = await self._write.all(access.RESTORATIONS) if foreign else []
        for op in foreign:
            found.setdefault(op.key, rejected(expired(op.base or 0, self._write.epoch, restorations)))
        return found

    def _upsert(self, op: Op) -> Outcome:
        row = self._working_set.rows.get(op.key)
        if row is None:
            return self._create(op)
        check_if_match(op, row, self._write.epoch)
        if op.managed is not None:
            return self._manage(op, op.managed, row)
        fields = op.fields or {}
        if op.only_creating:
            differing_fields = tuple(name for name, value in fields.items() if not self._has(op, row, name, value))
            return conflict(ConflictReason.CHANGED, differing_fields) if differing_fields else unchanged()
        locked = locked_fields(op, row)
        if locked and op.on_conflict is not OnConflict.THEIRS and not op.is_rest_creation:
            return rejected(Locked.of(locked)) if op.strict else conflict(ConflictReason.LOCKED, locked)
        if op.on_conflict is not OnConflict.MINE:
            colliding = colliding_fields(op, row)
            if colliding and op.on_conflict is OnConflict.REJECT:
                return conflict(ConflictReason.CHANGED, colliding)
            kept = {*colliding, *locked}
            fields = {
                name: value
                for name, value in fields.items()
                if name not in kept and not equals_stored(op, row, name, value)
            }
        changes = any(row[name] != value for name, value in fields.items())
        return self._settle(op, row | fields, row) if changes else unchanged()

    def _has(self, op: Op, row: Row, name: str, value: Any) -> bool:
        """Return whether a stored field has this value, or is null because this value refers to a removed record."""
        target = op.resource.targets.get(name)
        was_nulled = target is not None and row[name] is None and self._working_set.is_living((target, value)) is False
        return was_nulled or equals_stored(op, row, name, value)

    def _manage(self, op: Op, managed: Managed, row: Row) -> Outcome:
        """Set the fields that a clinic sends for a record that it manages, and return the outcome.

        The outcome is a conflict if the clinic does not manage the record any more. The record is not changed if the
        clinic has already sent a higher revision of it.
        """
        if row["clinic_id"] != managed.clinic_id:
            return conflict(ClinicReason.DETACHED)
        stored, sent = row["revision"], managed.revision
        if stored is not None and sent is not None and sent < stored:
            return unchanged(reason=ClinicReason.STALE)
        fields = op.fields or {}
        changes = any(row[name] != value for name, value in fields.items()) or (sent is not None and sent != stored)
        return self._settle(op, row | fields, row) if changes else unchanged()

    def _create(self, op: Op) -> Outcome:
        is_new = (op.has_no_base and (op.undelete or not op.may_be_forgotten)) or op.create_missing
        if not (is_new if self._working_set.is_living(op.key) is None else op.undelete):
            return conflict(ConflictReason.DELETED)
        if op.faults:
            return rejected(Invalid(*op.faults))
        return (
            conflict(ConflictReason.DELETED) if op.create_values is None else self._settle(op, op.create_values, None)
        )

    def _settle(self, op: Op, after: Row, before: Row | None) -> Outcome:
        """Complete the record and check all rules; if all hold, create or change the record in the working set."""
        resource = op.resource
        if before is None and resource.clinical and not op.strict:
            after = after | {"clinic_id": None}  # no clinic manages a pushed or imported copy
        moved = [name for name in resource.targets if after[name] and (before is None or after[name] != before[name])]
        tombstoned, unknown = self._classify_references(op, after, moved) if moved else ([], [])
        record, faults = settled(self._view, resource, after, before)
        record |= {name: None for name in tombstoned if name != resource.on_delete_cascade}
        if op.managed is None and claims_clinic(resource, before, record):
            faults.append(CLINIC_ONLY)
        if before is None and resource.about and not op.writes_again:
            faults += about_nothing(resource, after)
        if resource.acyclic in moved and self._makes_cycle(op, record[resource.acyclic]):
            faults.append(derivation_cycle(resource.acyclic))
        if unknown:
            at_fault = {fault.pointer for fault in faults}
            unknown = [name for name in unknown if f"/{name}" not in at_fault]
            faults += [unknown_reference(name) for name in unknown if op.strict]
        faults += self._full_references(op, record, moved)
        problem = problem_of(faults)
        if problem is None and resource.on_delete_cascade in tombstoned:
            return conflict(ConflictReason.DELETED)
        if problem is None and unknown:
            missing = (ParentMissing.fault.at(f"/{name}") for name in unknown)
            problem = ParentMissing(*missing, retryable=True)
        if problem is None and before is not None and op.managed is None:
            problem = transition_problem(resource, before, record, stepwise=op.strict)
        if problem is not None:
            return rejected(problem)
        self._working_set.add_references([(resource.targets[name], after[name]) for name in moved])
        return self._write_in_memory(op, record, before, [nulled(name) for name in tombstoned])

    def _full_references(self, op: Op, record: Row, moved: Sequence[str]) -> list[Fault]:
        """Return the faults of references to records that already have the maximum number of references."""
        if not moved:
            return []
        counts, most = self._working_set.references, self._max_references
        full = [name for name in moved if counts[op.resource.targets[name], record[name]] >= most]
        return [too_many_references(name, most) for name in full]

    def _write_in_memory(self, op: Op, record: Row, before: Row | None, warnings: list[Fault]) -> Outcome:
        """Create or change a record, which satisfies all rules, in the working set, unless it exceeds a quota."""
        resource, working_set = op.resource, self._working_set
        if before is None:
            set_fields = () if op.has_no_base and not op.undelete else resource.field_names
            exceeded = working_set.create(op, record, set_fields)
            return applied(201, warnings=warnings) if exceeded is None else rejected(exceeded)
        changed = differing(resource, before, record)
        revision = None if op.managed is None else op.managed.revision
        if not changed and revision in {None, before.get("revision")}:
            return unchanged(warnings=warnings)
        others = {name: record[name] for name in resource.computed_names}
        if revision is not None:
            others["revision"] = revision
        exceeded = working_set.change(op.key, {name: record[name] for name in changed}, others)
        return applied(200, warnings=warnings) if exceeded is None else rejected(exceeded)

    def _classify_references(self, op: Op, after: Row, moved: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the fields that refer to removed records, and those that refer to records that do not exist.

        If the operation is strict, a removed record counts as one that does not exist.
        """
        lives = {name: self._working_set.is_living((op.resource.targets[name], after[name])) for name in moved}
        tombstoned = [name for name in moved if lives[name] is False and not op.strict]
        return tombstoned, [name for name in moved if not lives[name] and name not in tombstoned]

    def _makes_cycle(self, op: Op, above: UUID) -> bool:
        """Return whether a reference to `above` makes the record its own ancestor.

        A reference to a record that a later operation of this batch creates also counts: `parents_first` creates the
        target of a reference first, unless the references of the batch are a cycle.
        """
        key = (op.resource, above)
        is_pending = key in self._pending and self._working_set.is_living(key) is not True
        return is_pending or self._working_set.is_ancestor(op.key, of=above)

    def _check_removal(self, op: Op) -> Outcome:
        row = self._working_set.rows.get(op.key)
        if row is None:
            return unchanged(204)
        check_if_match(op, row, self._write.epoch)
        fields = changed_since(op, row)
        if fields and op.on_conflict is OnConflict.REJECT:
            return conflict(ConflictReason.CHANGED, fields)
        if fields and op.on_conflict is OnConflict.THEIRS:
            return unchanged()
        return rejected(TooManyReferences()) if self._refuses_removals else applied(204)

    def _remember(self, ops: Sequence[Op], outcomes: Mapping[Key, Outcome]) -> None:
        self._write.queue(
            access.INSERT_REMEMBERED_OP,
            [
                {
                    "op_id": op.op_id,
                    "digest": op.digest,
                    "outcome": outcomes[op.key].result,
                    "status": outcomes[op.key].status,
                    "written_at": self._write.now,
                }
                for op in ops
                if self._is_remembered(op) and not outcomes[op.key].failed
            ],
        )
