"""FastAPI dependencies and functions that read requests below `/fhir`: the calling client, the body, and conditions.

A condition is in a header, such as If-Match, or in the query of a conditional create or update.
"""

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
_READING: Final = {"r", "s"}
"""The scope letters of interactions whose statement proves that the client is active."""
_tag: Final = re.compile(r'(?:W/)?"(\d{1,18})"', re.ASCII).fullmatch
_lenient: Final = re.compile(r"(?:\A|[,;])\s*handling\s*=\s*\"?lenient\"?\s*(?:[,;]|\Z)", re.IGNORECASE).search
_accepted: Final = re.compile(r"\*/\*|application/\*|application/(?:fhir\+)?json|text/json", re.IGNORECASE).match


class TypeConvertor(StringConvertor):
    """The convertor of path parameters that are a supported resource type. A path with any other type gets 404."""

    regex = "|".join(TYPES)


register_url_convertor("fhir_type", TypeConvertor())


class FhirToken(ClientToken):
    """A dependency that returns the calling client if its token allows an interaction with the type in the path.

    If the type does not support the interaction, the request gets 405 before the client is authenticated.
    """

    def __init__(self, letters: str, path: str, *, checks_accept: bool = True) -> None:
        """Set the scope letters that the token needs, such as `cu`, and the form of the path.

        `path` is `list` for the path `/fhir/{type}`, and `one` for the path of one resource. Pass `checks_accept=False`
        if the response is not JSON: then the Accept header is not checked.
        """
        super().__init__()
        self._checks_accept = checks_accept
        self._by_type = {
            name: ClientToken(name, letters, is_lazy={*letters} <= _READING)
            for name, kind in TYPES.items()
            if {*letters} <= {*kind.letters}
        }
        self._path = path

    async def __call__(self, request: Request) -> ClientCaller:
        """Return the authenticated client; raise `MethodNotAllowed`, `NotAcceptable`, or a problem of `ClientToken`."""
        name = request.scope["path_params"]["type"]
        token = self._by_type.get(name)
        if token is None:
            raise MethodNotAllowed(headers={"Allow": ", ".join(allowed_methods(name, self._path))})
        call = await token(request)
        if self._checks_accept:
            check_accept(request)
        return call


class AnyFhirToken(ClientToken):
    """A dependency that returns the calling client, whatever its scopes are.

    The route checks the scope for each resource type that the request is about.
    """

    def __init__(self, *, checks_accept: bool = True) -> None:
        """Pass `checks_accept=False` if the response is not JSON: then the Accept header is not checked."""
        super().__init__()
        self._checks_accept = checks_accept

    async def __call__(self, request: Request) -> ClientCaller:
        """Return the authenticated client; raise `NotAcceptable`, or a problem of `ClientToken`."""
        call = await super().__call__(request)
        if self._checks_accept:
            check_accept(request)
        return call


def allowed_methods(name: str, path: str) -> list[str]:
    """Return the HTTP methods that a path of the type `name` supports.

    `path` is `list` for the path `/fhir/{type}`, and `one` for the path of one resource.
    """
    found = {method for method, permission in _METHODS[path].items() if permission in TYPES[name].letters}
    return sorted({*found, "HEAD"})


def check_scope(call: ClientCaller, name: str, letters: str) -> None:
    """Raise `InsufficientScope` if the token's scope for the type `name` lacks one of `letters`, such as `cu`."""
    if not {*letters} <= {*scopes.parse(call.scope).get(name, "")}:
        needed = f"system/{name}.{letters}"
        raise InsufficientScope.needing(needed)


def check_accept(request: Request) -> None:
    """Raise `NotAcceptable` if the Accept header does not allow JSON."""
    accepted = ",".join(header_values(request, b"accept"))
    if accepted.strip() and not any(_accepted(each.strip()) for each in accepted.split(",")):
        raise NotAcceptable


class ResourceBody(BodyDependency):
    """A dependency that returns the body, which must be a JSON object."""

    async def __call__(self, request: Request) -> Json:
        """Return the body.

        Raise `UnsupportedMediaType` or `MalformedBody`, and `InvalidResource` if the body is not a JSON object.
        """
        check_media_type(request, JSON_TYPES)
        value: Any = json_strict.parse(await read_all(request))
        if not isinstance(value, dict):
            raise InvalidResource(Fault("", "object", "Send a JSON object."))
        return value


class SearchBody(BodyDependency):
    """A dependency that returns the search parameters from a form in the body, or none if there is no body."""

    async def __call__(self, request: Request) -> Pairs:
        """Return the name and value of each search parameter; raise `UnsupportedMediaType` or `MalformedBody`."""
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
    """Return whether the Prefer header contains `handling=lenient`: then unknown parameters are ignored."""
    return prefer is not None and _lenient(prefer) is not None


def version_of(if_match: str | None) -> int | None:
    """Return the version in If-Match; None if the header is absent or `*`. Raise `MalformedHeader` for other values."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _tag(if_match.strip())
    if found is None:
        raise MalformedHeader('If-Match is malformed: send one version, such as W/"7".')
    return int(found[1])


def condition_of(pairs: Pairs) -> Identifier:
    """Return the identifier (system and value) of a session in the condition of a conditional create or update.

    `pairs` are the names and values of the condition's parameters. Raise `PreconditionFailed` if they are not exactly
    one valid `identifier`, and `NotAcceptable` if `_format` is not JSON.
    """
    check_format(pairs)
    conditions = [(name, value) for name, value in pairs if name not in IGNORED]
    if [name for name, _ in conditions] != ["identifier"]:
        raise PreconditionFailed.of_condition()
    system, bar, value = conditions[0][1].partition("|")
    if not (bar and is_system(system) and is_value(value)):
        raise PreconditionFailed.of_condition()
    return system, value


def condition_in(header: str | None, query: Pairs) -> Identifier | None:
    """Return the identifier of a session in the condition of a create, or None if the create has no condition.

    The condition is in the header If-None-Exist or, as fhirpy sends it, in the query. Raise `PreconditionFailed` if the
    condition is not exactly one valid identifier, and `InvalidParameter` if the query has other parameters.
    """
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
TypeName = Annotated[str, Path(description="The resource type.", json_schema_extra={"example": "Procedure"})]
Prefer = Annotated[str | None, Header(alias="Prefer", description="`handling=lenient`: ignore unknown parameters.")]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="The version that the resource must have.")]
IfNoneExist = Annotated[
    str | None,
    Header(alias="If-None-Exist", description="`identifier=system|value`: create the resource only if it is new."),
]
