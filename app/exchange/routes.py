"""The routes by which a clinic's system pushes sessions and pulls changes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.clinics.calls import ClientCaller, ClientToken
from app.consents.clinic_routes import TAG, AnyClient
from app.exchange import pull, push
from app.exchange.entries import SessionPush
from app.exchange.pull import ClinicPullQuery
from app.exchange.shapes import ClinicChanges, SessionResults
from app.http import JSON, MAX_BODY_BYTES, CurrentConnection, Response, Route, json_response
from app.openapi import problems
from app.problems import CursorExpired, InsufficientScope, TooManyOps, TooManyWaiting
from app.sync.collections import MAX_PUSH_BYTES

router = APIRouter(prefix="/v1/clinic", tags=[TAG], route_class=Route)
MayWriteSessions = Annotated[ClientCaller, Depends(ClientToken("Procedure", "cu"))]


@router.post(
    "/sessions",
    response_model=SessionResults,
    responses=problems(InsufficientScope, TooManyOps, signed_in=True, body=True),
    summary="Push sessions",
    openapi_extra={MAX_BODY_BYTES: MAX_PUSH_BYTES},
)
async def push_sessions(call: MayWriteSessions, sent: SessionPush) -> Response:
    """Create sessions, or replace the clinical fields of existing ones. The clinic's identifier names the session of an
    entry. The request can be repeated safely.

    Each entry succeeds or fails separately. If the patient is unknown, or no active consent allows the write, the entry
    is `rejected` with 404. Needs the scope `system/Procedure.cu`.
    """
    return json_response({"results": await push.push(call, sent.sessions)})


@router.get(
    "/changes",
    response_model=ClinicChanges,
    responses=problems(InsufficientScope, CursorExpired, TooManyWaiting, signed_in=True),
    summary="Pull changes of patients",
)
async def pull_clinic_changes(
    call: AnyClient, reader: CurrentConnection, query: Annotated[ClinicPullQuery, Query()]
) -> Response:
    """Return the records of the clinic's patients that have changed since a cursor: each once, in its latest state.

    Start with `since=0`, continue with the returned `cursor` while `has_more` is true, and keep the last cursor. When a
    consent starts or its terms change, all records that it covers are returned again. `removed` means that the clinic
    no longer sees the record: delete it. On 410, pull everything from 0, and delete the records that were not returned.
    The access log of each patient shows which records were read. Each collection needs a scope: `system/Patient.s` for
    connections, `Procedure` for sessions, `Observation` for elements and check-ins, `Goal` for intentions,
    `DocumentReference` for reflections, `Task` for action items, and `QuestionnaireResponse` for assessments.
    """
    page = await pull.pull_or_wait(call, query, reader)
    return Response(200, page.json(), [JSON])
