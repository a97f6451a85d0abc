"""The routes of registration, sign-in and the caller's own account."""

from fastapi import APIRouter

from app.http import Response, Route, SecretRoute, json_response
from app.identity import examples, registering, signing_in
from app.identity.accounts import account_with_usage, change_account
from app.identity.caller import Call
from app.identity.networks import Network
from app.identity.shapes import (
    Accepted,
    Account,
    AccountWithUsage,
    LoginDraft,
    MePatch,
    PublicKeys,
    RefreshDraft,
    RegistrationDraft,
    TokenPair,
    VerificationDraft,
)
from app.openapi import problems
from app.problems import SecondFactorRequired, TooManyAttempts, WrongCredentials
from app.services import TheServices

THROTTLED = problems(WrongCredentials, TooManyAttempts, body=True)
router = APIRouter(route_class=Route)
auth = APIRouter(prefix="/v1/auth", tags=["Signing in"], route_class=SecretRoute)


@auth.post(
    "/register",
    status_code=202,
    response_model=Accepted,
    responses=problems(TooManyAttempts, body=True),
    summary="Register an account",
)
async def register(services: TheServices, network: Network, draft: RegistrationDraft) -> Response:
    """Start a registration. An e-mail with a six-digit code is sent: send the code to `POST /v1/auth/verify`.

    The response is the same whether or not the e-mail address has an account; if it has one, the e-mail says so. In
    development the e-mail is printed on the server's output.
    """
    await registering.register(services, network, draft)
    return json_response(examples.ACCEPTED, 202)


@auth.post("/verify", response_model=TokenPair, responses=THROTTLED, summary="Verify an e-mail address")
async def verify(services: TheServices, network: Network, draft: VerificationDraft) -> Response:
    """Complete a registration with the code from the e-mail, and sign in.

    The account gets the password that was registered together with this code. A code is valid for 30 minutes and five
    wrong attempts. The code in the example is not valid (401): replace it with the one from the e-mail.
    """
    return json_response(await signing_in.by_code(services, network, draft))


@auth.post(
    "/login",
    response_model=TokenPair,
    responses=problems(WrongCredentials, SecondFactorRequired, TooManyAttempts, body=True),
    summary="Sign in",
)
async def login(services: TheServices, network: Network, draft: LoginDraft) -> Response:
    """Sign in with a password. Each sign-in creates a device.

    A wrong password and an unknown, unverified or closed account get the same response. After five failures the account
    is throttled for 15 minutes, except for devices that send a refresh token which they once held.

    If the account has a second factor, the response is 401 `second-factor-required` with a ticket: send it with a code to
    `POST /v1/auth/second-factor`.
    """
    return json_response(await signing_in.by_password(services, network, draft))


@auth.post("/refresh", response_model=TokenPair, responses=THROTTLED, summary="Refresh the tokens")
async def refresh_tokens(services: TheServices, network: Network, draft: RefreshDraft) -> Response:
    """Return new tokens. Each refresh token is valid once.

    If the response was lost, the same token gets the same response again for a minute, until the new tokens are used.
    After that, it signs the device out, because another party may have a copy: send only one refresh at a time. The
    token in the example is not valid (401); if you are signed in, the page `/docs` sends its own instead.
    """
    return json_response(await signing_in.by_refresh_token(services, network, draft))


@router.get(
    "/v1/me",
    tags=["Account"],
    response_model=AccountWithUsage,
    responses=problems(signed_in=True),
    summary="Get your account",
)
async def get_me(call: Call) -> Response:
    """Return your account, and how much it has of what is limited.

    A write above a limit is refused with 403 `quota-exceeded`; a sign-in above it signs out another device.
    """
    return json_response(await account_with_usage(call.services, call.account_id))


@router.patch(
    "/v1/me",
    tags=["Account"],
    response_model=Account,
    responses=problems(signed_in=True, body=True),
    summary="Update your account",
)
async def change_me(call: Call, patch: MePatch) -> Response:
    """Update your name, time zone or language with a JSON merge patch (RFC 7396). It needs no If-Match."""
    return json_response(await change_account(call.db, call.account_id, patch.model_dump(exclude_unset=True)))


@router.get(
    "/.well-known/jwks.json",
    tags=["Signing in"],
    response_model=PublicKeys,
    responses=problems(),
    summary="Get the public keys",
)
async def get_public_keys(services: TheServices) -> Response:
    """Return the public keys that access tokens can be verified with, as a JSON Web Key Set (RFC 7517)."""
    keys = [key.jwk for key in services.keyring.verification_keys.values()]
    return json_response({"keys": keys}, headers=[(b"cache-control", b"public, max-age=300")])
