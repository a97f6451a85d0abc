"""Reads and validates queries and JSON bodies. All faults are reported together, and no fault repeats the input."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from app import json_strict
from app.http.body_budget import is_counted, parse_in_turn, reserve
from app.problems import (
    BodyTooLarge,
    Fault,
    FaultCode,
    Invalid,
    MalformedBody,
    MalformedQuery,
    UnsupportedMediaType,
)

AsyncReader = Callable[[Request], Awaitable[Any]]
Reader = Callable[[Request], Any]

_incomplete_escape = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
_plain_name = re.compile("[a-z_]{1,40}").fullmatch
_media_type = re.compile(r'\s*([\w.+-]+/[\w.+-]+)\s*(?:;\s*charset\s*=\s*"?(utf-8)"?\s*)?', re.ASCII | re.IGNORECASE)
_CODES: Final[Mapping[str, FaultCode]] = {
    "bool_type": "bool-type",
    "collection": "collection",
    "common_password": "common-password",
    "cursor": "cursor",
    "date": "date",
    "dict_type": "dict-type",
    "dose": "dose",
    "email": "email",
    "enum": "enum",
    "extra_forbidden": "unknown-field",
    "flag": "flag",
    "greater_than_equal": "greater-than-equal",
    "id": "id",
    "identifier": "identifier",
    "int_type": "int-type",
    "less_than": "less-than",
    "less_than_equal": "less-than-equal",
    "limit": "limit",
    "list_type": "list-type",
    "literal_error": "literal-error",
    "locale": "locale",
    "missing": "required",
    "model_type": "model-type",
    "region": "region",
    "repeated": "repeated",
    "string_pattern_mismatch": "string-pattern-mismatch",
    "string_too_long": "string-too-long",
    "string_too_short": "string-too-short",
    "string_type": "string-type",
    "string_unicode": "string-unicode",
    "term_required": "term-required",
    "time": "time",
    "timezone": "timezone",
    "too_long": "too-long",
    "too_short": "too-short",
    "unsupported_rule": "unsupported-rule",
}
"""The fault code of each type of validation error, Pydantic's own or ours. Any other type gets the code `invalid`."""


MAX_CACHED_QUERIES: Final = 128
"""The maximum number of query strings whose models a route keeps."""
MAX_CACHED_QUERY_BYTES: Final = 128
"""The maximum length of a query string whose model is kept. Those with a cursor are mostly longer, and sent once."""


class QueryModel(BaseModel):
    """The base of the models of query parameters.

    Requests with the same query string share one instance. So it is frozen, and lists in its fields must not be changed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def header_values(request: Request, name: bytes) -> list[str]:
    """Return the values of all headers with the name `name`, which must be in lower case."""
    return [value.decode("latin-1") for each, value in request.scope["headers"] if each == name]


def query_reader(model: type[QueryModel] | None) -> Reader:
    """Return a function that reads a request's query string and returns it as the model.

    If `model` is None, the function refuses every parameter. The models of short query strings are kept: to parse and
    validate one again would take a sixth of the time of reading a record.
    """
    fields = {} if model is None else model.model_fields
    known = [field.alias or name for name, field in fields.items()]
    repeatable = {name for name, field in fields.items() if "list" in str(field.annotation)}
    requires_one = any(field.is_required() for field in fields.values())

    def parsed(raw: bytes) -> QueryModel | None:
        if not raw and not requires_one:
            return None if model is None else model()
        values, faults = _parameters(raw, known, repeatable)
        query = None
        if model is not None:
            try:
                query = model.model_validate(values)
            except ValidationError as error:
                faults += faults_of(error)
        if faults:
            raise Invalid(*faults, known=known)
        return query

    kept = lru_cache(MAX_CACHED_QUERIES)(parsed)

    def read(request: Request) -> QueryModel | None:
        raw: bytes = request.scope["query_string"]
        return kept(raw) if len(raw) <= MAX_CACHED_QUERY_BYTES else parsed(raw)

    return read


def parse_pairs(raw: bytes) -> list[tuple[str, str]]:
    """Return the names and values of a query string in their order; raise `MalformedQuery` if it cannot be parsed."""
    if _incomplete_escape(raw):
        raise MalformedQuery
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise MalformedQuery from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise MalformedQuery
    return pairs


def _parameters(raw: bytes, known: list[str], repeatable: set[str]) -> tuple[dict[str, Any], list[Fault]]:
    values: dict[str, Any] = {}
    faults = []
    for name, value in parse_pairs(raw):
        if name not in known:
            pointer = f"/{name}" if _plain_name(name) else ""
            faults.append(Fault(pointer, "unknown-parameter", "This operation does not have this parameter."))
        elif name in repeatable:
            values.setdefault(name, []).append(value)
        elif name in values:
            faults.append(Fault(f"/{name}", "repeated", "Send this parameter once."))
        else:
            values[name] = value
    return values, faults


def body_reader(model: type[BaseModel], media_types: Collection[str]) -> AsyncReader:
    """Return a function that checks a body's media type, parses the body as JSON, and returns it as the model."""

    async def read(request: Request) -> BaseModel:
        check_media_type(request, media_types)
        body = await read_all(request)
        if not is_counted(request.scope):
            return validate(model, json_strict.parse(body))
        value = await parse_in_turn(request.scope, lambda: json_strict.parse(body))
        return await parse_in_turn(request.scope, lambda: validate(model, value))

    return read


def check_media_type(request: Request, media_types: Collection[str]) -> None:
    """Raise `UnsupportedMediaType` unless the body has one of the media types, is in UTF-8, and is not compressed."""
    if header_values(request, b"content-encoding"):
        raise UnsupportedMediaType.encoded()
    found = _media_type.fullmatch(", ".join(header_values(request, b"content-type")))
    if found is None or found[1].lower() not in media_types:
        raise UnsupportedMediaType.expecting(media_types)


def validate(model: type[BaseModel], value: object) -> BaseModel:
    """Return a JSON value as an instance of the model; raise `Invalid` with all faults if it is not valid."""
    if not isinstance(value, dict):
        raise Invalid(Fault("", "object", "Send a JSON object."))
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Invalid(*faults_of(error)) from None


async def read_all(request: Request) -> bytes:
    """Return the whole body.

    Raise `BodyTooLarge` if the body exceeds the route's limit, `Unavailable` if the worker has too many bodies in
    memory, and `MalformedBody` if the client disconnects before the end of the body.
    """
    limit: int = request.scope["max_body_bytes"]
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise MalformedBody
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise BodyTooLarge.beyond(limit)
        more = message.get("more_body", False)
        if more or pieces:
            reserve(request.scope, len(piece))
        pieces.append(piece)
        if not more:
            return b"".join(pieces)


def faults_of(error: ValidationError) -> list[Fault]:
    """Return the errors of a Pydantic `ValidationError` as faults. The faults do not contain the input."""
    return [_fault(each) for each in error.errors(include_url=False, include_context=False, include_input=False)]


def _fault(error: Mapping[str, Any]) -> Fault:
    kind: str = error["type"]
    steps: tuple[str | int, ...] = error["loc"]
    if kind == "extra_forbidden" and not _plain_name(str(steps[-1])):
        steps = steps[:-1]
    pointer = "".join(f"/{step}" for step in steps)
    message = "This member is not known." if kind == "extra_forbidden" else str(error["msg"]).rstrip(".") + "."
    return Fault(pointer, _CODES.get(kind, "invalid"), message)
