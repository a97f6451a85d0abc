"""Signing in: with a password, with a code from an e-mail, or with a refresh token. Each is throttled."""

from typing import Any

from app.db import Row
from app.identity import device_sessions, registering
from app.identity.accounts import BY_EMAIL, CHANGE_PASSWORD, LOCK_UNCHANGED
from app.identity.fields import email_key
from app.identity.shapes import LoginDraft, RefreshDraft, VerificationDraft
from app.identity.throttles import AttemptKind, count_failures, of_account, of_client, of_device, rate_limited
from app.problems import WrongCredentials
from app.services import Services

Tokens = dict[str, Any]


async def by_password(services: Services, network: str, draft: LoginDraft) -> Tokens:
    """Sign in on a new device, and return its tokens.

    Raise `WrongCredentials` for a wrong password as for an unknown, unverified or closed account.
    """
    key = email_key(draft.email)
    device_id = await device_sessions.device_that_held(services, draft.refresh_token, key)
    bucket = of_account(services, key, AttemptKind.PASSWORD) if device_id is None else of_device(services, device_id)
    async with rate_limited(services, bucket, of_client(services, network)):
        account = await services.db.one(BY_EMAIL, email_key=key)
        password_hash = None if account is None else account["password_hash"]
        right, stronger = await services.passwords.checked(draft.password, password_hash)
        if account is None or not right:
            raise WrongCredentials
        return await _complete_login(services, account, stronger, draft.device_name)


async def _complete_login(services: Services, account: Row, stronger: str | None, device_name: str | None) -> Tokens:
    """Sign in, unless the account was closed or its password was changed during the check of the password."""
    async with services.db.transaction() as tx:
        if await tx.one(LOCK_UNCHANGED, id=account["id"], password_hash=account["password_hash"]) is None:
            raise WrongCredentials
        if stronger is not None:
            await tx.run(CHANGE_PASSWORD, id=account["id"], password_hash=stronger)
        device = await device_sessions.create_device(tx, account["id"], device_name)
    return await device_sessions.tokens_of(services, account["id"], *device)


async def by_code(services: Services, network: str, draft: VerificationDraft) -> Tokens:
    """Complete a registration, and sign in."""
    bucket = of_account(services, email_key(draft.email), AttemptKind.REGISTRATION)
    async with rate_limited(services, bucket, of_client(services, network)):
        account_id = await registering.verify(services, draft.email, draft.code)
    return await device_sessions.sign_in(services, account_id, None)


async def by_refresh_token(services: Services, network: str, draft: RefreshDraft) -> Tokens:
    """Return new tokens; count only failures towards the rate limit, because a refresh token cannot be guessed."""
    async with count_failures(services, of_client(services, network)):
        return await device_sessions.refresh(services, draft.refresh_token)
