"""The order of a batch: parents before children."""

from collections.abc import Iterable

from app.records.ops import Key, Op


def parents_first(ops: Iterable[Op]) -> list[Op]:
    """Order operations so that each comes after those on the records that it refers to."""
    by_key = {op.key: op for op in ops}
    placed: dict[Key, Op] = {}
    seen: set[Key] = set()

    def place(op: Op) -> None:
        seen.add(op.key)
        for key in op.pointed:
            if key in by_key and key not in seen:
                place(by_key[key])
        placed[op.key] = op

    for key, op in by_key.items():
        if key not in seen:
            place(op)
    return [*placed.values()]
