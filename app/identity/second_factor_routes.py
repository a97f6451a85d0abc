"""The routes of the second factor: turn it on and off, and sign in with it."""

from fastapi import APIRouter

from app.http import Response, SecretRoute, json_response
from app.identity import changing_second_factor, second_factor, signing_in
from app.identity.caller import Call
from app.identity.networks import Network
from app.identity.shapes import (
    RecoveryCodes,
    SecondFactorCode,
    SecondFactorDraft,
    SecondFactorLogin,
    SecondFactorRemoval,
    SecondFactorSetup,
    SecondFactorState,
    SecondFactorTokens,
    TicketDraft,
)
from app.openapi import problems
from app.problems import NotFound, SecondFactorOn, TooManyAttempts, WrongCredentials
from app.services import TheServices

auth = APIRouter(prefix="/v1/auth/second-factor", tags=["Signing in"], route_class=SecretRoute)
router = APIRouter(prefix="/v1/me/totp", tags=["Security"], route_class=SecretRoute)
_ATTEMPT = (WrongCredentials, TooManyAttempts)


@auth.post(
    "",
    response_model=SecondFactorTokens,
    responses=problems(*_ATTEMPT, body=True),
    summary="Sign in with a second factor",
)
async def sign_in_with_second_factor(services: TheServices, network: Network, draft: SecondFactorLogin) -> Response:
    """Complete a sign-in that got 401 `second-factor-required`, with its ticket and a code.

    The code is from the authenticator app, or is a recovery code. Each code works once. After five wrong codes within
    15 minutes, the response is 429 until the 15 minutes are over. If `setup` was true in the 401, the request turns the
    second factor on, and the response contains the recovery codes.

    The ticket in the example is not valid and gets 401.
    """
    return json_response(await signing_in.by_second_factor(services, network, draft))


@auth.post(
    "/setup",
    response_model=SecondFactorSetup,
    responses=problems(SecondFactorOn, *_ATTEMPT, body=True),
    summary="Set up a second factor while signing in",
)
async def set_up_at_sign_in(services: TheServices, network: Network, draft: TicketDraft) -> Response:
    """Return a new secret for an authenticator app, for an account whose role requires a second factor.

    Send the ticket of a 401 `second-factor-required` whose `setup` is true. Then send a code from the app to
    `POST /v1/auth/second-factor`, with the same ticket.

    The ticket in the example is not valid and gets 401.
    """
    return json_response(await signing_in.set_up_second_factor(services, network, draft))


@router.get(
    "", response_model=SecondFactorState, responses=problems(signed_in=True), summary="Get the second factor's state"
)
async def get_second_factor(call: Call) -> Response:
    """Return whether the second factor is on, and how many recovery codes are left."""
    return json_response(await second_factor.state(call.db, call.account_id))


@router.post(
    "",
    response_model=SecondFactorSetup,
    responses=problems(SecondFactorOn, *_ATTEMPT, signed_in=True, body=True),
    summary="Set up a second factor",
)
async def set_up_second_factor(call: Call, network: Network, draft: SecondFactorDraft) -> Response:
    """Return a new secret for an authenticator app (TOTP, RFC 6238). Show its URI as a QR code.

    The second factor stays off until you send a code from the app to `POST /v1/me/totp/confirm`. Repeating this request
    replaces the secret.
    """
    return json_response(await changing_second_factor.set_up(call, network, draft))


@router.post(
    "/confirm",
    response_model=RecoveryCodes,
    responses=problems(*_ATTEMPT, signed_in=True, body=True),
    summary="Turn the second factor on",
)
async def confirm_second_factor(call: Call, network: Network, draft: SecondFactorCode) -> Response:
    """Turn the second factor on with a code from the authenticator app, and return the recovery codes, which are not
    shown again. Every later sign-in needs a code. Devices that are signed in stay signed in.

    The code in the example is not valid and gets 401. Use a code from your app instead.
    """
    return json_response(await changing_second_factor.confirm(call, network, draft))


@router.delete(
    "",
    status_code=204,
    responses=problems(NotFound, *_ATTEMPT, signed_in=True, body=True),
    summary="Turn the second factor off",
)
async def remove_second_factor(call: Call, network: Network, draft: SecondFactorRemoval) -> Response:
    """Turn the second factor off, with the password and a code from the authenticator app or a recovery code.

    If the second factor is not on, the response is 404. If your role requires a second factor, you have to set one up
    again at the next sign-in. The password in the example is wrong and gets 401.
    """
    await changing_second_factor.turn_off(call, network, draft)
    return Response(204)
