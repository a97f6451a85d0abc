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
    """Start a registration, and send an e-mail with a six-digit code. Send the code to `POST /v1/auth/verify`.

    The response is the same whether or not the e-mail address already has an account. If it has one, the e-mail says so
    instead of containing a code. In development, e-mails are printed on the server's output.
    """
    await registering.register(services, network, draft)
    return json_response(examples.ACCEPTED, 202)


@auth.post("/verify", response_model=TokenPair, responses=THROTTLED, summary="Verify an e-mail address")
async def verify(services: TheServices, network: Network, draft: VerificationDraft) -> Response:
    """Complete a registration with the code from the e-mail, and sign in.

    The account gets the password of the registration that this code belongs to. A code expires after 30 minutes or five
    wrong attempts.

    The code in the example is not valid and gets 401. Use the code from the e-mail instead.
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

    A wrong password gets the same response as an unknown, unverified or closed account. After five failures within 15
    minutes, sign-ins to the account get 429 until the 15 minutes are over. If the request contains a refresh token that
    the device held for the account, the failures of this device are counted separately.

    If the account has a second factor, the response is 401 `second-factor-required` with a ticket. Send the ticket with
    a code to `POST /v1/auth/second-factor`.
    """
    return json_response(await signing_in.by_password(services, network, draft))


@auth.post("/refresh", response_model=TokenPair, responses=THROTTLED, summary="Refresh the tokens")
async def refresh_tokens(services: TheServices, network: Network, draft: RefreshDraft) -> Response:
    """Return new tokens. Each refresh token is valid once.

    If the response is lost, send the same refresh token again: for one minute, and until a new token is used, the
    response contains the same new refresh token. After that, an old token signs the device out, because another party
    may have a copy. So send only one refresh at a time.

    The token in the example is not valid and gets 401. If you are signed in, the page `/docs` sends its own token
    instead.
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
    """Return your account, with the usage and the limit of each quota.

    A write that would exceed a quota gets 403 `quota-exceeded`. A sign-in that would exceed the quota of devices signs
    out the least recently used device.
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
    """Update your name, time zone, language or region with a JSON merge patch (RFC 7396). No If-Match is needed."""
    return json_response(await change_account(call.db, call.account_id, patch.model_dump(exclude_unset=True)))


@router.get(
    "/.well-known/jwks.json",
    tags=["Signing in"],
    response_model=PublicKeys,
    responses=problems(),
    summary="Get the public keys",
)
async def get_public_keys(services: TheServices) -> Response:
    """Return the public keys that verify access tokens, as a JSON Web Key Set (RFC 7517)."""
    keys = [key.jwk for key in services.keyring.verification_keys.values()]
    return json_response({"keys": keys}, headers=[(b"cache-control", b"public, max-age=300")])
