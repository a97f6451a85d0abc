"""Dependencies for endpoints that read a body other than JSON, or validate the query themselves."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app.http.reading import check_media_type, faults_of, parse_pairs, read_all
from app.problems import BodyTooLarge, Fault, Invalid, MalformedBody, MalformedQuery

FORM: Final = "application/x-www-form-urlencoded"


class BodyStream:
    """A request body that is read piece by piece and never kept in memory as a whole."""

    def __init__(self, request: Request, max_bytes: int) -> None:
        """Take the request, and the maximum size of its body in bytes."""
        self._request, self._max_bytes = request, max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the pieces as they arrive.

        Raise `BodyTooLarge` if the body exceeds the maximum size, and `MalformedBody` if the client disconnects before
        the end of the body.
        """
        size, more = 0, True
        while more:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise MalformedBody
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._max_bytes:
                raise BodyTooLarge.beyond(self._max_bytes)
            more = message.get("more_body", False)
            if piece:
                yield piece


class BodyDependency:
    """A dependency that reads the body. The route resolves it last, after the caller, path, headers and query."""


@dataclass(frozen=True)
class RawBody(BodyDependency):
    """A dependency that provides the body as a stream: `Annotated[BodyStream, Depends(RawBody("application/zip"))]`."""

    media_type: str

    async def __call__(self, request: Request) -> BodyStream:
        """Return the stream of the body; raise `UnsupportedMediaType` if the body has another media type."""
        check_media_type(request, {self.media_type})
        return BodyStream(request, request.scope["max_body_bytes"])


@dataclass(frozen=True)
class FormBody(BodyDependency):
    """A dependency that provides a form in the body as a model: `Annotated[Token, Depends(FormBody(Token))]`.

    Unknown fields of the form are ignored (RFC 6749, 3.2).
    """

    model: type[BaseModel]

    async def __call__(self, request: Request) -> Any:
        """Return the form's known fields as the model.

        Raise `MalformedBody` if the form cannot be parsed, and `Invalid` if a field is repeated or not valid.
        """
        check_media_type(request, {FORM})
        try:
            pairs = parse_pairs(await read_all(request))
        except MalformedQuery:
            detail = "The form must be percent-encoded UTF-8 without NUL."
            raise MalformedBody(detail) from None
        known = [(name, value) for name, value in pairs if name in self.model.model_fields]
        counts = Counter(name for name, _ in known)
        if len(counts) < len(known):
            names = sorted(name for name, count in counts.items() if count > 1)
            raise Invalid(*(Fault(f"/{name}", "repeated", "Send this parameter once.") for name in names))
        try:
            return self.model.model_validate(dict(known))
        except ValidationError as error:
            raise Invalid(*faults_of(error)) from None


async def raw_query(request: Request) -> list[tuple[str, str]]:
    """Return the names and values of the query in their order, for an endpoint that validates them itself."""
    return parse_pairs(request.scope["query_string"])


RawQuery = Annotated[list[tuple[str, str]], Depends(raw_query)]
