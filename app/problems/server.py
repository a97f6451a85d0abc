"""Problems of the server."""

from app.problems.problem import Problem


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

    def __init__(self, detail: str = "") -> None:
        """Set Retry-After to one second."""
        super().__init__(detail, {"Retry-After": "1"})


class StorageFull(Problem):
    """Storage full.

    The server cannot store anything until its operator frees disk space. Nothing was acknowledged.
    """

    status, code = 507, "storage-full"
