"""The verbs that routes call, each of them once: read, page, create, change, remove."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header

from app.db import Row
from app.http import Response
from app.ids import new_id
from app.openapi import problems
from app.problems import (
    AlreadyExists,
    InvalidCursor,
    MalformedHeader,
    NotFound,
    Outdated,
    PreconditionRequired,
    Problem,
    Removed,
    UnknownReference,
)
from app.records import access, cursors
from app.records.access import statements
from app.records.codec import etag, page_response, record_json, record_response, version_of
from app.records.filters import Filters, active_filters
from app.records.preconditions import if_match_satisfied, unchanged
from app.records.resource import Resource
from app.records.shapes import Fields, RecordDraft, RecordPublic, sent_fields
from app.records.view import View
from app.records.write import store
from app.records.write.merge import equals_stored
from app.records.write.ops import OnConflict, Op, Outcome, Result

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(\*|"[!#-~]*")$',
        description='The version you mean, as an entity tag in quotes: `"1099511627781"`; or `*`, which forces. '
        "Without it the answer is 428.",
        examples=["*"],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", description="The version you have, as an entity tag; if it is current, 304."),
]


Responses = dict[int | str, dict[str, Any]]
_NOT_MODIFIED: Responses = {304: {"description": "You have the current version."}}


def creating(public: type[RecordPublic]) -> Responses:
    """Return how a create can answer, besides with the new record."""
    again = {200: {"model": public, "description": "The record exists already, as this draft made it."}}
    return again | problems(AlreadyExists, Removed, UnknownReference, signed_in=True, body=True)


def reading() -> Responses:
    """Return how a read can answer, besides with the record."""
    return _NOT_MODIFIED | problems(NotFound, signed_in=True)


def listing() -> Responses:
    """Return how a list can answer, besides with a page."""
    return problems(InvalidCursor, signed_in=True)


def changing(*kinds: type[Problem]) -> Responses:
    """Return how a change can answer, besides with the changed record."""
    guarded = (NotFound, MalformedHeader, Outdated, PreconditionRequired, UnknownReference)
    return problems(*guarded, *kinds, signed_in=True, body=True)


def removing() -> Responses:
    """Return how a removal can answer, besides with nothing."""
    return problems(NotFound, MalformedHeader, Outdated, PreconditionRequired, signed_in=True, writes=True)


async def read(view: View, resource: Resource, id: UUID, if_none_match: str | None) -> Response:
    """Answer with one record."""
    rows = await view.fetch(access.READ, collection=resource.collection, id=id)
    if not rows:
        raise NotFound
    version, document = rows[0]
    if unchanged(if_none_match, version):
        return Response(304, headers=[(b"etag", etag(version))])
    return record_response(record_json(str(id), version, document), version)


async def page(view: View, resource: Resource, filters: Filters) -> Response:
    """Answer with a page of the caller's records, newest first."""
    conditions = active_filters(filters)
    values = {name: value for each in conditions for name, value in each.arguments.items()}
    if filters.cursor is not None:
        values |= cursors.place_of(view, resource, conditions, filters.cursor)
    statement = statements(resource).page(conditions, continued=filters.cursor is not None)
    rows = await view.fetch(statement, rows=filters.limit + 1, **values)
    more = len(rows) > filters.limit
    items = rows[: filters.limit]
    next_cursor = cursors.written(view, resource, conditions, *items[-1][:2]) if more else None
    return page_response(items, next_cursor)


async def create(view: View, resource: Resource, draft: RecordDraft) -> Response:
    """Answer with a new record, or with the one that the same draft made before; a field changed since may differ."""
    sent = sent_fields(draft)
    id = sent.pop("id", None) or new_id()
    op = Op(resource=resource, id=id, sent=sent, whole=resource.completed(draft), strict=True)
    outcome, epoch = await store.write_one(view, op)
    row = outcome.row
    if row is None:
        raise Removed
    if any(not equals_stored(op, row, name, sent[name]) and name not in row["field_seq"] for name in outcome.fields):
        raise AlreadyExists
    is_new = outcome.result is Result.APPLIED
    return _answer(row, outcome, epoch, f"{resource.path}/{id}" if is_new else None)


async def change(view: View, resource: Resource, id: UUID, patch: Fields, if_match: str | None) -> Response:
    """Answer with the record after a merge patch; one that changes nothing takes no number."""
    sent = sent_fields(patch)
    guard = partial(if_match_satisfied, if_match)
    op = Op(resource=resource, id=id, sent=sent, strict=True, check=guard, on_conflict=OnConflict.MINE)
    outcome, epoch = await store.write_one(view, op)
    if outcome.row is None:
        raise NotFound
    return _answer(outcome.row, outcome, epoch)


async def remove(view: View, resource: Resource, id: UUID, if_match: str | None) -> Response:
    """Answer that the record is gone, and what goes with it; what referred to it is set free."""
    op = Op(resource=resource, id=id, sent=None, check=partial(if_match_satisfied, if_match))
    outcome, _ = await store.write_one(view, op)
    if outcome.result is Result.UNCHANGED:
        raise NotFound
    return Response(204)


def _answer(row: Row, outcome: Outcome, epoch: int, location: str | None = None) -> Response:
    version = version_of(epoch, row["seq"])
    return record_response(record_json(str(row["id"]), version, outcome.document), version, location)
