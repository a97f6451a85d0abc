"""Push: the operations of a device, run as one batch, and the result of each."""

from collections.abc import Sequence

from app import json_strict
from app.db import Row
from app.problems import BatchRefused, Problem
from app.records.codec import record_json
from app.records.restoring import start_epoch
from app.records.view import View
from app.records.write import store
from app.records.write.engine import BaseBeyondHeadError
from app.records.write.ops import Op, Outcome, rejected, rolled_back
from app.records.write.store import Written
from app.sync.minimal import leaves_out_record
from app.sync.parsing import parse_ops
from app.sync.requests import InvalidOp, SyncOp, SyncPush


async def push(view: View, sent: SyncPush) -> Row:
    """Run a push; return its head and results. Raise `BatchRefused` if it is atomic and an operation failed."""
    parsed = parse_ops(view, sent.ops, sent.on_conflict)
    ops = [each for each in parsed if isinstance(each, Op)]
    refused = sent.atomic and len(ops) < len(parsed)
    written = await _write(view, [] if refused else ops, atomic=sent.atomic)
    engine_outcomes = iter([rolled_back() for _ in ops] if refused else written.outcomes)
    outcomes = [next(engine_outcomes) if isinstance(each, Op) else rejected(each) for each in parsed]
    view.caller.services.counts.operations.update(outcome.result for outcome in outcomes)
    is_minimal = sent.returned == "minimal"
    results = [
        _result(
            each,
            outcome,
            written,
            has_record=not (is_minimal and isinstance(op, Op) and leaves_out_record(op, outcome)),
        )
        for each, op, outcome in zip(sent.ops, parsed, outcomes, strict=True)
    ]
    answer: Row = {"head": written.version(written.head), "results": results}
    if sent.atomic and any(outcome.failed for outcome in outcomes):
        raise BatchRefused(**answer)
    return answer


async def _write(view: View, ops: Sequence[Op], *, atomic: bool) -> Written:
    """Run the operations. If a base proves that the server has lost history, first raise the feed's epoch.

    Without that, this push could assign the versions of the lost changes again, and no device would notice the loss.
    """
    try:
        return await store.write(view, ops, atomic=atomic)
    except BaseBeyondHeadError as beyond:
        await start_epoch(view, beyond.version)
        return await store.write(view, ops, atomic=atomic)


def _result(sent: SyncOp | InvalidOp, outcome: Outcome, written: Written, *, has_record: bool) -> Row:
    version = None if outcome.seq is None else written.version(outcome.seq)
    row = outcome.row
    return {
        "collection": sent.collection,
        "id": sent.id,
        "op_id": sent.op_id,
        "outcome": outcome.result,
        "status": outcome.status,
        "version": version,
        "record": None
        if row is None or not has_record
        else json_strict.fragment(record_json(str(row["id"]), written.version(row["seq"]), outcome.document)),
        "updated_at": None if row is None or has_record else row["updated_at"],
        "reason": outcome.reason,
        "fields": outcome.fields,
        "error": None if outcome.problem is None else _error(outcome.problem),
        "warnings": [fault.document() for fault in outcome.warnings],
        "replayed": outcome.replayed,
    }


def _error(problem: Problem) -> Row:
    document = problem.document("")
    del document["request_id"]
    return document
