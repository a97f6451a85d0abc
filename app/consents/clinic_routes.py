"""The routes by which a client of a clinic invites patients, and reads, changes and ends connections."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from app.clinics.calls import ClientCaller, ClientToken
from app.consents import connecting, invitations
from app.consents.clinic_shapes import (
    ClinicState,
    Connection,
    ConnectionDraft,
    ConnectionPage,
    ConnectionPatch,
    InvitationDraft,
    InvitationPage,
    InvitationWithCode,
)
from app.consents.connecting import ConnectionFilters
from app.db import Row
from app.http import Response, Route, json_response
from app.identity.buckets import of_clinic_codes
from app.identity.networks import Network
from app.identity.throttles import rate_limited
from app.ids import Id
from app.openapi import problems
from app.problems import (
    IdentifierInUse,
    InsufficientScope,
    InvalidCursor,
    NotFound,
    TooManyAttempts,
    UnknownCode,
)
from app.records.filters import Filters
from app.urls import public_url

TAG: Final = "Clinic"
router = APIRouter(prefix="/v1/clinic", tags=[TAG], route_class=Route)
AnyClient = Annotated[ClientCaller, Depends(ClientToken())]
MayConnect = Annotated[ClientCaller, Depends(ClientToken("Patient", "c"))]
MaySearch = Annotated[ClientCaller, Depends(ClientToken("Patient", "s"))]
MayUpdate = Annotated[ClientCaller, Depends(ClientToken("Patient", "u"))]


@router.get("", response_model=ClinicState, responses=problems(signed_in=True), summary="Get the clinic's state")
async def get_clinic(call: AnyClient) -> Response:
    """Return the clinic, the calling client and its scopes, and the numbers of connections and managed sessions.

    The clinic's system can compare these numbers with its own.
    """
    return json_response(await connecting.clinic_state(call))


@router.post(
    "/invitations",
    status_code=201,
    response_model=InvitationWithCode,
    responses=problems(InsufficientScope, signed_in=True, body=True),
    summary="Invite a patient",
)
async def create_invitation(call: MayConnect, draft: InvitationDraft) -> Response:
    """Create an invitation for the patient with this identifier, with a code. The server does not send the code: give
    it to the patient.

    The code works once. Needs `system/Patient.c`.
    """
    invitation = await invitations.invite(call, draft)
    return _created(invitation, "invitations")


@router.get(
    "/invitations",
    response_model=InvitationPage,
    responses=problems(InsufficientScope, InvalidCursor, signed_in=True),
    summary="List open invitations",
)
async def list_invitations(call: MaySearch, query: Annotated[Filters, Query()]) -> Response:
    """Return the invitations that are not used, withdrawn or expired, newest first, without their codes.

    Needs `system/Patient.s`.
    """
    items, next_cursor = await invitations.page_of_invitations(call, query)
    return json_response({"items": items, "next_cursor": next_cursor})


@router.delete(
    "/invitations/{id:id}",
    status_code=204,
    responses=problems(InsufficientScope, NotFound, signed_in=True),
    summary="Withdraw an invitation",
)
async def withdraw_invitation(call: MayConnect, id: Id) -> Response:
    """Withdraw an open invitation: its code becomes invalid. A used or expired invitation is not found (404).

    Needs `system/Patient.c`.
    """
    await invitations.withdraw(call, id)
    return Response(204)


@router.post(
    "/connections",
    status_code=201,
    response_model=Connection,
    responses=problems(InsufficientScope, UnknownCode, IdentifierInUse, TooManyAttempts, signed_in=True, body=True),
    summary="Redeem the code of a patient",
)
async def create_connection(call: MayConnect, network: Network, draft: ConnectionDraft) -> Response:
    """Redeem the code of a consent that a patient has proposed: the consent becomes active.

    Needs `system/Patient.c`. The code in the example is not valid (422): a patient's app gets one from `POST
    /v1/consents`.
    """
    async with rate_limited(call.services, of_clinic_codes(call.services, network), failure=UnknownCode):
        connection = await connecting.redeem(call, draft)
    return _created(connection, "connections")


@router.get(
    "/connections",
    response_model=ConnectionPage,
    responses=problems(InsufficientScope, InvalidCursor, signed_in=True),
    summary="List connections",
)
async def list_connections(call: MaySearch, query: Annotated[ConnectionFilters, Query()]) -> Response:
    """Return the connections to patients with an active consent for the client's purpose, newest first.

    Each patient's access log shows that the connection was read. Needs `system/Patient.s`.
    """
    items, next_cursor = await connecting.page_of_connections(call, query)
    return json_response({"items": items, "next_cursor": next_cursor})


@router.patch(
    "/connections/{id:id}",
    response_model=Connection,
    responses=problems(InsufficientScope, NotFound, IdentifierInUse, signed_in=True, body=True),
    summary="Change or end a connection",
)
async def change_connection(call: MayUpdate, id: Id, patch: ConnectionPatch) -> Response:
    """Replace all identifiers of a connection, for example after charts were merged, or end the connection.

    If the connection ends, the patient gets an e-mail. Needs `system/Patient.u`.
    """
    return json_response(await connecting.change(call, id, patch))


def _created(made: Row, collection: str) -> Response:
    location = public_url(f"/v1/clinic/{collection}/{made['id']}")
    return json_response(made, 201, [(b"location", location.encode())])
