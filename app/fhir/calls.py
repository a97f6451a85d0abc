"""What the routes below `/fhir` read from a request: the caller, the body, conditions and tags."""

import re
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Path
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request

from app import json_strict
from app.clinics import scopes
from app.clinics.calls import ClientCaller, ClientToken
from app.consents.fields import is_system, is_value
from app.fhir.dialect import JSON_TYPES
from app.fhir.parts import Identifier
from app.fhir.searching import IGNORED, Pairs, check_format, check_only_format
from app.fhir.types import TYPES
from app.http import header_values
from app.http.bodies import FORM, BodyDependency
from app.http.reading import check_media_type, parse_pairs, read_all
from app.ids import Id
from app.openapi import Json
from app.problems import (
    Fault,
    InsufficientScope,
    InvalidResource,
    MalformedBody,
    MalformedHeader,
    MalformedQuery,
    MethodNotAllowed,
    NotAcceptable,
    PreconditionFailed,
)

_METHODS: Final = {"list": {"GET": "s", "POST": "c", "PUT": "u"}, "one": {"GET": "r", "PUT": "u"}}
_tag: Final = re.compile(r'(?:W/)?"(\d{1,18})"', re.ASCII).fullmatch
_lenient: Final = re.compile(r"(?:\A|[,;])\s*handling\s*=\s*\"?lenient\"?\s*(?:[,;]|\Z)", re.IGNORECASE).search
_accepted: Final = re.compile(r"\*/\*|application/\*|application/(?:fhir\+)?json|text/json", re.IGNORECASE).match


class TypeConvertor(StringConvertor):
    """The types of resource in a path. A path with another type is not found (404)."""

    regex = "|".join(TYPES)


register_url_convertor("fhir_type", TypeConvertor())


class FhirToken(ClientToken):
    """A dependency that returns the calling client if its token allows an interaction with the type in the path.

    `letters` are those of the scope. A type that does not support the interaction is refused with 405, before the caller is
    authenticated, as an unknown method of a path is.
    """

    def __init__(self, letters: str, path: str, *, checks_accept: bool = True) -> None:
        """Take the letters, and whether the path is that of a list or of one resource.

        `checks_accept` is false for a response that is not one JSON value.
        """
        super().__init__()
        self._checks_accept = checks_accept
        self._by_type = {
            name: ClientToken(name, letters) for name, kind in TYPES.items() if {*letters} <= {*kind.letters}
        }
        self._path = path

    async def __call__(self, request: Request) -> ClientCaller:
        """Return the authenticated client."""
        name = request.scope["path_params"]["type"]
        token = self._by_type.get(name)
        if token is None:
            raise MethodNotAllowed(headers={"Allow": ", ".join(allowed_methods(name, self._path))})
        call = await token(request)
        if self._checks_accept:
            check_accept(request)
        return call


class AnyFhirToken(ClientToken):
    """A dependency that returns the calling client; what it may do is checked when the types of resource are known."""

    def __init__(self, *, checks_accept: bool = True) -> None:
        """`checks_accept` is false for a response that is not one JSON value."""
        super().__init__()
        self._checks_accept = checks_accept

    async def __call__(self, request: Request) -> ClientCaller:
        """Return the authenticated client."""
        call = await super().__call__(request)
        if self._checks_accept:
            check_accept(request)
        return call


def allowed_methods(name: str, path: str) -> list[str]:
    """Return the methods that a path of a type supports."""
    found = {method for method, permission in _METHODS[path].items() if permission in TYPES[name].letters}
    return sorted({*found, "HEAD"})


def check_scope(call: ClientCaller, name: str, letters: str) -> None:
    """Raise `InsufficientScope` if the token does not allow an interaction."""
    if not {*letters} <= {*scopes.parse(call.scope).get(name, "")}:
        needed = f"system/{name}.{letters}"
        raise InsufficientScope.needing(needed)


def check_accept(request: Request) -> None:
    """Raise `NotAcceptable` if the client accepts no JSON."""
    accepted = ",".join(header_values(request, b"accept"))
    if accepted.strip() and not any(_accepted(each.strip()) for each in accepted.split(",")):
        raise NotAcceptable


class ResourceBody(BodyDependency):
    """The body as a JSON object."""

    async def __call__(self, request: Request) -> Json:
        """Return the object; raise `UnsupportedMediaType`, `MalformedBody` or `InvalidResource`."""
        check_media_type(request, JSON_TYPES)
        value: Any = json_strict.parse(await read_all(request))
        if not isinstance(value, dict):
            raise InvalidResource(Fault("", "object", "Send a JSON object."))
        return value


class SearchBody(BodyDependency):
    """The parameters of a search in a form, which may be absent."""

    async def __call__(self, request: Request) -> Pairs:
        """Return names and values; raise `UnsupportedMediaType` or `MalformedBody`."""
        body = await read_all(request)
        if not body and not header_values(request, b"content-type"):
            return []
        check_media_type(request, {FORM})
        try:
            return parse_pairs(body)
        except MalformedQuery:
            detail = "The form must be percent-encoded UTF-8 without NUL."
            raise MalformedBody(detail) from None


def is_lenient(prefer: str | None) -> bool:
    """Return whether the header Prefer asks to ignore unknown parameters."""
    return prefer is not None and _lenient(prefer) is not None


def version_of(if_match: str | None) -> int | None:
    """Return the version in If-Match; None without the header or with `*`. Raise `MalformedHeader`."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _tag(if_match.strip())
    if found is None:
        raise MalformedHeader('If-Match is malformed: send one version, such as W/"7".')
    return int(found[1])


def condition_of(pairs: Pairs) -> Identifier:
    """Return the one identifier that a condition names; raise `PreconditionFailed` if it is not one."""
    check_format(pairs)
    conditions = [(name, value) for name, value in pairs if name not in IGNORED]
    if [name for name, _ in conditions] != ["identifier"]:
        raise PreconditionFailed.of_condition()
    system, bar, value = conditions[0][1].partition("|")
    if not (bar and is_system(system) and is_value(value)):
        raise PreconditionFailed.of_condition()
    return system, value


def condition_in(header: str | None, query: Pairs) -> Identifier | None:
    """Return the identifier in If-None-Exist, or in the query, where fhirpy sends it; None if there is no condition."""
    if any(name == "identifier" for name, _ in query):
        return condition_of(query)
    check_only_format(query)
    if header is None:
        return None
    try:
        return condition_of(parse_pairs(header.rpartition("?")[2].encode("latin-1", "replace")))
    except MalformedQuery:
        raise PreconditionFailed.of_condition() from None


Body = Annotated[Json, Depends(ResourceBody())]
Form = Annotated[Pairs, Depends(SearchBody())]
ResourceId = Annotated[Id, Path(description="The id of the resource.")]
TypeName = Annotated[str, Path(description="The type of resource.", json_schema_extra={"example": "Procedure"})]
Prefer = Annotated[str | None, Header(alias="Prefer", description="`handling=lenient` ignores unknown parameters.")]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="The version that the resource must have.")]
IfNoneExist = Annotated[
    str | None, Header(alias="If-None-Exist", description="`identifier=system|value`: create it only if there is none.")
]
