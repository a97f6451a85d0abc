"""The routes that request and confirm a change of an account's e-mail address."""

from fastapi import APIRouter

from app.http import Response, Route, json_response
from app.identity import changing_email, examples
from app.identity.buckets import CodeKind, of_client, of_device, of_wrong_codes
from app.identity.caller import Call
from app.identity.networks import Network
from app.identity.shapes import Accepted, Account, EmailConfirmation, EmailDraft
from app.identity.throttles import count_wrong, rate_limited
from app.openapi import problems
from app.problems import TooManyAttempts, WrongCredentials

router = APIRouter(prefix="/v1/me/email", tags=["Account"], route_class=Route)


@router.post(
    "",
    status_code=202,
    response_model=Accepted,
    responses=problems(WrongCredentials, TooManyAttempts, signed_in=True, body=True),
    summary="Request a change of the e-mail address",
)
async def request_email_change(call: Call, network: Network, draft: EmailDraft) -> Response:
    """Send a code to the new e-mail address, and a notice to the current one. Nothing changes until you send the code
    to `POST /v1/me/email/confirm`.

    The response is the same whether or not the new e-mail address already has an account. If it has one, the e-mail to
    the new e-mail address says so instead of containing a code.
    """
    async with rate_limited(call.services, of_device(call.services, call.device_id), of_client(call.services, network)):
        await changing_email.request_change(call, network, draft)
    return json_response(examples.ACCEPTED, 202)


@router.post(
    "/confirm",
    response_model=Account,
    responses=problems(WrongCredentials, TooManyAttempts, signed_in=True, body=True),
    summary="Confirm a new e-mail address",
)
async def confirm_email_change(call: Call, network: Network, draft: EmailConfirmation) -> Response:
    """Change the account's e-mail address with the code that was sent to the new e-mail address. Every other device is
    signed out, and the former e-mail address gets a notice. A code works once, and expires after 30 minutes.

    The code in the example is not valid and gets 401. Request a code with `POST /v1/me/email` and use it instead.
    """
    tries = of_wrong_codes(call.services, network, str(call.account_id), CodeKind.EMAIL)
    async with count_wrong(call.services, tries, of_client(call.services, network)):
        changed = await changing_email.confirm_change(call, network, draft)
    return json_response(changed)
