"""The routes that close and reopen an account.

Closing comes last in the OpenAPI document, because it signs out every device.
"""

from fastapi import APIRouter

from app.http import Response, Route, SecretRoute, json_response
from app.identity import reopening
from app.identity.buckets import of_client, of_device
from app.identity.caller import Call
from app.identity.networks import Network
from app.identity.shapes import ReopeningDraft, TokenPair
from app.identity.throttles import rate_limited
from app.leaving import closing
from app.leaving.shapes import Closing, ClosingDraft
from app.openapi import problems
from app.problems import SecondFactorRequired, TooManyAttempts, WrongCredentials
from app.services import TheServices

auth = APIRouter(prefix="/v1/auth", tags=["Signing in"], route_class=SecretRoute)
router = APIRouter(prefix="/v1/me", tags=["Account"], route_class=Route)


@auth.post(
    "/reopen",
    response_model=TokenPair,
    responses=problems(WrongCredentials, SecondFactorRequired, TooManyAttempts, body=True),
    summary="Reopen a closed account",
)
async def reopen_account(services: TheServices, network: Network, draft: ReopeningDraft) -> Response:
    """Reopen an account with the code from the e-mail that was sent when the account was closed, and sign in.

    You can reopen an account until its erasure. If the e-mail is lost, `POST /v1/auth/password/forgot` sends another
    code. The code in the example is not valid (401): replace it with the code from the e-mail.
    """
    return json_response(await reopening.reopen(services, network, draft))


@router.post(
    "/close",
    status_code=202,
    response_model=Closing,
    responses=problems(WrongCredentials, TooManyAttempts, signed_in=True, body=True),
    summary="Close your account",
)
async def close_account(call: Call, network: Network, draft: ClosingDraft) -> Response:
    """Close your account. Every device is signed out, and nobody can use the account.

    On `erased_on` the account is erased with all its data. Until then, you can reopen it with the code in the e-mail
    that you get. With `immediately`, the account is erased at once and cannot be reopened. The password in the example
    is wrong (401), so that the example does not close the demo account.
    """
    async with rate_limited(call.services, of_device(call.services, call.device_id), of_client(call.services, network)):
        closed = await closing.close_own(call, network, draft)
    return json_response(closed, 202)
