"""Problems of sync."""

from typing import Literal, Self

from app.problems.faults import Fault
from app.problems.problem import Problem
from app.problems.records import Invalid


class BatchRefused(Problem):
    """Batch refused.

    The push was atomic, and at least one of its operations failed, so none was applied. The member `results` has the
    result of each operation.
    """

    status, code = 409, "batch-refused"

    @classmethod
    def example(cls) -> Self:
        """Return an example without results."""
        return cls(head=1099511627790, results=[])


class CursorExpired(Problem):
    """Cursor expired.

    The server can no longer use this cursor or `base`: it is too old, or the server was restored from a backup. If the
    `reason` is `restored`, the server has lost its latest changes: first push every local record whose version is above
    `kept_through`, with all its fields and `if_missing: "create"`, without `base` and `was`. Then, for either reason,
    pull everything from 0. Finally delete the local records that the pull did not return, except those with edits that
    have not been pushed. The guide describes this under "Replacing the copy".
    """

    status, code = 410, "cursor-expired"

    @classmethod
    def because(cls, reason: Literal["expired", "restored"], kept_through: int | None) -> Self:
        """Return the problem with its reason and the member `resync`, which says how to replace the local copy."""
        return cls(reason=reason, resync={"since": 0, "mode": "replace", "kept_through": kept_through})

    @classmethod
    def for_clinic(cls) -> Self:
        """Return the problem of a clinic's cursor, without a reason: after a restore, a clinic has nothing to push."""
        return cls(resync={"since": "0", "mode": "replace"})

    @classmethod
    def example(cls) -> Self:
        """Return an example after a restore."""
        return cls.because("restored", 1099511627790)


class TooManyOps(Problem):
    """Too many operations.

    The member `limits` gives the maximum number of operations and bytes of a push. The request had no effect.
    """

    status, code = 413, "too-many-ops"

    @classmethod
    def example(cls) -> Self:
        """Return an example with the usual limits."""
        return cls.beyond(500, 2 * 2**20)

    @classmethod
    def beyond(cls, max_ops: int, max_bytes: int) -> Self:
        """Return the problem for a push of more than `max_ops` operations."""
        return cls(limits={"max_ops": max_ops, "max_bytes": max_bytes})


class OpIdReused(Invalid):
    """op_id reused.

    Another operation has already used this op_id. To repeat an operation, send the same content; for a different
    operation, choose a new op_id.
    """

    code = "op-id-reused"
    fault = Fault("/op_id", "op-id-reused", "Choose a new op_id for this operation.")


class DuplicateTarget(Invalid):
    """Duplicate target.

    A push can have at most one operation per record. Combine all edits of a record in one operation.
    """

    code = "duplicate-target"
    fault = Fault("/id", "duplicate-target", "Send one operation per record, with all its edits combined.")


class ParentMissing(Invalid):
    """Parent missing.

    A reference names a record that the server does not have yet. Push that record first, or in the same push as this
    operation.
    """

    status, code = 424, "parent-missing"
    fault = Fault("/session_id", "parent-missing", "Push the record that this field refers to first.")
