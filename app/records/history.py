"""The history of a record: the route that lists its former versions, which the recorder `record_history` stores.

Every kind has the same route, so it is built here from the kind's `Resource`.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app import clock, json_strict
from app.http import Response, Route
from app.ids import Id
from app.openapi import problems
from app.problems import InvalidCursor, NotFound
from app.records import access
from app.records.codec import EPOCH_SHIFT, MAX_PAGE_BYTES, page_response, record_json, seq_of
from app.records.cursors import decode_history_cursor, encode_history_cursor
from app.records.filters import Filters
from app.records.resource import Resource
from app.records.shapes import history
from app.records.view import OwnRecords, View


def history_router(resource: Resource) -> APIRouter:
    """Return a router with the route that lists the former versions of a record of this kind."""
    router = APIRouter(prefix=resource.path, tags=[resource.tag], route_class=Route)

    async def get_history(view: OwnRecords, id: Id, query: Annotated[Filters, Query()]) -> Response:
        return await former_versions(view, resource, id, query)

    get_history.__name__ = f"get_{resource.table.name}_history"
    get_history.__doc__ = (
        f"Return the former versions of {resource.one}, newest first, without the current one.\n\n"
        "Changes that one device makes within ten minutes are one version. A record keeps up to 100 former versions. "
        "To restore a version, send its values in a PATCH."
    )
    router.add_api_route(
        "/{id:id}/history",
        get_history,
        methods=["GET"],
        response_model=history(resource.public, resource.one),
        responses=problems(NotFound, InvalidCursor, signed_in=True),
        summary=f"Get the history of {resource.one}",
    )
    return router


async def former_versions(view: View, resource: Resource, id: UUID, query: Filters) -> Response:
    """Return the response with a page of a record's former versions, newest first.

    Raise `NotFound` if there is no such record.
    """
    before = EPOCH_SHIFT if query.cursor is None else decode_history_cursor(view, resource, id, query.cursor)
    key = {"collection": resource.collection, "id": id}
    rows = await view.fetch(access.HISTORY, **key, before=before, rows=query.limit + 1, most_bytes=MAX_PAGE_BYTES)
    if not rows:
        raise NotFound
    versions = [row for row in rows if row[0] is not None]
    items = [row for row in versions[: query.limit] if row[3] is not None]
    more = len(versions) > len(items)
    next_cursor = encode_history_cursor(view, resource, id, seq_of(items[-1][0])) if more else None
    keys, collection = await view.data_keys(), resource.collection
    texts = []
    for version, written_at, written_by, sealed in items:
        record = record_json(str(id), version, keys.open(collection, id, seq_of(version), sealed))
        texts.append(_version_json(version, written_at, written_by if written_by != view.owner_id else None, record))
    return page_response(texts, next_cursor)


def _version_json(version: int, written_at: datetime, device_id: UUID | None, record: str) -> str:
    device = json_strict.dump_text(device_id)
    return f'{{"version":{version},"written_at":"{clock.format_instant(written_at)}","device_id":{device},"record":{record}}}'
