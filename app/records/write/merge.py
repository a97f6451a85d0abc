"""Merging: finds the fields of an operation that collide with changes by another device.

An operation may set a field if its base includes the field's last change, or if its expected value equals the current
one. Changes of different fields merge. Coupled fields, which mean something only together, collide as one. Setting a
field to its current value never collides. A creation that is repeated with more fields, and an operation whose expected
values do not name a field, may set the field if it still has its initial value.
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
    """Return the fields that the operation may not set because a clinic manages the record.

    There are none if the operation detaches the record from the clinic.
    """
    clinical, fields = op.resource.clinical, op.fields or {}
    if not clinical or row["clinic_id"] is None or fields.get("clinic_id", row["clinic_id"]) is None:
        return ()
    return tuple(name for name in clinical if name in fields and not equals_stored(op, row, name, fields[name]))


def changed_since(op: Op, row: Row) -> tuple[str, ...]:
    """Return the fields that have changed since the operation's device last read them, in the order of the resource."""
    if op.has_no_base:
        return ()
    seen = row["field_seq"].keys() if op.base is not None else (op.expected or {}).keys()
    return tuple(name for name in op.resource.field_names if name in seen and not _is_known(op, row, name))


def equals_stored(op: Op, row: Row, name: str, value: object) -> bool:
    """Return whether a field already has this value. In a creation, null equals any value of a field in `filled_in`."""
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
    """Return whether the operation's device knew the field's current value, by its base or by an expected value."""
    if op.base is not None and row["field_seq"].get(name, 0) <= op.base % EPOCH_SHIFT:
        return True
    return bool(op.expected is not None and name in op.expected and op.expected[name] == row[name])
