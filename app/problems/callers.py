"""What a caller is refused: for who they are, or since there is nothing for them."""

from app.problems.problem import Problem


class NotSignedIn(Problem):
    """Sign in first.

    The request needs an access token in the header `Authorization: Bearer …`, and the one given is missing, expired,
    ended or not ours. Refresh it, or sign in again.
    """

    status, code = 401, "not-signed-in"

    def __init__(self, detail: str = "") -> None:
        """Refuse with the challenge that RFC 6750 asks for."""
        super().__init__(detail, {"WWW-Authenticate": "Bearer"})


class WrongCredentials(NotSignedIn):
    """That did not match.

    The address, the password, the code or the refresh token is not right, or no longer valid. The answer is the same
    for every reason, so that it tells nobody who has an account.
    """

    code = "wrong-credentials"


class Forbidden(Problem):
    """You cannot do that.

    The caller is known, but this operation is not open to callers of that kind.
    """

    status, code = 403, "forbidden"


class NotFound(Problem):
    """There is nothing here.

    The address names nothing that the caller could see: it never existed, was removed, or belongs to somebody else.
    The answer is the same for all three.
    """

    status, code = 404, "not-found"


class TooManyAttempts(Problem):
    """There were too many wrong tries.

    Wait for the seconds in Retry-After; until then even the right one is not looked at.
    """

    status, code = 429, "too-many-attempts"

    def __init__(self, seconds: int = 60) -> None:
        """Ask to be tried again after so many seconds."""
        super().__init__("", {"Retry-After": str(seconds)})


class TooManyWaiting(Problem):
    """You are waiting too often at once.

    An account has only so many long polls and event streams at a time. End one, or come back after the seconds in
    Retry-After; without waiting, everything else is served.
    """

    status, code = 429, "too-many-waiting"

    def __init__(self, seconds: int = 30) -> None:
        """Ask to be tried again once a long poll is over."""
        super().__init__("", {"Retry-After": str(seconds)})
