"""What can go wrong, each kind with a document of its own (RFC 9457).

Problem
├── 400  MalformedRequest · MalformedBody · MalformedQuery · MalformedHeader · InvalidCursor
├── 401  NotSignedIn · WrongCredentials
├── 403  Forbidden
├── 404  NotFound
├── 405  MethodNotAllowed
├── 409  AlreadyExists · Removed · InvalidTransition
├── 412  Outdated
├── 413  BodyTooLarge
├── 414  UrlTooLong
├── 415  UnsupportedMediaType
├── 422  Invalid
│        ├── UnknownReference
│        └── DerivationCycle
├── 428  PreconditionRequired
├── 429  TooManyAttempts
├── 431  HeadersTooLarge
├── 500  Crashed
├── 503  Unavailable
└── 507  StorageFull

A class's docstring is what `GET /problems/<code>` tells a reader: the first line is the title. A problem never
repeats what was sent: the input may be the most private text there is.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the input: where (a JSON pointer, RFC 6901), which, and what would be right."""

    pointer: str
    code: str
    message: str


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """Something went wrong."""

    status: ClassVar[int]
    code: ClassVar[str]

    def __init__(self, detail: str = "", headers: Mapping[str, str] | None = None, **members: Any) -> None:
        """Say what happened in `detail`; `members` extend the document."""
        super().__init__(self.code)
        self.detail = detail or self.explanation()
        self.headers = dict(headers or {})
        self.members = members

    @classmethod
    def shown(cls) -> Self:
        """Return one as the docs show it."""
        return cls()

    @classmethod
    def title(cls) -> str:
        """Return the title: the first line of the class's docstring."""
        return inspect.cleandoc(cls.__doc__ or "").split("\n", 1)[0].rstrip(".")

    @classmethod
    def explanation(cls) -> str:
        """Return what the docstring says below its first line, as one paragraph."""
        return " ".join(inspect.cleandoc(cls.__doc__ or "").split("\n", 1)[1].split())

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the members of the problem document, in their order."""
        return {
            "type": f"/problems/{self.code}",
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **self.members,
        }


class MalformedRequest(Problem):
    """These bytes are no HTTP request.

    A request has one Host, one way to tell how long its body is, headers on one line each, and no trailers (RFC 9112).
    The connection was closed.
    """

    status, code = 400, "malformed-request"


class MalformedBody(Problem):
    """The body is not JSON.

    The body has to be one JSON text in UTF-8 (RFC 8259) without a byte order mark, without two members of one name,
    and nested at most 32 deep. Nothing of it was applied.
    """

    status, code = 400, "malformed-body"


class MalformedQuery(Problem):
    """The query string cannot be read.

    The part of the address after the question mark has to be percent-encoded UTF-8 without NUL.
    """

    status, code = 400, "malformed-query"


class MalformedHeader(Problem):
    """A header cannot be read.

    The header named in the detail does not have the form its specification gives it. If-Match takes one strong
    entity tag in quotes, such as "1099511627781", or an asterisk.
    """

    status, code = 400, "malformed-header"

    @classmethod
    def shown(cls) -> Self:
        """Show the header that most often is."""
        return cls("If-Match is malformed: give one entity tag in quotes, or *.")


class InvalidCursor(Problem):
    """The cursor does not belong to this list.

    A cursor continues the list it came from: same person, same collection, same filters. Begin again without a
    cursor.
    """

    status, code = 400, "invalid-cursor"


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


class MethodNotAllowed(Problem):
    """The address does not take that method.

    The header Allow lists the methods it takes.
    """

    status, code = 405, "method-not-allowed"


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


class BodyTooLarge(Problem):
    """The body is too large.

    The detail gives the limit in bytes. Nothing of the body was applied.
    """

    status, code = 413, "body-too-large"

    @classmethod
    def shown(cls) -> Self:
        """Show the usual limit."""
        return cls.beyond(2**20)

    @classmethod
    def beyond(cls, limit: int) -> Self:
        """Refuse a body of more than `limit` bytes."""
        return cls(f"A body here has at most {limit} bytes.", limit=limit)


class UrlTooLong(Problem):
    """The address is too long.

    An address has at most 8192 bytes, the query string included.
    """

    status, code = 414, "url-too-long"


class UnsupportedMediaType(Problem):
    """The body is of another media type than this operation reads.

    Send `application/json`; a PATCH may also send `application/merge-patch+json`. Bodies are UTF-8 and not compressed.
    """

    status, code = 415, "unsupported-media-type"


class Invalid(Problem):
    """Something in the request is not valid.

    The member `errors` lists everything that was wrong: where, which rule, and what would be right. Nothing of the
    request was applied.
    """

    status, code = 422, "validation"
    fault: ClassVar = Fault("/kind", "required", "Field required.")

    def __init__(self, *faults: Fault, **members: Any) -> None:
        """Refuse for all of `faults` at once."""
        errors = [{"pointer": fault.pointer, "code": fault.code, "message": fault.message} for fault in faults]
        super().__init__("", None, errors=errors, **members)

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
    fault = Fault("/session_id", "unknown-reference", "Name a living record of your own.")


class DerivationCycle(Invalid):
    """An intention cannot grow from itself.

    Following `derived_from_id` from this intention would lead back to it.
    """

    code = "derivation-cycle"
    fault = Fault("/derived_from_id", "derivation-cycle", "This would lead back to the record itself.")


class PreconditionRequired(Problem):
    """Say which version you mean.

    A change or a removal needs the header If-Match with the version that was read, so that no edit of another device
    is overwritten unseen. An asterisk forces it.
    """

    status, code = 428, "precondition-required"


class TooManyAttempts(Problem):
    """There were too many wrong tries.

    Wait for the seconds in Retry-After; until then even the right one is not looked at.
    """

    status, code = 429, "too-many-attempts"

    def __init__(self, seconds: int = 60) -> None:
        """Ask to be tried again after so many seconds."""
        super().__init__("", {"Retry-After": str(seconds)})


class HeadersTooLarge(Problem):
    """There are too many headers, or they are too large.

    A request has at most 100 headers, and 32 KiB of them together. The connection was closed.
    """

    status, code = 431, "headers-too-large"


class Crashed(Problem):
    """Something broke on our side.

    The request was not carried out. The request_id helps to find the cause.
    """

    status, code = 500, "crashed"


class Unavailable(Problem):
    """Busy; try again in a moment.

    The database did not answer in time. Nothing was acknowledged; the same request can be sent again after the
    seconds in Retry-After.
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


def kinds(root: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Yield every kind of problem there is."""
    for kind in root.__subclasses__():
        yield kind
        yield from kinds(kind)
