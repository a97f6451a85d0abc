"""Problems of callers: authentication, permission, rate limits, and URLs of things that the caller cannot see."""

from typing import Self

from app.problems.problem import Problem


class NotSignedIn(Problem):
    """Not signed in.

    The request needs a valid access token in the header `Authorization: Bearer …`. The token is missing, expired,
    revoked or not issued by this API. Refresh it, or sign in again.
    """

    status, code = 401, "not-signed-in"

    def __init__(self, detail: str = "") -> None:
        """Add the header WWW-Authenticate with the challenge that RFC 6750 requires."""
        super().__init__(detail, {"WWW-Authenticate": "Bearer"})


class WrongCredentials(NotSignedIn):
    """Wrong credentials.

    The e-mail address, password, code or refresh token is wrong or no longer valid. The response is the same for every
    reason, so that it does not reveal who has an account.
    """

    code = "wrong-credentials"


class SecondFactorRequired(NotSignedIn):
    """Second factor required.

    The password or the e-mailed code is right, but the sign-in also needs a second factor. Send the member `ticket` to
    `POST /v1/auth/second-factor`, with a code from the authenticator app or a recovery code, within `expires_in` seconds.
    If `setup` is true, the account has no second factor yet: first set it up with `POST /v1/auth/second-factor/setup`.
    """

    code = "second-factor-required"

    def __init__(self, ticket: str, expires_in: int, *, setup: bool = False) -> None:
        """Take the ticket, its lifetime in seconds, and whether the second factor must first be set up."""
        super().__init__()
        self.members |= {"ticket": ticket, "expires_in": expires_in, "setup": setup}

    @classmethod
    def example(cls) -> Self:
        """Return an example with a shortened ticket."""
        return cls("c2VhbGVkLCBhcyBhbiBleGFtcGxl", 300)


class SecondFactorOn(Problem):
    """Second factor already on.

    The account already has a second factor. Turn it off before you set up another one.
    """

    status, code = 409, "second-factor-on"


class Forbidden(Problem):
    """Forbidden.

    The access token is valid, but of the wrong kind: an operation takes either a person's token or the token of a
    clinic's client.
    """

    status, code = 403, "forbidden"


class NotFound(Problem):
    """Not found.

    The URL names nothing that the caller can see: it never existed, was removed, or belongs to another account. The
    response is the same for all three.
    """

    status, code = 404, "not-found"


class TooManyAttempts(Problem):
    """Too many attempts.

    Too many attempts have failed, your network has sent too many requests of this kind, or the same calendar was
    requested too often. Wait for the number of seconds in Retry-After: until then, the server refuses further attempts.
    """

    status, code = 429, "too-many-attempts"

    def __init__(self, seconds: int = 60) -> None:
        """Set Retry-After, in seconds."""
        super().__init__("", {"Retry-After": str(seconds)})
        self.seconds = seconds


class TooManyExports(Problem):
    """Too many exports.

    An account can be exported a limited number of times a day. Use the last archive, or try again after the number of
    seconds in Retry-After.
    """

    status, code = 429, "too-many-exports"

    def __init__(self, seconds: int = 86_400) -> None:
        """Set Retry-After, in seconds: at most a day."""
        super().__init__("", {"Retry-After": str(seconds)})


class TooManyLinks(Problem):
    """Too many calendar links.

    An account can have five calendar links. Delete one that you no longer use, then create the new one.
    """

    status, code = 409, "too-many-links"


class TooManySearches(Problem):
    """Too many searches.

    An account can run one search at a time. Wait for the response to the other search, or try again after the number of
    seconds in Retry-After.
    """

    status, code = 429, "too-many-searches"

    def __init__(self, seconds: int = 1) -> None:
        """Set Retry-After, in seconds."""
        super().__init__("", {"Retry-After": str(seconds)})


class TooManyWaiting(Problem):
    """Too many long polls and streams.

    An account can have a limited number of long polls and event streams open at a time. Close one, or try again after
    the number of seconds in Retry-After. Requests that do not wait for changes are not affected.
    """

    status, code = 429, "too-many-waiting"

    def __init__(self, seconds: int = 30) -> None:
        """Set Retry-After, in seconds; the default is the maximum duration of a long poll."""
        super().__init__("", {"Retry-After": str(seconds)})
