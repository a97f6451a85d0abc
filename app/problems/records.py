"""What records refuse."""

from typing import Any, ClassVar, Self

from app.problems.problem import Fault, Problem


class InvalidCursor(Problem):
    """The cursor does not belong to this list.

    A cursor continues the list it came from: same person, same collection, same filters. Begin again without a
    cursor.
    """

    status, code = 400, "invalid-cursor"


class AlreadyExists(Problem):
    """A record of that id exists with other content.

    Sending the same record again is always safe; sending another one under an id in use is not. Choose a new id, or
    change the existing record.
    """

    status, code = 409, "already-exists"


class Removed(Problem):
    """The record of that id was removed.

    What was removed stays removed. Write a new record under a new id.
    """

    status, code = 409, "removed"


class InvalidTransition(Problem):
    """The status cannot change that way.

    A status moves along the transitions that its kind of record lists. The member `allowed` names where this record
    can go from where it stands.
    """

    status, code = 409, "invalid-transition"

    @classmethod
    def shown(cls) -> Self:
        """Show where it could go."""
        return cls(allowed=["completed", "entered-in-error"])


class Outdated(Problem):
    """The record has changed since you read it.

    The If-Match header does not name the record's present version. The member `current` is the record as it stands:
    merge your edit with it, and send it again with its version.
    """

    status, code = 412, "outdated"

    @classmethod
    def shown(cls) -> Self:
        """Show the record, its fields left out here."""
        return cls(current={"id": "019aa2c4-7b00-7000-8000-000000000003", "version": 1099511627790})


class Invalid(Problem):
    """Something in the request is not valid.

    The member `errors` lists everything that was wrong: where, which rule, and what would be right. Nothing of the
    request was applied.
    """

    status, code = 422, "validation"
    fault: ClassVar = Fault("/kind", "required", "Field required.")

    def __init__(self, *faults: Fault, **members: Any) -> None:
        """Refuse for all of `faults` at once."""
        super().__init__("", None, errors=[fault.document() for fault in faults], **members)

    @classmethod
    def shown(cls) -> Self:
        """Show one fault."""
        return cls(cls.fault)


class UnknownReference(Invalid):
    """A reference names no record of yours.

    A record refers only to living records of the same person. An id that never existed, was removed or belongs to
    somebody else gets this same answer.
    """

    code = "unknown-reference"
    fault = Fault("/session_id", "unknown-reference", "Give the id of one of your own records that is not removed.")


class DerivationCycle(Invalid):
    """An intention cannot grow from itself.

    Following `derived_from_id` from this intention would lead back to it.
    """

    code = "derivation-cycle"
    fault = Fault("/derived_from_id", "derivation-cycle", "This reference would make the record its own ancestor.")


class PreconditionRequired(Problem):
    """Say which version you mean.

    A change or a removal needs the header If-Match with the version that was read, so that no edit of another device
    is overwritten unseen. An asterisk forces it.
    """

    status, code = 428, "precondition-required"
