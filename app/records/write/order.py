"""The order of a batch: parents before children."""

from collections.abc import Iterable

from app.records.write.ops import Key, Op


def parents_first(ops: Iterable[Op]) -> list[Op]:
    """Return the operations in an order in which each comes after the operations on the records that it refers to."""
    remaining = {op.key: op for op in ops}
    ordered: list[Op] = []
    for op in [*remaining.values()]:
        _append(op, remaining, ordered)
    return ordered


def _append(op: Op, remaining: dict[Key, Op], ordered: list[Op]) -> None:
    if remaining.pop(op.key, None) is not None:
        for key in op.references:
            if key in remaining:
                _append(remaining[key], remaining, ordered)
        ordered.append(op)
