"""Problems that the server causes, with a status of 5xx."""

from typing import Final, NamedTuple

from app.problems.problem import Problem


class Failure(NamedTuple):
    """The reason why the database cannot be used; the operator sees it in the CLI's output, the log and `/readyz`."""

    reason: str
    """The reason as a word for programs, such as `read-only`."""
    message: str
    """An explanation with advice; it contains no secrets and no stored data."""
    is_configuration: bool = False
    """Whether the failure lasts until the operator changes a setting, or the configuration of the database."""
    sqlstate: str = ""
    """The SQLSTATE code that PostgreSQL sent; empty if it sent none."""


READ_ONLY: Final = (
    "The database is read-only at present. Records can be read, but not changed. Send the same request again later."
)
"""The detail of the response to a write while the database is read-only."""


class Crashed(Problem):
    """Internal server error.

    An unexpected error occurred, and the request was not completed. Report the `request_id` to the server's operator.
    """

    status, code = 500, "crashed"


class Unavailable(Problem):
    """Temporarily unavailable.

    The server is overloaded or shutting down, or its database did not respond in time. If the request was a change, the
    change may have been saved or not. Send the same request again after the number of seconds in Retry-After. A
    creation with an `id` that you chose, or a pushed operation with an `op_id`, has one effect, even if it is sent
    again.
    """

    status, code = 503, "unavailable"

    def __init__(self, detail: str = "", failure: Failure | None = None, **members: str) -> None:
        """Set Retry-After to one second. `failure` is not part of the response."""
        super().__init__(detail, {"Retry-After": "1"}, **members)
        self.failure = failure


class UnreadableRecord(Problem):
    """Record unreadable.

    The server cannot decrypt data that this request needs. Report the `request_id` to the server's operator, who can
    find the record in the log. Nothing was changed.
    """

    status, code = 503, "unreadable-record"

    def __init__(self, detail: str = "") -> None:
        """Set Retry-After to an hour, because the operator has to fix the problem first."""
        super().__init__(detail, {"Retry-After": "3600"})


class StorageFull(Problem):
    """Storage full.

    The server cannot store anything until its operator frees disk space. The change was not saved; if the request had
    several records, some of them may have been saved. Keep the change, and send the same request again later.
    """

    status, code = 507, "storage-full"
    failure = Failure("storage-full", "the database's disk is full: free up some space", sqlstate="53100")
