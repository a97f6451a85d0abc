"""Merging: finds the fields of an operation that collide with changes by another device.

An operation may set a field if the operation's base version includes the last change of the field, or if the value that
the device expects equals the current value. Setting a field to its current value never collides. Changes of different
fields merge, except coupled fields, which have a meaning only together and collide as one.

Two more operations may set a field that still has its initial value: a creation that is repeated with further fields,
and an operation that expects values of other fields, but not of this one.
"""

from pydantic import MISSING

from app.db import Row
from app.records.codec import EPOCH_SHIFT
from app.records.write.ops import Op


def colliding_fields(op: Op, row: Row) -> tuple[str, ...]:
    """Return the fields of the operation that collide with other changes, in the order of the kind's fields."""
    fields = op.fields or {}
    differing = {name for name, value in fields.items() if not equals_stored(op, row, name, value)}
    found: set[str] = set()
    for name in differing:
        group = op.resource.conflict_groups[name]
        if not all(_may_set(op, row, each) for each in group):
            found |= group & fields.keys()
    return tuple(name for name in op.resource.field_names if name in found)


def locked_fields(op: Op, row: Row) -> tuple[str, ...]:
    """Return the fields that the operation may not set because a clinic manages the record.

    Return no field if the operation detaches the record from the clinic.
    """
    clinical, fields = op.resource.clinical, op.fields or {}
    if not clinical or row["clinic_id"] is None or fields.get("clinic_id", row["clinic_id"]) is None:
        return ()
    return tuple(name for name in clinical if name in fields and not equals_stored(op, row, name, fields[name]))


def changed_since(op: Op, row: Row) -> tuple[str, ...]:
    """Return the fields that changed after the version that the device knew, in the order of the kind's fields."""
    if op.has_no_base:
        return ()
    seen = row["field_seq"].keys() if op.base is not None else (op.expected or {}).keys()
    return tuple(name for name in op.resource.field_names if name in seen and not _is_known(op, row, name))


def equals_stored(op: Op, row: Row, name: str, value: object) -> bool:
    """Return whether a field already has this value.

    In a creation, null counts as equal to every value of a field in `filled_in`, because `settle` may have set it.
    """
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
    """Return whether a field still has the value that it gets if a creation omits it.

    A device that creates a record, and sets another field before the response arrives, knows this value.
    """
    initial = op.resource.initial
    if name not in initial or name in row["field_seq"]:
        return False
    return initial[name] is MISSING or name in op.resource.filled_in or bool(row[name] == initial[name])


def _is_known(op: Op, row: Row, name: str) -> bool:
    """Return whether the device knew the field's current value, by the operation's base version or expected values."""
    if op.base is not None and row["field_seq"].get(name, 0) <= op.base % EPOCH_SHIFT:
        return True
    return bool(op.expected is not None and name in op.expected and op.expected[name] == row[name])
