"""What can be wrong with a request before anybody looks at what it asks for."""

from typing import Self

from app.problems.problem import Problem


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
        return cls("If-Match is malformed: send one entity tag in quotes, or *.")


class MethodNotAllowed(Problem):
    """The address does not take that method.

    The header Allow lists the methods it takes.
    """

    status, code = 405, "method-not-allowed"


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


class ExpectationFailed(Problem):
    """The request expects something that this server does not do.

    The only expectation that is met is `Expect: 100-continue` (RFC 9110). The connection was closed.
    """

    status, code = 417, "expectation-failed"


class Misdirected(Problem):
    """The request is for another host.

    Host names no host that this server answers for. Use the API's own address.
    """

    status, code = 421, "misdirected"


class HeadersTooLarge(Problem):
    """There are too many headers, or they are too large.

    A request has at most 100 headers, and 32 KiB of them together. The connection was closed.
    """

    status, code = 431, "headers-too-large"
