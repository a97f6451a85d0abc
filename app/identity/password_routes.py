"""The routes for a forgotten password: request a reset, and reset the password."""

from fastapi import APIRouter

from app.http import Response, SecretRoute, json_response
from app.identity import changing_password, examples
from app.identity.buckets import CodeKind, of_client, of_wrong_codes
from app.identity.fields import email_key
from app.identity.networks import Network
from app.identity.shapes import Accepted, ForgottenDraft, ResetDraft
from app.identity.throttles import count_wrong
from app.openapi import problems
from app.problems import TooManyAttempts, WrongCredentials
from app.services import TheServices

router = APIRouter(prefix="/v1/auth/password", tags=["Signing in"], route_class=SecretRoute)


@router.post(
    "/forgot",
    status_code=202,
    response_model=Accepted,
    responses=problems(TooManyAttempts, body=True),
    summary="Request a password reset",
)
async def forgot_password(services: TheServices, network: Network, draft: ForgottenDraft) -> Response:
    """Send an e-mail with a code for a password reset.

    The response is the same whether or not the e-mail address has an account. If it has none, the e-mail says so.
    """
    await changing_password.request_reset(services, network, draft)
    return json_response(examples.ACCEPTED, 202)


@router.post(
    "/reset",
    status_code=204,
    responses=problems(WrongCredentials, TooManyAttempts, body=True),
    summary="Reset the password",
)
async def reset_password(services: TheServices, network: Network, draft: ResetDraft) -> Response:
    """Set a new password with the code from the e-mail. Every device is signed out. A code works once, and expires
    after 30 minutes.

    The code in the example is not valid and gets 401. Request a code with `POST /v1/auth/password/forgot` and use it
    instead.
    """
    tries = of_wrong_codes(services, network, email_key(draft.email), CodeKind.RESET)
    async with count_wrong(services, tries, of_client(services, network)):
        await changing_password.reset(services, network, draft)
    return Response(204)
