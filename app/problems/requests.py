"""Problems of a request's form: its framing, headers, URL, media type and syntax."""

from collections.abc import Iterable
from typing import Self

from app.problems.problem import Problem


class MalformedRequest(Problem):
    """Malformed HTTP request.

    The request is not valid HTTP (RFC 9112), or the length of its body is ambiguous. Send exactly one Host header,
    either Content-Length or `Transfer-Encoding: chunked`, each header on one line, and no trailers. The connection was
    closed.
    """

    status, code = 400, "malformed-request"


class MalformedBody(Problem):
    """Malformed body.

    The body must be one JSON text in UTF-8 (RFC 8259) without a byte order mark or duplicate member names, nested at
    most 32 levels deep. The request had no effect.
    """

    status, code = 400, "malformed-body"


class BadArchive(Problem):
    """Bad archive.

    The body is not an archive that this server can import. It is not a complete ZIP file, was changed or damaged after
    its export, exceeds a limit, or is not in the format that the parameter `from` names. The `detail` of the response
    says which check failed. Nothing was imported. Send the ZIP file exactly as it was exported.
    """

    status, code = 400, "bad-archive"


class MalformedQuery(Problem):
    """Malformed query string.

    The query string must be percent-encoded UTF-8 without NUL.
    """

    status, code = 400, "malformed-query"


class MalformedHeader(Problem):
    """Malformed header.

    The header that the detail names does not have the form that its specification requires. If-Match takes one entity
    tag in quotes, such as "1099511627781", or an asterisk.
    """

    status, code = 400, "malformed-header"

    @classmethod
    def example(cls) -> Self:
        """Return an example with If-Match."""
        return cls("If-Match is malformed: send one entity tag in quotes, or *.")


class MethodNotAllowed(Problem):
    """Method not allowed.

    The URL does not support this method. The header Allow lists the methods that it supports.
    """

    status, code = 405, "method-not-allowed"


class BodyTooLarge(Problem):
    """Body too large.

    The body is larger than this operation accepts. The member `limit` is the maximum size in bytes. The request had no
    effect.
    """

    status, code = 413, "body-too-large"

    @classmethod
    def example(cls) -> Self:
        """Return an example for the documentation: the problem of the operations that accept at most 1 MiB, as most do."""
        return cls.beyond(2**20)

    @classmethod
    def beyond(cls, limit: int) -> Self:
        """Return the problem for a body of more than `limit` bytes."""
        return cls(f"The body of this request may have at most {limit} bytes.", limit=limit)


class UrlTooLong(Problem):
    """URL too long.

    A URL can have at most 8192 bytes, including the query string.
    """

    status, code = 414, "url-too-long"


class UnsupportedMediaType(Problem):
    """Unsupported media type.

    Send the body in a media type that the operation accepts, in UTF-8 if it is text, and not compressed.
    """

    status, code = 415, "unsupported-media-type"

    @classmethod
    def example(cls) -> Self:
        """Return an example for the documentation: the problem of the operations that accept only JSON, as most do."""
        return cls.expecting(["application/json"])

    @classmethod
    def expecting(cls, media_types: Iterable[str]) -> Self:
        """Return the problem for a body whose media type is not one of `media_types`."""
        return cls(f"Send the body as {' or '.join(sorted(media_types))}, in UTF-8 if it is text, and not compressed.")

    @classmethod
    def encoded(cls) -> Self:
        """Return the problem for a body with the header Content-Encoding (RFC 9110, 15.5.16)."""
        detail = "Send the body uncompressed, without the header Content-Encoding."
        return cls(detail, headers={"Accept-Encoding": "identity"})


class ExpectationFailed(Problem):
    """Expectation failed.

    The only expectation that this server supports is `Expect: 100-continue` (RFC 9110). The connection was closed.
    """

    status, code = 417, "expectation-failed"


class Misdirected(Problem):
    """Wrong host.

    The Host header names a host that this server does not serve. Use the URL of the API.
    """

    status, code = 421, "misdirected"


class HeadersTooLarge(Problem):
    """Headers too large.

    A request can have at most 100 headers, and 32 KiB of headers in total. The connection was closed.
    """

    status, code = 431, "headers-too-large"
