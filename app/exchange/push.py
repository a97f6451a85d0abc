"""Push: write a clinic's sessions through the same engine as the patient's own, with one transaction for each patient.

A transaction locks the patient's feed, and then reads the consents by a separate statement. On PostgreSQL, a condition
in the locking statement could still see a consent whose end another transaction has just committed. The access is
logged in the same transaction.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from app import clock
from app.clinics.calls import ClientCaller
from app.clinics.consent_tables import Action
from app.consents import access_log
from app.consents.access_log import Entry as Access
from app.db import RemoteDatabase, Row
from app.exchange import patients
from app.exchange.entries import Entry, InvalidEntry
from app.identity import Caller
from app.problems import DuplicateTarget, Invalid, Problem, UnknownPatient, UnreadableRecord
from app.records import View, access
from app.records.coverage import decode_active
from app.records.write.engine import WriteEngine
from app.records.write.feed_lock import LockedWrite, Snapshot, snapshot_of, usage_of
from app.records.write.ops import Key, Op, Outcome, rejected, rolled_back
from app.records.write.sharing import Sharing
from app.resources.sessions import SESSIONS
from app.sealing import OwnerKeys

CONCURRENT: Final = 4
"""The maximum number of patients whose sessions a push writes at once, if the database allows several writers."""

_UNKNOWN: Final = Snapshot()


class Written(NamedTuple):
    """The outcome of one entry, the id of its session, and the session's version in the clinic's pulls."""

    outcome: Outcome
    id: UUID | None = None
    version: int | None = None


Prepare = Callable[[Op, Row | None, int | None], Outcome | None]
"""A function that can change an operation, or decide its outcome, while the feed is locked.

