"""`"return": "minimal"` in a push: a result contains no record if the device already knows all the record's values."""

from app.db import Row
from app.records.codec import EPOCH_SHIFT
from app.records.write.ops import Op, OpOutcome, Outcome

_SUCCESSFUL = {OpOutcome.APPLIED, OpOutcome.UNCHANGED}
_CREATED = 201


def leaves_out_record(op: Op, outcome: Outcome) -> bool:
    """Return whether the record exists after an operation, and the device knows all values in it.

    The device does not know all values if the server completed the record, if it merged the operation with a change by
    another device, or if the kind has computed members. After a creation, the device knows `created_at` only if it is
    equal to `updated_at`, which the result contains.
    """
    row = outcome.row
    if row is None or op.fields is None or outcome.result not in _SUCCESSFUL or op.resource.computed_names:
        return False
    if (op.has_no_base or outcome.status == _CREATED) and row["created_at"] != row["updated_at"]:
        return False
    return all(_is_known(op, op.fields, row, name) for name in op.resource.field_names)


def _is_known(op: Op, fields: Row, row: Row, name: str) -> bool:
    """Return whether the device knows the value that a field has now.

    If the field is in the operation's `set`, or otherwise in its `was`, the device knows the value if it is the one
    sent there. Any other value is known if it has not changed since the operation's base version or, without a base
    version, if it is null.
    """
    if name in fields:
        return bool(row[name] == fields[name])
    if op.expected is not None and name in op.expected:
        return bool(row[name] == op.expected[name])
    if op.base is not None:
        return bool(row["field_seq"].get(name, 0) <= op.base % EPOCH_SHIFT)
    return row[name] is None
