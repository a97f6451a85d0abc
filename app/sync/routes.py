"""The routes of sync: the state, pulls, the event stream and pushes."""

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
        description="The id of the last event that the client received. If nothing has changed since, the stream does "
        "not start with an event.",
    ),
]
router = APIRouter(prefix="/v1/sync", tags=["Sync"], route_class=Route)


@router.get("", response_model=SyncState, responses=problems(signed_in=True), summary="Get the sync state")
async def get_sync_state(call: Call) -> Response:
    """Return the cursor of your newest change, the collections with their fields, and the limits of push and pull."""
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
    """Return the changes since a cursor: each record once, in its latest state; removed records without content.

    Start with `since=0`. While `has_more` is true, request the next page with the returned `cursor`. Keep the last
    cursor: the next pull with it returns only what has changed since. With `wait`, the response is sent as soon as
    there is a change. If the response is 410, replace the local copy as the member `resync` says.
    """
    page = await pull.pull_or_wait(view, query, reader)
    return page.response()


@router.get(
    "/events",
    response_class=EventStream,
    responses=problems(TooManyWaiting, signed_in=True)
    | {
        200: {
            "description": "Events, until the client disconnects.",
            "content": {EventStream.media_type: {"example": examples.EVENTS}},
        }
    },
    summary="Stream change events",
)
async def follow_changes(call: Call, reader: CurrentConnection, last_event_id: LastEventId = None) -> Response:
    """Stream the cursor of your newest change as server-sent events: one event at once, and one after every change.

    Each event is named `head`. Its data is `{"cursor": …}`, the cursor that a complete pull would return now, which is
    also the event's id. A comment is sent every 15 seconds between events. The stream ends when the device is signed
    out.
    """
    return await StreamingResponse.start(events(own_records(call), reader, last_event_id), HEADERS)


@router.post(
    "/push",
    response_model=SyncResults,
    responses=problems(BatchRefused, TooManyOps, signed_in=True, body=True),
    summary="Push changes",
    openapi_extra={MAX_BODY_BYTES: MAX_PUSH_BYTES},
)
async def push_changes(call: Call, sent: SyncPush) -> Response:
    """Apply operations that a device made offline: at most one operation per record, based on the version that it knew.

    Each operation succeeds or fails by itself, unless the push is `atomic`. The result of an operation contains the
    complete record as it is now; with `"return": "minimal"`, only if the record has values that the device does not
    know. Once the records in the results reach 4 MiB, further records are left out (`record_omitted`). Give each
    operation an `op_id`: if no response arrives, you can then send the same push again, and each operation has one
    effect.
    """
    return json_response(await push.push(own_records(call), sent))
