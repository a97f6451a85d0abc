"""Push: executes the operations of a device as one batch, and returns the result of each."""

from collections.abc import Sequence

from app import json_strict
from app.db import Row
from app.problems import BatchRefused, Problem
from app.records.codec import MAX_PAGE_BYTES, record_json
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
    """Run a push; return the feed's head and the results. Raise `BatchRefused` if it is atomic and an operation failed."""
    turn = await view.caller.services.pushes.take(view.owner_id)
    try:
        parsed = await parse_ops(view, sent.ops, sent.on_conflict)
        ops = [each for each in parsed if isinstance(each, Op)]
        refused = sent.atomic and len(ops) < len(parsed)
        written = await _write(view, [] if refused else ops, atomic=sent.atomic)
    finally:
        turn.release()
    engine_outcomes = iter([rolled_back() for _ in ops] if refused else written.outcomes)
    outcomes = [next(engine_outcomes) if isinstance(each, Op) else rejected(each) for each in parsed]
    view.caller.services.counts.operations.update(outcome.result for outcome in outcomes)
    answer: Row = {"head": written.version(written.head), "results": _results(sent, parsed, outcomes, written)}
    if sent.atomic and any(outcome.failed for outcome in outcomes):
        raise BatchRefused(**answer)
    return answer


async def _write(view: View, ops: Sequence[Op], *, atomic: bool) -> Written:
    """Run the operations. If the base of one proves that the server lost history, first start a new epoch of the feed.

    In the old epoch, this push could assign the versions of the lost changes a second time, and no device would notice
    the loss.
    """
    try:
        return await store.write(view, ops, atomic=atomic)
    except BaseBeyondHeadError as beyond:
        await start_epoch(view, beyond.version)
        return await store.write(view, ops, atomic=atomic)


def _results(
    sent: SyncPush, parsed: Sequence[Op | Problem], outcomes: Sequence[Outcome], written: Written
) -> list[Row]:
    """Return the result of each operation. Once the records reach `MAX_PAGE_BYTES`, further results have no record."""
    is_minimal, size, results = sent.returned == "minimal", 0, []
    for each, op, outcome in zip(sent.ops, parsed, outcomes, strict=True):
        row, record = outcome.row, None
        is_known = row is None or (is_minimal and isinstance(op, Op) and leaves_out_record(op, outcome))
        is_omitted = not is_known and size >= MAX_PAGE_BYTES
        if row is not None and not (is_known or is_omitted):
            record = record_json(str(row["id"]), written.version(row["seq"]), outcome.document)
            size += len(record.encode())
        known = {
            "record": None if record is None else json_strict.fragment(record),
            "record_omitted": is_omitted,
            "updated_at": row["updated_at"] if row is not None and is_known else None,
        }
        results.append(_result(each, outcome, written, known))
    return results


def _result(sent: SyncOp | InvalidOp, outcome: Outcome, written: Written, known: Row) -> Row:
    version = None if outcome.seq is None else written.version(outcome.seq)
    return {
        "collection": sent.collection,
        "id": sent.id,
        "op_id": sent.op_id,
        "outcome": outcome.result,
        "status": outcome.status,
        "version": version,
        **known,
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
