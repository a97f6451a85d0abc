"""Merging: which fields of an operation collide with what somebody else has changed since.

A field may be set if the operation's base covers its last change, or if it is what the device believed it to be. Edits
of different fields merge; fields that mean something only together collide as one; a field that is already what it is
set to collides with nothing. Who knew nothing of the record may change nothing of it.
"""

from app.db import Row
from app.records.codec import EPOCH_SHIFT
from app.records.write.ops import Op


def colliding_fields(op: Op, row: Row) -> tuple[str, ...]:
    """Return the fields that the operation may not set, in their order."""
    sent = op.sent or {}
    differing = {name for name, value in sent.items() if not equals_stored(op, row, name, value)}
    found: set[str] = set()
    for name in differing:
        unit = op.resource.units[name]
        if not all(_covered(op, row, each) for each in unit):
            found |= unit & sent.keys()
    return tuple(name for name in op.resource.field_names if name in found)


def changed_since(op: Op, row: Row) -> tuple[str, ...]:
    """Return the fields that somebody else has changed since the device last looked, in their order."""
    if op.knew_nothing:
        return ()
    seen = row["field_seq"].keys() if op.base is not None else (op.was or {}).keys()
    return tuple(name for name in op.resource.field_names if name in seen and not _known(op, row, name))


def equals_stored(op: Op, row: Row, name: str, value: object) -> bool:
    """Say whether a field has a value already; a creation's null may have been filled in by the rules."""
    filled = op.knew_nothing and value is None and name in op.resource.filled_in
    return bool(row[name] == value) or filled


def _covered(op: Op, row: Row, name: str) -> bool:
    if op.sent and name in op.sent and equals_stored(op, row, name, op.sent[name]):
        return True
    if _known(op, row, name):
        return True
    return op.base is None and op.was is not None and name not in op.was and name not in (op.sent or {})


def _known(op: Op, row: Row, name: str) -> bool:
    """Say whether the device knew the field's present value."""
    if op.base is not None and row["field_seq"].get(name, 0) <= op.base % EPOCH_SHIFT:
        return True
    return bool(op.was is not None and name in op.was and op.was[name] == row[name])
