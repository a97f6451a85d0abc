"""The routes of syncing."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.http import LIMIT, Answer, Route, json_answer
from app.identity import Call
from app.openapi import problems
from app.problems import BatchRefused, CursorExpired, TooManyOps
from app.sync import pull, push
from app.sync.shapes import MOST_BYTES, SyncChanges, SyncPush, SyncResults, SyncState

router = APIRouter(prefix="/v1/sync", tags=["Sync"], route_class=Route)


@router.get("", response_model=SyncState, responses=problems(signed_in=True), summary="See what can be synced")
async def get_sync_state(call: Call) -> Answer:
    """See where your feed is, which collections there are, and how much may be sent at once."""
    return json_answer(await pull.state(call))


@router.get(
    "/changes", response_model=SyncChanges, responses=problems(CursorExpired, signed_in=True), summary="Pull changes"
)
async def pull_changes(call: Call, asked: Annotated[pull.Asked, Query()]) -> Answer:
    """Pull what changed since a cursor, each record once, at its latest state; removed ones without content.

    Begin with `since=0`, ask again with the page's `cursor` while `has_more` is true, and keep the last one: with it,
    the next pull brings only what changed since. On 410, begin again as `resync` says.
    """
    return json_answer(await pull.pull(call, asked))


@router.post(
    "/push",
    response_model=SyncResults,
    responses=problems(BatchRefused, TooManyOps, signed_in=True, body=True),
    summary="Push changes",
    openapi_extra={LIMIT: MOST_BYTES},
)
async def push_changes(call: Call, sent: SyncPush) -> Answer:
    """Push what a device changed: at most one operation on a record, made from the version that it knew.

    Each operation succeeds or fails by itself, unless the push is `atomic`, and its result carries the whole record as
    it stands. Give each an `op_id`, and a push whose answer was lost can be sent again as it is.
    """
    return json_answer(await push.push(call, sent))
