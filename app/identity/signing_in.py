"""Signing in: with a password, with a mailed code, and again with a refresh token. Every way is throttled."""

from typing import Any

from app.db import Row
from app.identity import device_sessions, registering
from app.identity.accounts import BY_EMAIL, CHANGE_PASSWORD, STILL
from app.identity.fields import email_key
from app.identity.services import Services
from app.identity.shapes import LoginDraft, RefreshDraft, VerificationDraft
from app.identity.throttles import AttemptKind, count_failures, of_account, of_client, of_device, rate_limited
from app.problems import WrongCredentials

Tokens = dict[str, Any]


async def by_password(services: Services, network: str, draft: LoginDraft) -> Tokens:
    """Sign in on a new device; unknown, unverified and closed accounts are as wrong as a wrong password."""
    key = email_key(draft.email)
    device_id = await device_sessions.device_that_held(services, draft.refresh_token, key)
    whose = of_account(services, key, AttemptKind.PASSWORD) if device_id is None else of_device(services, device_id)
    async with rate_limited(services, whose, of_client(services, network)):
        account = await services.db.one(BY_EMAIL, email_key=key)
        password_hash = None if account is None else account["password_hash"]
        right, stronger = await services.passwords.checked(draft.password, password_hash)
        if account is None or not right:
            raise WrongCredentials
        return await _still_right(services, account, stronger, draft.device_name)


async def _still_right(services: Services, account: Row, stronger: str | None, device_name: str | None) -> Tokens:
    """Sign in, unless the account was closed or its password changed while the given one was looked at."""
    async with services.db.transaction() as tx:
        if await tx.one(STILL, id=account["id"], password_hash=account["password_hash"]) is None:
            raise WrongCredentials
        if stronger is not None:
            await tx.run(CHANGE_PASSWORD, id=account["id"], password_hash=stronger)
        device = await device_sessions.begin(tx, account["id"], device_name)
    return await device_sessions.pair(services, account["id"], *device)


async def by_code(services: Services, network: str, draft: VerificationDraft) -> Tokens:
    """Finish a registration, and sign in."""
    whose = of_account(services, email_key(draft.email), AttemptKind.REGISTRATION)
    async with rate_limited(services, whose, of_client(services, network)):
        account_id = await registering.verify(services, draft.email, draft.code)
    return await device_sessions.sign_in(services, account_id, None)


async def again(services: Services, network: str, draft: RefreshDraft) -> Tokens:
    """Stay signed in. Nobody guesses 256 bits, so only what was wrong is counted."""
    async with count_failures(services, of_client(services, network)):
        return await device_sessions.refresh(services, draft.refresh_token)
