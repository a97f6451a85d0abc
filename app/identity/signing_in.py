"""Signing in: with a password, with a mailed code, and again with a refresh token. Every way is throttled."""

from typing import Any

from app.db import Row
from app.identity import families, registering
from app.identity.accounts import BY_EMAIL, CHANGE_PASSWORD, STILL
from app.identity.fields import email_key
from app.identity.shapes import LoginDraft, RefreshDraft, VerificationDraft
from app.identity.site import Site
from app.identity.throttles import Guess, attempt, counted, of_account, of_client, of_device
from app.problems import WrongCredentials

Tokens = dict[str, Any]


async def by_password(site: Site, network: str, draft: LoginDraft) -> Tokens:
    """Sign in on a new device; unknown, unverified and closed accounts are as wrong as a wrong password."""
    key = email_key(draft.email)
    device_id = await families.device_that_held(site, draft.refresh_token, key)
    whose = of_account(site, key, Guess.PASSWORD) if device_id is None else of_device(site, device_id)
    async with attempt(site, whose, of_client(site, network)):
        account = await site.db.one(BY_EMAIL, email_key=key)
        password_hash = None if account is None else account["password_hash"]
        right, stronger = await site.passwords.checked(draft.password, password_hash)
        if account is None or not right:
            raise WrongCredentials
        return await _still_right(site, account, stronger, draft.device_name)


async def _still_right(site: Site, account: Row, stronger: str | None, device_name: str | None) -> Tokens:
    """Sign in, unless the account was closed or its password changed while the given one was looked at."""
    async with site.db.transaction() as tx:
        if await tx.one(STILL, id=account["id"], password_hash=account["password_hash"]) is None:
            raise WrongCredentials
        if stronger is not None:
            await tx.run(CHANGE_PASSWORD, id=account["id"], password_hash=stronger)
        device = await families.begin(tx, account["id"], device_name)
    return await families.pair(site, account["id"], *device)


async def by_code(site: Site, network: str, draft: VerificationDraft) -> Tokens:
    """Finish a registration, and sign in."""
    whose = of_account(site, email_key(draft.email), Guess.REGISTRATION)
    async with attempt(site, whose, of_client(site, network)):
        account_id = await registering.verify(site, draft.email, draft.code)
    return await families.sign_in(site, account_id, None)


async def again(site: Site, network: str, draft: RefreshDraft) -> Tokens:
    """Stay signed in. Nobody guesses 256 bits, so only what was wrong is counted."""
    async with counted(site, of_client(site, network)):
        return await families.refresh(site, draft.refresh_token)
