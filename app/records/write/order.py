"""The order of a batch: parents before children."""

from collections.abc import Iterable

from app.records.write.ops import Key, Op


def parents_first(ops: Iterable[Op]) -> list[Op]:
    """Order operations so that each comes after those on the records that it refers to."""
    waiting = {op.key: op for op in ops}
    placed: list[Op] = []
    for op in [*waiting.values()]:
        _place(op, waiting, placed)
    return placed


def _place(op: Op, waiting: dict[Key, Op], placed: list[Op]) -> None:
    if waiting.pop(op.key, None) is not None:
        for key in op.references:
            if key in waiting:
                _place(waiting[key], waiting, placed)
        placed.append(op)
