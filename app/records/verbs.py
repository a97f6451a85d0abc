"""The functions that the routes of every kind call, and the responses that the OpenAPI document lists for them."""

from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Header

from app.db import Row
from app.http import VARY, Response
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
    QuotaExceeded,
    Removed,
    TooManyReferences,
    UnknownReference,
)
from app.records import cursors
from app.records.access import statements
from app.records.codec import MAX_PAGE_BYTES, page_response, record_json, record_response, seq_of, version_of
from app.records.filters import Filters, active_filters
from app.records.preconditions import if_match_satisfied, matching_etag
from app.records.resource import Resource
from app.records.shapes import Fields, RecordDraft, RecordPublic, sent_fields
from app.records.view import View
from app.records.write import store
from app.records.write.merge import equals_stored
from app.records.write.ops import OnConflict, Op, OpOutcome, Outcome
from app.urls import public_url

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(\*|(W/)?"[!#-~]*")$',
        description="The version that the change is based on, as an entity tag in quotes: "
        '`"1099511627781"`; or `*`, which matches every version. Without the header the response is 428.',
        examples=["*"],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description="The version that the client has, as an entity tag. If it is current, the response is 304.",
    ),
]


_DOCUMENT: Final = 3
"""The position of the document among the columns of `Statements.page`."""
Responses = dict[int | str, dict[str, Any]]
_NOT_MODIFIED: Responses = {304: {"description": "The client has the current version."}}


def create_responses(public: type[RecordPublic]) -> Responses:
    """Return the documented responses of a route that creates a record."""
    again = {200: {"model": public, "description": "The same draft, with the same id, created the record before."}}
    return again | problems(AlreadyExists, QuotaExceeded, Removed, UnknownReference, signed_in=True, body=True)


def read_responses() -> Responses:
    """Return the documented responses of a route that reads a record."""
    return _NOT_MODIFIED | problems(NotFound, signed_in=True)


def list_responses() -> Responses:
    """Return the documented responses of a route that lists records."""
    return problems(InvalidCursor, signed_in=True)


def change_responses(*kinds: type[Problem]) -> Responses:
    """Return the documented responses of a route that changes a record; `kinds` are problems of this route only."""
    guarded = (NotFound, MalformedHeader, Outdated, PreconditionRequired, QuotaExceeded, UnknownReference)
    return problems(*guarded, *kinds, signed_in=True, body=True)


def remove_responses() -> Responses:
    """Return the documented responses of a route that removes a record."""
    guarded = (NotFound, MalformedHeader, Outdated, PreconditionRequired)
    return problems(*guarded, TooManyReferences, signed_in=True, writes=True)


async def read(view: View, resource: Resource, id: UUID, if_none_match: str | None) -> Response:
    """Return the response with one record, or 304 if the client has its current version.

    Raise `NotFound` if there is no such record.
    """
    rows = await view.fetch(statements(resource).read, id=id)
    if not rows:
        raise NotFound
    version, sealed = rows[0]
    known = matching_etag(if_none_match, version)
    if known is not None:
        return Response(304, headers=[(b"etag", known.encode()), VARY])
    document = (await view.data_keys()).open(resource.collection, id, seq_of(version), sealed)
    return record_response(record_json(str(id), version, document), version)


async def page(view: View, resource: Resource, filters: Filters) -> Response:
    """Return the response with a page of the owner's records, newest first.

    The page has at most `limit` records, and ends after the document with which it reaches `MAX_PAGE_BYTES`. Nearly all
    pages are smaller. So the first statement does not add up sizes: it only omits a document that is larger than
    `MAX_PAGE_BYTES` divided by the number of rows. If it omitted one, a second statement runs, which adds up the sizes.
    """
    active = active_filters(filters)
    values = {name: value for each in active for name, value in each.arguments.items()}
    if filters.cursor is not None:
        values |= cursors.decode_cursor(view, resource, active, filters.cursor)
    count, continued = filters.limit + 1, filters.cursor is not None
    statement = statements(resource).page(active, continued=continued)
    rows = await view.fetch(statement, rows=count, most_bytes=MAX_PAGE_BYTES // count, **values)
    if any(row[_DOCUMENT] is None for row in rows):
        statement = statements(resource).page(active, continued=continued, bounded=True)
        rows = await view.fetch(statement, rows=count, most_bytes=MAX_PAGE_BYTES, **values)
    items = [row for row in rows[: filters.limit] if row[_DOCUMENT] is not None]
    more = len(rows) > len(items)
    next_cursor = cursors.encode_cursor(view, resource, active, *items[-1][:2]) if more else None
    keys, collection = await view.data_keys(), resource.collection
    records = (
        record_json(str(id), version, keys.open(collection, id, seq_of(version), sealed))
        for _, id, version, sealed in items
    )
    return page_response(records, next_cursor)


async def create(view: View, resource: Resource, draft: RecordDraft) -> Response:
    """Create a record, and return the response with it: 201, or 200 if the same draft with this id created it before.

    A draft without an id creates a record with a new id. If the record exists, fields that were changed since its
    creation may differ from the draft; any other difference raises `AlreadyExists`. Raise `Removed` if the record was
    removed.
    """
    fields = sent_fields(draft)
    id = fields.pop("id", None) or new_id()
    op = Op(resource=resource, id=id, fields=fields, create_values=resource.completed(draft), strict=True)
    outcome, epoch = await store.write_one(view, op)
    row = outcome.row
    if row is None:
        raise Removed
    if any(not equals_stored(op, row, name, fields[name]) and name not in row["field_seq"] for name in outcome.fields):
        raise AlreadyExists
    is_new = outcome.result is OpOutcome.APPLIED
    return _response(row, outcome, epoch, public_url(f"{resource.path}/{id}") if is_new else None)


async def change(view: View, resource: Resource, id: UUID, patch: Fields, if_match: str | None) -> Response:
    """Apply a merge patch to a record, and return the response with the record.

    A patch that changes nothing creates no version. Raise `NotFound` if there is no such record, and `Outdated` if
    If-Match does not match the record's version.
    """
    op = Op(
        resource=resource,
        id=id,
        fields=sent_fields(patch),
        strict=True,
        check_version=partial(if_match_satisfied, if_match),
        on_conflict=OnConflict.MINE,
    )
    outcome, epoch = await store.write_one(view, op)
    if outcome.row is None:
        raise NotFound
    return _response(outcome.row, outcome, epoch)


async def remove(view: View, resource: Resource, id: UUID, if_match: str | None) -> Response:
    """Remove a record, and return the response 204.

    Records that refer to it by `Resource.on_delete_cascade` are removed, too; other references to it are set to null.
    Raise `NotFound` if there is no such record, and `Outdated` if If-Match does not match the record's version.
    """
    op = Op(resource=resource, id=id, fields=None, check_version=partial(if_match_satisfied, if_match))
    outcome, _ = await store.write_one(view, op)
    if outcome.result is OpOutcome.UNCHANGED:
        raise NotFound
    return Response(204)


def _response(row: Row, outcome: Outcome, epoch: int, location: str | None = None) -> Response:
    version = version_of(epoch, row["seq"])
    return record_response(record_json(str(row["id"]), version, outcome.document), version, location)
