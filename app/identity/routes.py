"""The door: registering, signing in, staying signed in, and one's own account."""

from fastapi import APIRouter

from app.http import Response, Route, json_response
from app.identity import device_sessions, examples, registering, signing_in
from app.identity.accounts import change_account, public_account
from app.identity.caller import Call
from app.identity.services import TheServices
from app.identity.shapes import (
    Accepted,
    Account,
    DeviceList,
    LoginDraft,
    MePatch,
    PublicKeys,
    RefreshDraft,
    RegistrationDraft,
    TokenPair,
    VerificationDraft,
)
from app.identity.throttles import Network
from app.ids import Id
from app.openapi import problems
from app.problems import NotFound, TooManyAttempts, WrongCredentials

THROTTLED = problems(WrongCredentials, TooManyAttempts, body=True)
router = APIRouter(route_class=Route)
auth = APIRouter(prefix="/v1/auth", tags=["Signing in"], route_class=Route)


@auth.post(
    "/register", status_code=202, response_model=Accepted, responses=problems(body=True), summary="Register an address"
)
async def register(services: TheServices, draft: RegistrationDraft) -> Response:
    """Ask for an account. A six-digit code goes out by mail: give it to `verify`.

    The answer is the same whether or not the address has an account; if it has one, the letter says so. In development
    the letter is printed on the server's own output.
    """
    await registering.register(services, draft)
    return json_response(examples.ACCEPTED, 202)


@auth.post("/verify", response_model=TokenPair, responses=THROTTLED, summary="Verify an address")
async def verify(services: TheServices, network: Network, draft: VerificationDraft) -> Response:
    """Finish a registration with the code from the mail, and be signed in.

    The password that counts is the one that was registered together with this code. A code lives 30 minutes and ends
    after five wrong tries.
    """
    return json_response(await signing_in.by_code(services, network, draft))


@auth.post("/login", response_model=TokenPair, responses=THROTTLED, summary="Sign in")
async def login(services: TheServices, network: Network, draft: LoginDraft) -> Response:
    """Sign in with a password, on a device of its own.

    A wrong password, an unknown, an unverified and a closed account get one and the same answer. After five wrong tries
    the account is throttled for a quarter of an hour, save for devices that show a refresh token they once held.
    """
    return json_response(await signing_in.by_password(services, network, draft))


@auth.post("/refresh", response_model=TokenPair, responses=THROTTLED, summary="Refresh the tokens")
async def refresh_tokens(services: TheServices, network: Network, draft: RefreshDraft) -> Response:
    """Get the next pair of tokens. Each refresh token works once.

    If the answer was lost, the same token gets the same answer again for ten minutes. Using an older one signs the
    device out, since somebody else may hold a copy.
    """
    return json_response(await signing_in.again(services, network, draft))


@auth.post("/logout", status_code=204, responses=problems(signed_in=True), summary="Sign this device out")
async def logout(call: Call) -> Response:
    """End this device: its tokens are refused from the next request on."""
    await device_sessions.end_device(call.services, call.account_id, call.device_id)
    return Response(204)


@auth.post("/logout-all", status_code=204, responses=problems(signed_in=True), summary="Sign every device out")
async def logout_all(call: Call) -> Response:
    """End every device of the account, this one too."""
    async with call.db.transaction() as tx:
        await device_sessions.end_devices(tx, call.account_id)
    return Response(204)


@auth.get(
    "/devices", response_model=DeviceList, responses=problems(signed_in=True), summary="List the signed-in devices"
)
async def list_devices(call: Call) -> Response:
    """See which devices are signed in, newest first."""
    return json_response(
        {"items": await device_sessions.signed_in_devices(call.services, call.account_id, call.device_id)}
    )


@auth.delete(
    "/devices/{id:id}", status_code=204, responses=problems(NotFound, signed_in=True), summary="Sign a device out"
)
async def end_device(call: Call, id: Id) -> Response:
    """End one device: its tokens are refused from the next request on."""
    if not await device_sessions.end_device(call.services, call.account_id, id):
        raise NotFound
    return Response(204)


@router.get(
    "/v1/me", tags=["Account"], response_model=Account, responses=problems(signed_in=True), summary="Read your account"
)
async def get_me(call: Call) -> Response:
    """See your own account."""
    return json_response(await public_account(call.db, call.account_id))


@router.patch(
    "/v1/me",
    tags=["Account"],
    response_model=Account,
    responses=problems(signed_in=True, body=True),
    summary="Change your account",
)
async def change_me(call: Call, patch: MePatch) -> Response:
    """Change your name, time zone or language, by a JSON merge patch (RFC 7396). No If-Match is needed here."""
    return json_response(await change_account(call.db, call.account_id, patch.model_dump(exclude_unset=True)))


@router.get(
    "/.well-known/jwks.json",
    tags=["Signing in"],
    response_model=PublicKeys,
    responses=problems(),
    summary="Read the public keys",
)
async def get_public_keys(services: TheServices) -> Response:
    """Get the keys that access tokens can be verified with."""
    keys = [key.jwk for key in services.keyring.verification_keys.values()]
    return json_response({"keys": keys}, headers=[(b"cache-control", b"public, max-age=300")])
