"""The routes by which a patient gives, changes and ends consents for clinics, and reads the access log."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from app import clock
from app.consents import access_log, consenting, statements
from app.consents.access_log import AccessPage, public_access
from app.consents.lists import read_page
from app.consents.shapes import (
    Code,
    CodeDraft,
    Consent,
    ConsentDraft,
    ConsentPage,
    ConsentPatch,
    ConsentWithCode,
    public_consent,
)
from app.consents.writing import ended_if_expired
from app.http import Response, Route, json_response
from app.identity import Call
from app.identity.buckets import of_clinic_codes
from app.identity.networks import Network
from app.identity.throttles import rate_limited
from app.ids import Id
from app.openapi import problems
from app.problems import (
    AlreadyConnected,
    ConsentEnded,
    InvalidCursor,
    NotFound,
    TooManyAttempts,
    TooManyConsents,
    TooManyIdentifiers,
    UnknownCode,
)
from app.records.filters import Filters
from app.records.positions import decode_position, encode_position
from app.urls import public_url

TAG: Final = "Consents"
router = APIRouter(prefix="/v1", tags=[TAG], route_class=Route)


async def request_id_of(request: Request) -> str:
    """Return the id of the request, as a dependency."""
    id: str = request.scope["request_id"]
    return id


RequestId = Annotated[str, Depends(request_id_of)]


@router.post(
    "/codes",
    response_model=Code,
    responses=problems(NotFound, TooManyAttempts, signed_in=True, body=True),
    summary="Look up a code of a clinic",
)
async def look_up_code(call: Call, network: Network, draft: CodeDraft) -> Response:
    """Return the clinic that a code belongs to and, for an invitation, the terms that the clinic asks for.

    The code stays valid, so that the person can decide first. If the code is wrong, used, withdrawn or expired, or if
    its clinic no longer uses this server, the response is 404. After ten wrong codes in an hour, the account gets 429.
    """
    async with rate_limited(call.services, of_clinic_codes(call.services, network, call.account_id), failure=NotFound):
        found = await consenting.describe_code(call, draft.code)
    return json_response(found)


@router.post(
    "/consents",
    status_code=201,
    response_model=ConsentWithCode,
    responses=problems(
        UnknownCode, AlreadyConnected, TooManyConsents, TooManyIdentifiers, TooManyAttempts, signed_in=True, body=True
    )
    | {200: {"model": Consent, "description": "The account was already connected. The terms are unchanged."}},
    summary="Give or propose a consent",
)
async def create_consent(call: Call, request_id: RequestId, network: Network, draft: ConsentDraft) -> Response:
    """Give a consent with the code of an invitation (`code`), or propose one to a clinic by its share code (`clinic`).

    With an invitation, the consent is active at once. A proposed consent has the purpose `treatment`, and a code to
    show at the clinic: the consent becomes active when the clinic redeems the code. If the account is already connected
    to the clinic, an invitation only adds its identifier to the connection, and the terms do not change (200). The code
    in the example is not valid (422): a clinic's system gets a valid one from `POST /v1/clinic/invitations`.
    """
    consenting.check_draft(draft)
    async with rate_limited(
        call.services, of_clinic_codes(call.services, network, call.account_id), failure=UnknownCode
    ):
        status, consent = await consenting.create(call, draft, request_id)
    location = [(b"location", public_url(f"/v1/consents/{consent['id']}").encode())] if status == 201 else []  # noqa: PLR2004
    return json_response(consent, status, location)


@router.get(
    "/consents",
    response_model=ConsentPage,
    responses=problems(InvalidCursor, signed_in=True),
    summary="List consents",
)
async def list_consents(call: Call, query: Annotated[Filters, Query()]) -> Response:
    """Return the consents of the account, including those that have ended, newest first."""
    scope = (str(call.account_id), "consents")
    page = await read_page(call.db, call.services, statements.OWN_PAGES, query, scope, owner_id=call.account_id)
    now = clock.now()
    items = [public_consent(ended_if_expired(row, now)) for row in page.rows]
    return json_response({"items": items, "next_cursor": page.next_cursor})


@router.get(
    "/consents/{id:id}",
    response_model=Consent,
    responses=problems(NotFound, signed_in=True),
    summary="Get a consent",
)
async def get_consent(call: Call, id: Id) -> Response:
    """Return a consent, even if it has ended."""
    return json_response(await consenting.find(call, id))


@router.patch(
    "/consents/{id:id}",
    response_model=Consent,
    responses=problems(NotFound, ConsentEnded, signed_in=True, body=True),
    summary="Change or end a consent",
)
async def change_consent(call: Call, request_id: RequestId, id: Id, patch: ConsentPatch) -> Response:
    """Change the terms of a consent, or end it with the status `inactive`. No If-Match is needed.

    A change applies to every request of the clinic that starts after the response. An ended consent cannot be changed
    (409); ending it again has no effect.
    """
    return json_response(await consenting.change(call, id, patch, request_id))


@router.get(
    "/access",
    response_model=AccessPage,
    responses=problems(InvalidCursor, signed_in=True),
    summary="List accesses of clinics",
)
async def list_accesses(call: Call, query: Annotated[Filters, Query()]) -> Response:
    """Return what clinics did with the account's data, and each start, change and end of a consent, newest first.

    Each entry is about one request and one collection. Entries never change, and are deleted only when the account is
    erased.
    """
    scope, key, after = (str(call.account_id), "access"), call.services.cursor_key, access_log.NEWEST
    if query.cursor is not None:
        _, after = decode_position(key, scope, query.cursor)
    rows = await call.db.all(access_log.PAGE, owner_id=call.account_id, after_id=after, rows=query.limit + 1)
    more, rows = len(rows) > query.limit, rows[: query.limit]
    next_cursor = encode_position(key, scope, 0, rows[-1]["id"]) if more else None
    return json_response({"items": [*map(public_access, rows)], "next_cursor": next_cursor})
