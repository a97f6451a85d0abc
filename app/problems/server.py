"""Problems of the server."""

from typing import Final, NamedTuple

from app.problems.problem import Problem


class Failure(NamedTuple):
    """Why the database cannot be used, for the operator: on the command line, in the log and in `/readyz`."""

    reason: str
    """For programs, such as `read-only`."""
    message: str
    """What happened and what to do, without a secret and without data."""
    is_configuration: bool = False
    """Whether it lasts until a setting or the database's configuration is changed."""
    sqlstate: str = ""
    """PostgreSQL's code of the error, if it sent one."""


READ_ONLY: Final = "The database is read-only at present. Records can be read. Send the same request again later."
"""The detail of the problem of a write to a database that is read-only."""


class Crashed(Problem):
    """Internal server error.

    An unexpected error occurred, and the request was not completed. Report the `request_id` to the operator.
    """

    status, code = 500, "crashed"


class Unavailable(Problem):
    """Temporarily unavailable.

    The server is overloaded, is shutting down, or its database did not respond in time. Nothing was acknowledged. Send
    the same request again after the number of seconds in Retry-After.
    """

    status, code = 503, "unavailable"

    def __init__(self, detail: str = "", failure: Failure | None = None, **members: str) -> None:
        """Set Retry-After to one second. `failure` is not part of the response."""
        super().__init__(detail, {"Retry-After": "1"}, **members)
        self.failure = failure


class UnreadableRecord(Problem):
    """Record unreadable.

    The server cannot decrypt what it needs for this request. Report the `request_id` to the operator, who can find the
    record in the server's log. Nothing was changed.
    """

    status, code = 503, "unreadable-record"

    def __init__(self, detail: str = "") -> None:
        """Set Retry-After to an hour, because the operator has to solve the problem first."""
        super().__init__(detail, {"Retry-After": "3600"})


class StorageFull(Problem):
    """Storage full.

    The server cannot store anything until its operator frees disk space. Nothing was acknowledged.
    """

    status, code = 507, "storage-full"
    failure = Failure("storage-full", "the database's disk is full: free up some space", sqlstate="53100")
