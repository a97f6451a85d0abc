"""Problems of records."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, ClassVar, Self

from app.problems.faults import Fault
from app.problems.problem import Problem


class InvalidCursor(Problem):
    """Invalid cursor.

    A cursor continues the list that returned it: same account, same collection, same filters. Start again without a
    cursor.
    """

    status, code = 400, "invalid-cursor"


class Quota(StrEnum):
    """What an account can have a limited amount of."""

    RECORDS = "records"
    DOCUMENT_BYTES = "document-bytes"
    OPERATIONS = "remembered-operations"


class QuotaExceeded(Problem):
    """Quota exceeded.

    The account has as much as it may have of what the member `quota` names: `limit` is how much that is, `used` how much
    it has. Remove records, or make them shorter; remembered operations are deleted when they are old enough.
    """

    status, code = 403, "quota-exceeded"

    def __init__(self, quota: Quota, limit: int, used: int) -> None:
        """Name the quota."""
        super().__init__(quota=quota.value, limit=limit, used=used)

    @classmethod
    def shown(cls) -> Self:
        """Return an example with the number of records."""
        return cls(Quota.RECORDS, 200_000, 200_000)


class AlreadyExists(Problem):
    """Already exists.

    A record with this id exists with other content. Sending the same record again is always safe; sending another one
    with the same id is not. Choose a new id, or change the existing record.
    """

    status, code = 409, "already-exists"


class Removed(Problem):
    """Record removed.

    The record with this id was removed, and removed records do not come back. Create a new record with a new id.
    """

    status, code = 409, "removed"


class InvalidTransition(Problem):
    """Invalid status transition.

    The status cannot change from its current value to the one sent. The member `allowed` lists the statuses that this
    record can change to.
    """

    status, code = 409, "invalid-transition"

    @classmethod
    def shown(cls) -> Self:
        """Return an example with the allowed statuses."""
        return cls(allowed=["completed", "entered-in-error"])


class Locked(Problem):
    """Field locked.

    A clinic manages this session, so its clinical fields cannot be changed here. The member `errors` lists the fields. To
    make them your own, set `clinic_id` to null, which detaches the session from the clinic.
    """

    status, code = 409, "locked"
    fault: ClassVar[Fault] = Fault("/dose_value", "locked", "The clinic that manages the session sets this field.")

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Return the problem of a change of these fields."""
        return cls(errors=[cls.fault.at(f"/{name}").document() for name in names])

    @classmethod
    def shown(cls) -> Self:
        """Return an example with one field."""
        return cls.of(["dose_value"])


class TooManyReferences(Problem):
    """Too many references.

    So many records refer to this one, or to those that would be removed with it, that it cannot be removed at once. Remove
    some of them first.
    """

    status, code = 409, "too-many-references"


class Outdated(Problem):
    """Version conflict.

    The record has changed since you read it: the If-Match header does not name its current version. The member
    `current` is the current record. Merge your change with it, and send it again with the current version.
    """

    status, code = 412, "outdated"

    @classmethod
    def shown(cls) -> Self:
        """Return an example with a record, shortened."""
        return cls(current={"id": "019aa2c4-7b00-7000-8000-000000000003", "version": 1099511627790})


class Invalid(Problem):
    """Validation failed.

    The member `errors` lists everything that is wrong, up to 100 faults: where, which rule, and what to send instead.
    Nothing of the request was applied.
    """

    status, code = 422, "validation"
    MAX_FAULTS: ClassVar[int] = 100
    """A body of unknown members would otherwise get a response of thirty times its size."""
    fault: ClassVar[Fault] = Fault("/kind", "required", "Field required.")

    def __init__(self, *faults: Fault, **members: Any) -> None:
        """Report all faults at once, up to `MAX_FAULTS`."""
        errors = [fault.document() for fault in faults[: self.MAX_FAULTS]]
        super().__init__("", None, errors=errors, **members)

    @classmethod
    def shown(cls) -> Self:
        """Return an example with one fault."""
        return cls(cls.fault)


class UnknownReference(Invalid):
    """Unknown reference.

    A record can refer only to existing records of the same account. The response is the same for an id that never
    existed, was removed, or belongs to another account.
    """

    code = "unknown-reference"
    fault = Fault("/session_id", "unknown-reference", "Give the id of one of your own records that is not removed.")


class DerivationCycle(Invalid):
    """Derivation cycle.

    An intention cannot derive from itself: following `derived_from_id` from this intention would return to it.
    """

    code = "derivation-cycle"
    fault = Fault("/derived_from_id", "derivation-cycle", "This reference would make the record its own ancestor.")


class PreconditionRequired(Problem):
    """If-Match required.

    An update or a removal needs the header If-Match with the version that you read, so that no change of another
    device is overwritten unseen. `If-Match: *` forces the change.
    """

    status, code = 428, "precondition-required"
