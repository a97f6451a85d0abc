"""Problems of records."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, ClassVar, Self

from app.problems.faults import Fault
from app.problems.problem import Problem


class InvalidCursor(Problem):
    """Invalid cursor.

    The cursor does not belong to this list. A cursor is valid only for the same account, collection and filters. To
    start the list again, leave the cursor out.
    """

    status, code = 400, "invalid-cursor"


class Quota(StrEnum):
    """The quantities that are limited for each account."""

    RECORDS = "records"
    DOCUMENT_BYTES = "document-bytes"
    OPERATIONS = "remembered-operations"


class QuotaExceeded(Problem):
    """Quota exceeded.

    The request would exceed a quota of the account. The member `quota` names the quota, `limit` is its maximum, and
    `used` is the amount that the account already uses. Remove or shorten records. For the quota
    `remembered-operations`, wait: the server deletes old results of operations by itself.
    """

    status, code = 403, "quota-exceeded"

    def __init__(self, quota: Quota, limit: int, used: int) -> None:
        """Take the quota, its maximum, and the amount that the account already uses."""
        super().__init__(quota=quota.value, limit=limit, used=used)

    @classmethod
    def example(cls) -> Self:
        """Return an example with the number of records."""
        return cls(Quota.RECORDS, 200_000, 200_000)


class AlreadyExists(Problem):
    """Already exists.

    A record with this id exists with other content. You can repeat a creation only with the same content. Choose a new
    id, or change the existing record.
    """

    status, code = 409, "already-exists"


class Removed(Problem):
    """Record removed.

    The record with this id was removed. Create a new record with a new id, or restore the removed record by a push with
    `undelete`.
    """

    status, code = 409, "removed"


class InvalidTransition(Problem):
    """Invalid status transition.

    The status cannot change from its current value to the one in the request. The member `allowed` lists the statuses
    to which this record can change.
    """

    status, code = 409, "invalid-transition"

    @classmethod
    def example(cls) -> Self:
        """Return an example with the allowed statuses."""
        return cls(allowed=["completed", "entered-in-error"])


class Locked(Problem):
    """Field locked.

    A clinic manages this session, so only the clinic can change its clinical fields. The member `errors` lists the
    fields concerned. To change them yourself, first detach the session from the clinic: set `clinic_id` to null.
    """

    status, code = 409, "locked"
    fault: ClassVar[Fault] = Fault("/dose_value", "locked", "The clinic that manages the session sets this field.")

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Return the problem of an attempt to change the fields with these names."""
        return cls(errors=[cls.fault.at(f"/{name}").document() for name in names])

    @classmethod
    def example(cls) -> Self:
        """Return an example with one field."""
        return cls.of(["dose_value"])


class TooManyReferences(Problem):
    """Too many references.

    Too many records refer to this record, or to records that would be removed with it. First remove some of the records
    that refer to it.
    """

    status, code = 409, "too-many-references"


class Outdated(Problem):
    """Version conflict.

    The record has changed since you read it: the If-Match header does not name its current version. The member
    `current` is the current record. Merge your change with it, and send the result with the current version.
    """

    status, code = 412, "outdated"

    @classmethod
    def example(cls) -> Self:
        """Return the problem as the documentation shows it. Its `current` has two of the members of a record."""
        return cls(current={"id": "019aa2c4-7b00-7000-8000-000000000003", "version": 1099511627790})


class Invalid(Problem):
    """Validation failed.

    The member `errors` lists everything that is wrong, up to 100 faults. Each has a JSON pointer to the wrong value,
    the code of the rule, and what to send instead. The request had no effect.
    """

    status, code = 422, "validation"
    MAX_FAULTS: ClassVar[int] = 100
    """The maximum number of faults in a response. Without it, a body of unknown members would get a response of thirty
    times its size."""
    fault: ClassVar[Fault] = Fault("/kind", "required", "Field required.")

    def __init__(self, *faults: Fault, **members: Any) -> None:
        """Take all faults, of which the first `MAX_FAULTS` are reported, and further members of the document."""
        errors = [fault.document() for fault in faults[: self.MAX_FAULTS]]
        super().__init__("", None, errors=errors, **members)

    @classmethod
    def example(cls) -> Self:
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

    An update or a removal needs the header If-Match with the version that you read, so that it cannot overwrite another
    device's change unnoticed. `If-Match: *` forces the change.
    """

    status, code = 428, "precondition-required"
