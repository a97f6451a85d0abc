"""The door of passwords: changing one, and getting a new one where it is forgotten."""

from fastapi import APIRouter

from app.http import Answer, Route, json_answer
from app.identity import changing_password, examples
from app.identity.caller import Call
from app.identity.fields import email_key
from app.identity.shapes import Accepted, ForgottenDraft, PasswordDraft, ResetDraft
from app.identity.site import TheSite
from app.identity.throttles import Guess, Network, attempt, of_account, of_client, of_device
from app.openapi import problems
from app.problems import TooManyAttempts, WrongCredentials

router = APIRouter(prefix="/v1/auth/password", tags=["Signing in"], route_class=Route)


@router.post(
    "",
    status_code=204,
    responses=problems(WrongCredentials, TooManyAttempts, signed_in=True, body=True),
    summary="Change the password",
)
async def change_password(call: Call, network: Network, draft: PasswordDraft) -> Answer:
    """Set a new password with the present one. Every other device is signed out; this one stays."""
    async with attempt(call.site, of_device(call.site, call.device_id), of_client(call.site, network)):
        await changing_password.change(call, draft)
    return Answer(204)


@router.post(
    "/forgot", status_code=202, response_model=Accepted, responses=problems(body=True), summary="Forget the password"
)
async def forgot_password(site: TheSite, draft: ForgottenDraft) -> Answer:
    """Ask for a code by mail. The answer is the same whether or not the address has an account; the letter says it."""
    await changing_password.forget(site, draft)
    return json_answer(examples.ACCEPTED, 202)


@router.post(
    "/reset",
    status_code=204,
    responses=problems(WrongCredentials, TooManyAttempts, body=True),
    summary="Set a new password by code",
)
async def reset_password(site: TheSite, network: Network, draft: ResetDraft) -> Answer:
    """Set a new password with the code from the mail. Every device is signed out. A code works once, for 30 minutes."""
    whose = of_account(site, email_key(draft.email), Guess.RESET)
    async with attempt(site, whose, of_client(site, network)):
        await changing_password.reset(site, draft)
    return Answer(204)
