"""The order of a batch: what an operation refers to, and parents before children."""

from collections.abc import Iterable

from app.records.ops import Key, Op


def pointed(op: Op) -> list[Key]:
    """Return the records that an operation refers to."""
    sent = op.sent or {}
    return [(kind, sent[field]) for field, kind in op.resource.targets.items() if sent.get(field)]


def parents_first(ops: Iterable[Op]) -> list[Op]:
    """Order operations so that each comes after those on the records that it refers to."""
    by_key = {op.key: op for op in ops}
    placed: list[Op] = []
    seen: set[Key] = set()

    def place(op: Op) -> None:
        if op.key not in seen:
            seen.add(op.key)
            for key in pointed(op):
                if key in by_key:
                    place(by_key[key])
            placed.append(op)

    for op in by_key.values():
        place(op)
    return placed
