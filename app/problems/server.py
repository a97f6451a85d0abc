"""What goes wrong on the side of the server."""

from app.problems.problem import Problem


class Crashed(Problem):
    """Something broke on our side.

    The request was not carried out. The request_id helps to find the cause.
    """

    status, code = 500, "crashed"


class Unavailable(Problem):
    """Busy; try again in a moment.

    The server has too much in hand, is about to stop, or its database did not answer in time. Nothing was acknowledged;
    the same request can be sent again after the seconds in Retry-After.
    """

    status, code = 503, "unavailable"

    def __init__(self, detail: str = "") -> None:
        """Ask to be tried again in a second."""
        super().__init__(detail, {"Retry-After": "1"})


class StorageFull(Problem):
    """The disk is full.

    The server cannot store anything more until its operator makes room. Nothing was acknowledged.
    """

    status, code = 507, "storage-full"
