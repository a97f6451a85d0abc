"""The routes of syncing."""

from typing import Annotated

from fastapi import APIRouter, Header, Query

from app.http import MAX_BODY_BYTES, CurrentConnection, Response, Route, StreamingResponse, json_response
from app.identity import Call
from app.openapi import problems
from app.problems import BatchRefused, CursorExpired, TooManyOps, TooManyWaiting
from app.records.view import OwnRecords, own_records
from app.sync import examples, pull, push
from app.sync.collections import MAX_PUSH_BYTES
from app.sync.events import HEADERS, EventStream, events
from app.sync.requests import SyncPush
from app.sync.shapes import SyncChanges, SyncResults, SyncState

LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="The id of the last event that you have: if nothing changed since, none comes at once.",
    ),
]
router = APIRouter(prefix="/v1/sync", tags=["Sync"], route_class=Route)


@router.get("", response_model=SyncState, responses=problems(signed_in=True), summary="See what can be synced")
async def get_sync_state(call: Call) -> Response:
    """See where your feed is, which collections there are, and how much may be sent at once."""
    return json_response(await pull.state(own_records(call)))


@router.get(
    "/changes",
    response_model=SyncChanges,
    responses=problems(CursorExpired, TooManyWaiting, signed_in=True),
    summary="Pull changes",
)
async def pull_changes(
    view: OwnRecords, reader: CurrentConnection, query: Annotated[pull.PullQuery, Query()]
) -> Response:
    """Pull what changed since a cursor, each record once, at its latest state; removed ones without content.

    Begin with `since=0`, ask again with the page's `cursor` while `has_more` is true, and keep the last one: with it,
    the next pull brings only what changed since. With `wait`, the answer comes as soon as there is a change. On 410,
    begin again as `resync` says.
    """
    page = await pull.awaited(view, query, reader)
    return page.answer()


@router.get(
    "/events",
    response_class=EventStream,
    responses=problems(TooManyWaiting, signed_in=True)
    | {
        200: {
            "description": "Events, for as long as you listen.",
            "content": {EventStream.media_type: {"example": examples.EVENTS}},
        }
    },
    summary="Hear of changes",
)
async def follow_changes(call: Call, reader: CurrentConnection, last_event_id: LastEventId = None) -> Response:
    """Hear at once where your feed is, and again whenever anything changed: a stream of server-sent events.

    Each event is a `head`; its data is `{"cursor": …}`, the number up to which a pull would come now, which is the
    event's id, too. In between, a comment comes every 15 seconds. It ends when the device is signed out.
    """
    return await StreamingResponse.begun(events(own_records(call), reader, last_event_id), HEADERS)


@router.post(
    "/push",
    response_model=SyncResults,
    responses=problems(BatchRefused, TooManyOps, signed_in=True, body=True),
    summary="Push changes",
    openapi_extra={MAX_BODY_BYTES: MAX_PUSH_BYTES},
)
async def push_changes(call: Call, sent: SyncPush) -> Response:
    """Push what a device changed: at most one operation on a record, made from the version that it knew.

    Each operation succeeds or fails by itself, unless the push is `atomic`, and its result carries the whole record as
    it stands. Give each an `op_id`, and a push whose answer was lost can be sent again as it is.
    """
    return json_response(await push.push(own_records(call), sent))