It takes the operation, the stored session, and the session's version in the clinic's pulls. It may change the
operation's fields. It returns None if the operation is to be executed, and otherwise the operation's outcome.
"""


class _Patient(NamedTuple):
    """The patient whose sessions are written, the client that writes them, and the view and data keys of the owner."""

    caller: ClientCaller
    view: View
    keys: OwnerKeys
    patient_id: UUID


async def push(caller: ClientCaller, entries: Sequence[Entry | InvalidEntry]) -> list[Row]:
    """Write the sessions of a push, and log the accesses; return the results in the order of `entries`."""
    written: dict[int, Written] = {}
    known = await patients.resolve(caller, [each.patient for each in entries if isinstance(each, Entry)])
    by_patient: defaultdict[UUID, dict[int, Op]] = defaultdict(dict)
    for number, entry in enumerate(entries):
        if isinstance(entry, InvalidEntry):
            written[number] = Written(rejected(Invalid(*entry.faults)))
        elif (patient_id := known.ids.get(entry.patient)) is None:
            written[number] = Written(rejected(UnknownPatient()))
        else:
            op = entry.op(caller.clinic_id, patient_id)
            if op.id in {other.id for other in by_patient[patient_id].values()}:
                written[number] = Written(rejected(DuplicateTarget(DuplicateTarget.fault.at("/identifier"))), op.id)
            else:
                by_patient[patient_id][number] = op
    await caller.services.data_keys.of_many(known.owners[id] for id in by_patient)
    limit = asyncio.Semaphore(CONCURRENT if isinstance(caller.db, RemoteDatabase) else 1)

    async def write(patient_id: UUID, ops: dict[int, Op]) -> None:
        async with limit:
            found = await write_patient(caller, known.owners[patient_id], patient_id, [*ops.values()])
        written.update(zip(ops, found, strict=True))

    results = await asyncio.gather(*(write(*each) for each in by_patient.items()), return_exceptions=True)
    for result in results:
        if result is not None:
            raise result
    caller.services.counts.operations.update(each.outcome.result for each in written.values())
    return [_result(entry, written[number]) for number, entry in enumerate(entries)]


async def write_patient(
    caller: ClientCaller,
    owner_id: UUID,
    patient_id: UUID,
    ops: list[Op],
    *,
    prepare: Prepare | None = None,
    atomic: bool = False,
) -> list[Written]:
    """Write sessions of one patient in one transaction, and log the access; return the results in the order of `ops`.

    Each operation must be on a different session. If `atomic` and one operation fails, nothing is written. `prepare` is
    called for each operation while the feed is locked, and can change the operation or decide its outcome.
    """
    try:
        keys = await caller.services.data_keys.of_many(
            [owner_id]
        )  # before the lock, so that the keys need no second connection
        if owner_id not in keys:
            return [Written(rejected(UnknownPatient())) for _ in ops]
        view = View(_actor(caller, owner_id), owner_id)
        return await _write_locked(_Patient(caller, view, keys[owner_id], patient_id), ops, prepare, atomic=atomic)
    except UnreadableRecord as problem:
        return [Written(rejected(problem), op.id) for op in ops]


def _actor(caller: ClientCaller, owner_id: UUID) -> Caller:
    """Return a caller for writing the records of an account, with the client as the actor of the changes."""
    return Caller(caller.services, owner_id, caller.client_id, is_authenticated=True, is_internal=True)


async def _write_locked(patient: _Patient, ops: list[Op], prepare: Prepare | None, *, atomic: bool) -> list[Written]:
    caller, view, keys, patient_id = patient
    ids, clinic_id = [op.id for op in ops], caller.clinic_id
    async with caller.db.transaction() as tx:
        feed = await tx.one(patients.LOCK, owner_id=view.owner_id)
        found = await tx.tuples(patients.STATE, owner_id=view.owner_id, clinic_id=clinic_id, ids=ids) if feed else ()
        consents = decode_active(found[0][0]) if found else []
        if feed is None or not any(_allows(caller, patient_id, consent) for consent in consents):
            return [Written(rejected(UnknownPatient())) for _ in ops]
        view.caller.timezone = feed["timezone"]
        stored = {id: (version, row) for _, id, version, *row in found if id is not None}
        snapshots = {(SESSIONS, id): snapshot_of(keys, SESSIONS, row) for id, (_, row) in stored.items()}
        usage = usage_of(view, [feed[column.name] for column in access.USAGE])
        write = LockedWrite(tx, view, keys, feed["head"], feed["epoch"], usage=usage, snapshots=snapshots)
        write.sharing = Sharing(consents)
        decided = {} if prepare is None else _prepared(prepare, ops, snapshots, stored)
        if atomic and any(outcome.failed for outcome in decided.values()):
            return [Written(decided.get(op.id) or rolled_back(), op.id) for op in ops]
        remaining = [op for op in ops if op.id not in decided]
        executed = await WriteEngine(view, write, remaining, atomic=atomic).execute() if remaining else []
        decided |= {op.id: outcome for op, outcome in zip(remaining, executed, strict=True)}
        logged = [access_log.row_of(_access(caller, view.owner_id, ids))]
        write.queue(access_log.INSERT, logged)
        await write.finish()
    if write.head != write.first_head:
        write.announce(caller.db.notifier)
    access_log.emit(logged)
    new = {id: version for (clinic, _, id), version in write.sharing.versions.items() if clinic == clinic_id}
    versions = {id: version for id, (version, _) in stored.items()} | new
    return [Written(decided[id], id, versions.get(id)) for id in ids]


def _prepared(
    prepare: Prepare,
    ops: Iterable[Op],
    snapshots: Mapping[Key, Snapshot],
    stored: Mapping[UUID, tuple[int | None, Sequence[Any]]],
) -> dict[UUID, Outcome]:
    """Call `prepare` for each operation; return the outcomes that it decided, by session id."""
    decided = {op.id: prepare(op, snapshots.get(op.key, _UNKNOWN).row, stored.get(op.id, (None, ()))[0]) for op in ops}
    return {id: outcome for id, outcome in decided.items() if outcome is not None}


def _access(caller: ClientCaller, owner_id: UUID, ids: list[UUID]) -> Access:
    texts = [str(id) for id in ids]
    return Access(
        owner_id, caller.clinic_id, Action.WRITE, SESSIONS.collection, texts, caller.client_id, caller.request_id
    )


def _allows(caller: ClientCaller, patient_id: UUID, consent: Row) -> bool:
    """Return whether a consent lets the client write sessions of this patient now."""
    return (
        (consent["clinic_id"], consent["patient_id"], consent["purpose"])
        == (caller.clinic_id, patient_id, caller.purpose)
        and bool(consent["receives"])
        and (consent["ends_at"] is None or consent["ends_at"] > clock.now())
    )


def _result(entry: Entry | InvalidEntry, written: Written) -> Row:
    outcome = written.outcome
    problem: Problem | None = outcome.problem
    return {
        "identifier": entry.identifier,
        "id": written.id,
        "outcome": outcome.result,
        "status": outcome.status,
        "version": written.version,
        "reason": outcome.reason if problem is None else problem.code,
        "errors": [] if problem is None else problem.members.get("errors", []),
    }
