"""Signing in: with a password, with a code from an e-mail, or with a refresh token. Each is throttled."""

from typing import Any
from uuid import UUID

from app.db import Row
from app.identity import audit, device_sessions, registering
from app.identity.accounts import BY_EMAIL, CHANGE_PASSWORD, LOCK_UNCHANGED
from app.identity.audit import Event
from app.identity.buckets import CodeKind, of_account, of_client, of_code, of_device, of_refreshes, of_sign_ins
from app.identity.fields import email_key
from app.identity.notices import notify
from app.identity.shapes import LoginDraft, RefreshDraft, VerificationDraft
from app.identity.throttles import count_request, count_wrong, rate_limited
from app.problems import WrongCredentials
from app.services import Services
from app.settings import Notice

Tokens = dict[str, Any]


async def by_password(services: Services, network: str, draft: LoginDraft) -> Tokens:
    """Sign in on a new device; an unknown, unverified or closed account is answered like a wrong password."""
    await count_request(services, of_sign_ins(services, network))
    key = email_key(draft.email)
    device_id = await device_sessions.device_that_held(services, draft.refresh_token, key)
    bucket = of_account(services, key) if device_id is None else of_device(services, device_id)
    async with rate_limited(services, bucket, of_client(services, network)) as attempt:
        account = await services.db.one(BY_EMAIL, email_key=key)
        password_hash = None if account is None else account["password_hash"]
        right, stronger = await services.passwords.checked(draft.password, password_hash, network)
        attempt.account_id = None if account is None else account["id"]
        if account is None or not right:
            raise WrongCredentials
        is_known = device_id is not None
        device = await _complete_login(services, account, stronger, draft.device_name, is_known=is_known)
    services.jobs.wake()
    audit.record(
        services,
        Event.SIGNED_IN,
        account["id"],
        network,
        device_id=device[0],
        by="password",
        is_new_device=not is_known,
    )
    return await device_sessions.tokens_of(services, account["id"], *device)


async def _complete_login(
    services: Services, account: Row, stronger: str | None, device_name: str | None, *, is_known: bool
) -> tuple[UUID, str]:
    """Create a device, unless the account was closed or its password changed while the password was checked.

    `is_known` says that the device was signed in before; if not, the owner gets a notice.
    """
    async with services.db.transaction() as tx:
        if await tx.one(LOCK_UNCHANGED, id=account["id"], password_hash=account["password_hash"]) is None:
            raise WrongCredentials
        if stronger is not None:
            await tx.run(CHANGE_PASSWORD, id=account["id"], password_hash=stronger)
        device = await device_sessions.create_device(tx, account["id"], device_name)
        if not is_known:
            await notify(tx, services, account["id"], Notice.NEW_DEVICE)
    return device


async def by_code(services: Services, network: str, draft: VerificationDraft) -> Tokens:
    """Complete a registration, and sign in."""
    await count_request(services, of_sign_ins(services, network))
    tries = of_code(services, network, email_key(draft.email), CodeKind.REGISTRATION)
    async with count_wrong(services, tries, of_client(services, network)):
        account_id = await registering.verify(services, network, draft.email, draft.code)
    audit.record(services, Event.REGISTERED, account_id, network)
    tokens = await device_sessions.sign_in(services, account_id, None)
    audit.record(services, Event.SIGNED_IN, account_id, network, by="code", is_new_device=True)
    return tokens


async def by_refresh_token(services: Services, network: str, draft: RefreshDraft) -> Tokens:
    """Return new tokens. A right token is always accepted: it cannot be guessed."""
    async with count_wrong(services, of_refreshes(services, network)):
        return await device_sessions.refresh(services, network, draft.refresh_token)
