"""Merging: which fields of an operation collide with changes that another device has made since.

An operation may set a field if its base covers the field's last change, or if its expected value equals the current one.
Changes of different fields merge; coupled fields, which mean something only together, collide as one; setting a field to
the value it has collides with nothing. A creation that is repeated with more fields, and an operation whose expected
values do not name a field, may set the field if no device has set it yet.
"""

from pydantic import MISSING

from app.db import Row
from app.records.codec import EPOCH_SHIFT
from app.records.write.ops import Op


def colliding_fields(op: Op, row: Row) -> tuple[str, ...]:
    """Return the fields that the operation may not set, in the order of the resource."""
    fields = op.fields or {}
    differing = {name for name, value in fields.items() if not equals_stored(op, row, name, value)}
    found: set[str] = set()
    for name in differing:
        unit = op.resource.units[name]
        if not all(_may_set(op, row, each) for each in unit):
            found |= unit & fields.keys()
    return tuple(name for name in op.resource.field_names if name in found)


def locked_fields(op: Op, row: Row) -> tuple[str, ...]:
    """Return the fields that the operation may not set because a clinic manages the record, unless it detaches the record."""
    clinical, fields = op.resource.clinical, op.fields or {}
    if not clinical or row["clinic_id"] is None or fields.get("clinic_id", row["clinic_id"]) is None:
        return ()
    return tuple(name for name in clinical if name in fields and not equals_stored(op, row, name, fields[name]))


def changed_since(op: Op, row: Row) -> tuple[str, ...]:
    """Return the fields that another device has changed since this one last read them, in the order of the resource."""
    if op.has_no_base:
        return ()
    seen = row["field_seq"].keys() if op.base is not None else (op.expected or {}).keys()
    return tuple(name for name in op.resource.field_names if name in seen and not _is_known(op, row, name))


def equals_stored(op: Op, row: Row, name: str, value: object) -> bool:
    """Return whether a field has this value already; a null in a creation may have been replaced by the rules."""
    completed = op.has_no_base and value is None and name in op.resource.filled_in
    return bool(row[name] == value) or completed


def _may_set(op: Op, row: Row, name: str) -> bool:
    if op.fields and name in op.fields and equals_stored(op, row, name, op.fields[name]):
        return True
    if _is_known(op, row, name):
        return True
    if op.base is not None or name in (op.expected or {}):
        return False
    is_unrelated = op.expected is not None and name not in (op.fields or {})
    creates = op.create_values is not None and not op.strict
    return is_unrelated or ((op.expected is not None or creates) and _is_unset(op, row, name))


def _is_unset(op: Op, row: Row, name: str) -> bool:
    """Return whether a field still has the value that a creation without it gives it.

    A device that creates a record with some fields, and sets another before the response arrives, knows that value.
    """
    initial = op.resource.initial
    if name not in initial or name in row["field_seq"]:
        return False
    return initial[name] is MISSING or name in op.resource.filled_in or bool(row[name] == initial[name])


def _is_known(op: Op, row: Row, name: str) -> bool:
    """Return whether the device knew the field's current value."""
    if op.base is not None and row["field_seq"].get(name, 0) <= op.base % EPOCH_SHIFT:
        return True
    return bool(op.expected is not None and name in op.expected and op.expected[name] == row[name])
