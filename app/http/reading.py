"""Reading a query and a body, strictly, and saying all that is wrong with them without repeating any of it."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app import json_strict
from app.problems import BodyTooLarge, Fault, Invalid, MalformedBody, MalformedQuery, UnsupportedMediaType

Read = Callable[[Request], Awaitable[Any]]
Look = Callable[[Request], Any]

_half_encoded = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
_plain = re.compile("[a-z_]{1,40}").fullmatch
_media_type = re.compile(r'\s*([\w.+-]+/[\w.+-]+)\s*(?:;\s*charset\s*=\s*"?(utf-8)"?\s*)?', re.ASCII | re.IGNORECASE)
_CODES: Final = {"extra_forbidden": "unknown-field", "missing": "required"}


def header_values(request: Request, name: bytes) -> list[str]:
    """Return the values of the headers of that name, which is in lower case."""
    return [value.decode("latin-1") for each, value in request.scope["headers"] if each == name]


def read_query(model: type[BaseModel] | None) -> Look:
    """Return a reader of the query string; without a model, every parameter is one too many."""
    fields = {} if model is None else model.model_fields
    known = [field.alias or name for name, field in fields.items()]
    several = {name for name, field in fields.items() if "list" in str(field.annotation)}

    def look(request: Request) -> BaseModel | None:
        raw: bytes = request.scope["query_string"]
        if not raw:
            return None if model is None else model()
        values, faults = _parameters(raw, known, several)
        query = None
        if model is not None:
            try:
                query = model.model_validate(values)
            except ValidationError as error:
                faults += faults_of(error)
        if faults:
            raise Invalid(*faults, known=known)
        return query

    return look


def _parameters(raw: bytes, known: list[str], several: set[str]) -> tuple[dict[str, Any], list[Fault]]:
    if _half_encoded(raw):
        raise MalformedQuery
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise MalformedQuery from None
    values: dict[str, Any] = {}
    faults = []
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise MalformedQuery
        if name not in known:
            pointer = f"/{name}" if _plain(name) else ""
            faults.append(Fault(pointer, "unknown-parameter", "This operation has no such parameter."))
        elif name in several:
            values.setdefault(name, []).append(value)
        elif name in values:
            faults.append(Fault(f"/{name}", "repeated", "Give this parameter once."))
        else:
            values[name] = value
    return values, faults


def read_body(model: type[BaseModel], media_types: Iterable[str]) -> Read:
    """Return a reader of a JSON body of one of `media_types`."""
    accepted = frozenset(media_types)

    async def read(request: Request) -> BaseModel:
        found = _media_type.fullmatch(", ".join(header_values(request, b"content-type")))
        if found is None or found[1].lower() not in accepted or header_values(request, b"content-encoding"):
            raise UnsupportedMediaType
        return validated(model, json_strict.parse(await _body(request)))

    return read


def validated(model: type[BaseModel], value: object) -> BaseModel:
    """Return the value as the model's shape, or raise `Invalid` with everything that is wrong with it."""
    if not isinstance(value, dict):
        raise Invalid(Fault("", "object", "Give a JSON object."))
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Invalid(*faults_of(error)) from None


async def _body(request: Request) -> bytes:
    limit: int = request.scope["max_body_bytes"]
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise MalformedBody
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLarge.beyond(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def faults_of(error: ValidationError) -> list[Fault]:
    """Return what was wrong, without what was sent."""
    return [_fault(each) for each in error.errors(include_url=False, include_context=False, include_input=False)]


def _fault(error: Mapping[str, Any]) -> Fault:
    kind: str = error["type"]
    steps: tuple[str | int, ...] = error["loc"]
    if kind == "extra_forbidden" and not _plain(str(steps[-1])):
        steps = steps[:-1]
    pointer = "".join(f"/{step}" for step in steps)
    message = "This member is not known here." if kind == "extra_forbidden" else str(error["msg"]).rstrip(".") + "."
    return Fault(pointer, _CODES.get(kind, kind.replace("_", "-")), message)
