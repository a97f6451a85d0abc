"""FHIR Bundles: several requests in one. Each of these requests is an entry of the Bundle.

The entries of a batch succeed or fail separately. A transaction writes sessions of one patient: all of them, or none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from app.clinics.calls import ClientCaller
from app.clinics.endpoints import Endpoints
from app.fhir import reading, searching, validation, writing
from app.fhir.calls import allowed_methods, check_scope, condition_in, condition_of, version_of
from app.fhir.outcomes import outcome_of
from app.fhir.parts import WRITABLE, parse
from app.fhir.types import TYPES
from app.fhir.writing import PartWrite, SessionWrite, Stored, Target
from app.http.reading import parse_pairs
from app.ids import is_id, make_id
from app.openapi import Json
from app.problems import Fault, InvalidResource, MethodNotAllowed, NotFound, Problem, TooManyOps
from app.records.preconditions import matching_etag
from app.sync.collections import MAX_OPS, MAX_PUSH_BYTES

_ONE_PATIENT: Final = "A transaction can write sessions of one patient only."
_ONLY_WRITES: Final = "A transaction can only create or update Procedures and MedicationAdministrations, each once."
_STEPS: Final = 2
"""The number of segments in the path of a resource, such as `Procedure/{id}`."""


def check(bundle: Json) -> list[Json]:
    """Validate a Bundle, except the resources in its entries; return the entries.

    Raise `InvalidResource` if the Bundle is not a valid batch or transaction, `Invalid` if it is a resource of another
    type, and `TooManyOps` if it has more than 500 entries.
    """
    entries = bundle.get("entry", [])
    if isinstance(entries, list) and len(entries) > MAX_OPS:
        raise TooManyOps.beyond(MAX_OPS, MAX_PUSH_BYTES)
    is_list = isinstance(entries, list) and all(isinstance(each, dict) for each in entries)
    shell = [{name: each[name] for name in each if name != "resource"} for each in entries] if is_list else entries
    validation.check(bundle | ({"entry": shell} if "entry" in bundle else {}), "Bundle")
    if bundle.get("type") not in {"batch", "transaction"}:
        raise InvalidResource(Fault("/type", "enum", "Send a batch or a transaction."))
    missing = [number for number, each in enumerate(entries) if "request" not in each]
    if missing:
        raise InvalidResource(*(Fault(f"/entry/{each}/request", "required", "Send a request.") for each in missing))
    return list(entries)


async def batch(call: ClientCaller, entries: list[Json], endpoints: Endpoints) -> Json:
    """Execute the entries of a batch in order; return the Bundle of the responses.

    If an entry fails, execute the next one. But if the entry's problem has a status of 500 or higher, stop, and raise
    the problem.
    """
    return {
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": [await _respond(call, each, endpoints) for each in entries],
    }


async def _respond(call: ClientCaller, entry: Json, endpoints: Endpoints) -> Json:
    try:
        return await _execute(call, entry, endpoints)
    except Problem as problem:
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # the client can send the whole batch again
            raise
        outcome = outcome_of(problem, call.request_id)
        return {"response": {"status": _line(problem.status), "outcome": outcome}}


async def _execute(call: ClientCaller, entry: Json, endpoints: Endpoints) -> Json:
    request = entry["request"]
    method = request["method"]
    if method in {"POST", "PUT"}:
        target, part = await _write_of(call, entry)
        return written(part.part.kind.name, await writing.write(call, target, part), endpoints)
    name, id, query = _target(request["url"])
    if method != "GET":
        raise MethodNotAllowed(headers={"Allow": ", ".join(allowed_methods(name, "one" if id else "list"))})
    return await _read(call, name, id, query=query, request=request, endpoints=endpoints)


async def _read(
    call: ClientCaller, name: str, id: str, *, query: searching.Pairs, request: Json, endpoints: Endpoints
) -> Json:
    kind = TYPES[name]
    if not id:
        check_scope(call, name, "s")
        wanted = searching.read(kind, query, lenient=False)
        found = await reading.search(call, kind, wanted)
        return {"resource": reading.bundle(kind, wanted, found, endpoints), "response": {"status": _line(200)}}
    check_scope(call, name, "r")
    searching.check_only_format(query)
    if not is_id(id):
        raise NotFound
    resource = await reading.read(call, kind, make_id(id))
    tag = etag(resource)
    if matching_etag(request.get("ifNoneMatch"), int(resource["meta"]["versionId"])) is not None:
        return {"response": {"status": _line(304), "etag": tag}}
    return {"resource": resource, "response": {"status": _line(200), "etag": tag}}


async def _write_of(call: ClientCaller, entry: Json) -> tuple[Target, PartWrite]:
    """Return the session that an entry writes to, and the write of the fields that the entry's resource sets.

    Raise a problem if the entry is not valid, or if the client may not write the resource.
    """
    request = entry["request"]
    name, id, query = _target(request["url"])
    kind = WRITABLE.get(name)
    is_create = request["method"] == "POST"
    if kind is None or (is_create and id):
        raise MethodNotAllowed(headers={"Allow": ", ".join(allowed_methods(name, "one" if id else "list"))})
    check_scope(call, name, "c" if is_create else "u" if id else "cu")
    resource = entry.get("resource")
    if not isinstance(resource, dict):
        raise InvalidResource(Fault("/resource", "required", "Send a resource."))
    part = parse(kind, resource)
    if is_create:
        named = condition_in(request.get("ifNoneExist"), query)
        return await writing.resolve(call, part, named), PartWrite(part, only_new=named is not None)
    version = version_of(request.get("ifMatch"))
    if not id:
        return await writing.resolve(call, part, condition_of(query)), PartWrite(part, version)
    searching.check_only_format(query)
    if not is_id(id):
        raise NotFound
    return await writing.find(call, part, make_id(id)), PartWrite(part, version)


def _target(url: str) -> tuple[str, str, searching.Pairs]:
    """Return the resource type, the id and the query in the URL of an entry. The id is empty if the URL has none.

    Raise `NotFound` if the path is neither `{type}` nor `{type}/{id}`, or if the type is not supported.
    """
    try:
        split = urlsplit(url)
    except ValueError:
        raise NotFound from None
    path = split.path.rpartition("/fhir/")[2] if split.scheme else split.path
    steps = path.removeprefix("/").split("/")
    if steps[0] not in TYPES or len(steps) > _STEPS:
        raise NotFound
    query = parse_pairs(split.query.encode("ascii", "replace"))
    return steps[0], steps[1] if len(steps) == _STEPS else "", query


async def transact(call: ClientCaller, entries: list[Json], endpoints: Endpoints) -> Json:
    """Write the resources of all entries in one database transaction; return the Bundle of the responses.

    All resources must be of one patient. If an entry fails, write nothing, and raise the problem of the first entry
    that failed.
    """
    writes: list[tuple[Target, PartWrite]] = []
    for number, entry in enumerate(entries):
        with _of_entry(number):
            writes.append(await _write_in_transaction(call, entry, writes))
    responses: list[Json] = []
    if writes:
        sessions = _sessions(call, writes)
        owner_id, patient_id, _ = writes[0][0]
        found = await writing.write_sessions(
            call, owner_id, patient_id, [session for session, _ in sessions.values()], atomic=True
        )
        for outcome, (_, number) in zip(found, sessions.values(), strict=True):
            with _of_entry(number):
                writing.check(outcome)
        for target, part in writes:
            id = part.part.op(call.clinic_id, target.patient_id, target.identifier).id
            resource = await writing.stored(call, part.part.kind, id)
            responses.append(written(part.part.kind.name, Stored(resource, part.status), endpoints))
    return {"resourceType": "Bundle", "type": "transaction-response", **({"entry": responses} if responses else {})}


async def _write_in_transaction(
    call: ClientCaller, entry: Json, before: list[tuple[Target, PartWrite]]
) -> tuple[Target, PartWrite]:
    """Return the session that an entry of a transaction writes to, and the write of the fields that its resource sets.

    `before` has the results for the earlier entries. Raise `InvalidResource` if the entry is not a write, writes to a
    session of another patient, or writes the same resource as an earlier entry. Raise the problems of `_write_of`, too.
    """
    if entry["request"]["method"] not in {"POST", "PUT"}:
        raise InvalidResource(Fault("/request/method", "enum", _ONLY_WRITES))
    target, part = await _write_of(call, entry)
    if before and target.patient_id != before[0][0].patient_id:
        raise InvalidResource(Fault("/resource/subject", "one-of", _ONE_PATIENT))
    if any((other, each.part.kind) == (target, part.part.kind) for other, each in before):
        raise InvalidResource(Fault("/resource", "repeated", _ONLY_WRITES))
    return target, part


def _sessions(call: ClientCaller, writes: list[tuple[Target, PartWrite]]) -> dict[UUID, tuple[SessionWrite, int]]:
    """Group the writes of a transaction by session: return them by the session's id.

    With each session is the index of the first entry that writes to it. Raise `InvalidResource` if a resource contains
    an id other than that of the session.
    """
    sessions: dict[UUID, tuple[SessionWrite, int]] = {}
    for number, (target, part) in enumerate(writes):
        op = part.part.op(call.clinic_id, target.patient_id, target.identifier)
        with _of_entry(number):
            part.part.check_id(op.id)
        sessions.setdefault(op.id, (SessionWrite(op), number))[0].parts.append(part)
    return sessions


@contextmanager
def _of_entry(number: int) -> Iterator[None]:
    """Add to a `Problem` that the block raises which entry failed: the member `expression`, `Bundle.entry[number]`."""
    try:
        yield
    except Problem as problem:
        problem.members["expression"] = f"Bundle.entry[{number}]"
        raise


def written(name: str, found: Stored, endpoints: Endpoints) -> Json:
    """Return the entry of a response Bundle for a written resource of the type `name`."""
    url, meta = endpoints.of(f"/fhir/{name}/{found.resource['id']}"), found.resource["meta"]
    response = {
        "status": _line(found.status),
        "location": url,
        "etag": etag(found.resource),
        "lastModified": meta["lastUpdated"],
    }
    return {"fullUrl": url, "resource": found.resource, "response": response}


def etag(resource: Json) -> str:
    """Return the weak entity tag of a resource, such as `W/"7"`."""
    return f'W/"{resource["meta"]["versionId"]}"'


def _line(status: int) -> str:
    """Return a status with its reason phrase, as it is written in a Bundle: `201 Created`."""
    return f"{status} {HTTPStatus(status).phrase}"
