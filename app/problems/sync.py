"""What syncing refuses."""

from typing import ClassVar, Literal, Self

from app.problems.problem import Fault, Problem
from app.problems.records import Invalid


class BatchRefused(Problem):
    """The batch was refused as a whole.

    It was to be carried out whole or not at all, and an operation of it could not be. Nothing happened. The member
    `results` says of each operation what would have become of it.
    """

    status, code = 409, "batch-refused"

    @classmethod
    def shown(cls) -> Self:
        """Show an empty one."""
        return cls(head=1099511627790, results=[])


class CursorExpired(Problem):
    """The cursor or base cannot be served any more.

    Pull everything again from 0, and drop what you had but the pull did not bring, save what you have not pushed yet.
    The reason `restored` means that the server lost its latest changes: first push again, with `if_missing: "create"`,
    every record whose version you know is above `kept_through`.
    """

    status, code = 410, "cursor-expired"

    @classmethod
    def because(cls, reason: Literal["expired", "restored"], kept_through: int | None) -> Self:
        """Say why, and how to come to a common state again."""
        return cls(reason=reason, resync={"since": 0, "mode": "replace", "kept_through": kept_through})

    @classmethod
    def shown(cls) -> Self:
        """Show one after a restore."""
        return cls.because("restored", 1099511627790)


class TooManyOps(Problem):
    """The push has too many operations.

    The member `limits` gives the most operations and the most bytes of one push. Nothing of it was applied.
    """

    status, code = 413, "too-many-ops"

    @classmethod
    def shown(cls) -> Self:
        """Show the limits."""
        return cls.beyond(500, 2 * 2**20)

    @classmethod
    def beyond(cls, max_ops: int, max_bytes: int) -> Self:
        """Refuse a push of more than `max_ops` operations."""
        return cls(limits={"max_ops": max_ops, "max_bytes": max_bytes})


class OpIdReused(Invalid):
    """The op_id was used for another operation.

    An op_id names one operation of one device: repeat it with the same content, or choose a new one.
    """

    code = "op-id-reused"
    fault = Fault("/op_id", "op-id-reused", "Choose a new op_id for another operation.")


class DuplicateTarget(Invalid):
    """The push has an operation on this record already.

    A push has at most one operation on a record: send the sum of the edits.
    """

    code = "duplicate-target"
    fault = Fault("/id", "duplicate-target", "Send one operation for a record: the sum of its edits.")


class ParentMissing(Invalid):
    """A reference names a record that the server does not have yet.

    Push the record that it refers to, in the same push or an earlier one, and then this operation again.
    """

    status, code = 424, "parent-missing"
    fault = Fault("/session_id", "parent-missing", "Push what this refers to first.")
    advice: ClassVar = fault.message
