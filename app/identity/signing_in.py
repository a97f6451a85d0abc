"""Signing in with a password, a second factor, an e-mailed code, or a refresh token. All of these are throttled."""

from typing import Any
from uuid import UUID

from app.db import Row, Transaction
from app.identity import audit, device_sessions, registering, second_factor, tickets
from app.identity.accounts import BY_EMAIL, CHANGE_PASSWORD, LOCK_SIGNING_IN, LOCK_UNCHANGED
from app.identity.audit import Event
from app.identity.buckets import (
    CodeKind,
    of_account,
    of_client,
    of_device,
    of_refreshes,
    of_second_factor,
    of_sign_ins,
    of_wrong_codes,
)
from app.identity.fields import email_key
from app.identity.notices import notify
from app.identity.second_factor import RECOVERY_CODE, needed
from app.identity.shapes import LoginDraft, RefreshDraft, SecondFactorLogin, TicketDraft, VerificationDraft
from app.identity.throttles import count_request, count_wrong, rate_limited
from app.identity.tickets import Ticket, require_code
from app.problems import SecondFactorOn, WrongCredentials
from app.services import Services
from app.settings import Notice

Tokens = dict[str, Any]


async def by_password(services: Services, network: str, draft: LoginDraft) -> Tokens:
    """Sign in with a password on a new device, record an audit event, and return the response with the tokens.

    Raise `WrongCredentials` if the password is wrong or there is no open account. Raise `SecondFactorRequired` with a
    ticket if the sign-in needs a second factor.
    """
    await count_request(services, of_sign_ins(services, network))
    key = email_key(draft.email)
    device_id = await device_sessions.device_that_held(services, draft.refresh_token, key)
    bucket = of_account(services, key) if device_id is None else of_device(services, device_id)
    async with rate_limited(services, bucket, of_client(services, network)) as attempt:
        account = await services.db.one(BY_EMAIL, email_key=key)
        password_hash = None if account is None else account["password_hash"]
        right, stronger = await services.passwords.verify_and_update(draft.password, password_hash, network)
        attempt.account_id = None if account is None else account["id"]
        if account is None or account["closed_at"] is not None or not right:
            raise WrongCredentials
        needs = needed(services.settings, account)
        if needs.code:
            require_code(services, network, account, needs, device_id=device_id, device_name=draft.device_name)
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
    """Create a device; return its id and its first refresh token.

    `stronger` is a hash of the same password that replaces the stored one, or None. If `is_known` is false, the device
    was not signed in to the account before, and a notice to the owner is queued. Raise `WrongCredentials` if the
    account is closed, or its password was changed while the password was checked.
    """
    async with services.db.transaction() as tx:
        if await tx.one(LOCK_UNCHANGED, id=account["id"], password_hash=account["password_hash"]) is None:
            raise WrongCredentials
        if stronger is not None:
            await tx.run(CHANGE_PASSWORD, id=account["id"], password_hash=stronger)
        device = await device_sessions.create_device(services, tx, account["id"], device_name)
        if not is_known:
            await notify(tx, services, account["id"], Notice.NEW_DEVICE)
    return device


async def by_second_factor(services: Services, network: str, draft: SecondFactorLogin) -> Tokens:
    """Complete a sign-in with a ticket and a code, and record audit events.

    Return the response with the tokens. If the ticket has `setup`, also turn the second factor on; the response then
    contains the new recovery codes. Raise `WrongCredentials` if the ticket or the code is not valid.
    """
    await count_request(services, of_sign_ins(services, network))
    ticket = tickets.read_ticket(services, draft.ticket)
    bucket = of_second_factor(services, ticket.device_id or ticket.account_id)
    async with rate_limited(services, bucket, of_client(services, network)) as attempt:
        attempt.account_id = ticket.account_id
        async with services.db.transaction() as tx:
            account = await _lock_account(tx, services, ticket)
            by, recovery_codes = await _use_code(tx, services, ticket, draft.code)
            device = await device_sessions.create_device(services, tx, account["id"], ticket.device_name)
            if ticket.device_id is None:
                await notify(tx, services, account["id"], Notice.NEW_DEVICE)
    services.jobs.wake()
    if recovery_codes is not None:
        audit.record(services, Event.SECOND_FACTOR_ON, account["id"], network)
    if by == RECOVERY_CODE:
        audit.record(services, Event.RECOVERY_CODE_USED, account["id"], network)
    is_new = ticket.device_id is None
    audit.record(services, Event.SIGNED_IN, account["id"], network, device_id=device[0], by=by, is_new_device=is_new)
    return await device_sessions.tokens_of(services, account["id"], *device) | {"recovery_codes": recovery_codes}


async def _use_code(tx: Transaction, services: Services, ticket: Ticket, code: str) -> tuple[str, list[str] | None]:
    """Check the second-factor code of a sign-in, mark it as used, and return its kind (`totp` or `recovery-code`).

    If `ticket.setup` is true, the code also turns the second factor on; then the second result is the list of new
    recovery codes, otherwise None. Raise `WrongCredentials` if the code is wrong or was used before.
    """
    if ticket.setup:
        codes = await second_factor.confirm(tx, services, ticket.account_id, code)
        if codes is None:
            raise WrongCredentials
        await notify(tx, services, ticket.account_id, Notice.SECOND_FACTOR_ON)
        return second_factor.TOTP, codes
    used = await second_factor.use_code(tx, services, ticket.account_id, code)
    if used is None:
        raise WrongCredentials
    return used, None


async def set_up_second_factor(services: Services, network: str, draft: TicketDraft) -> Row:
    """Store and return a new secret for an account whose role requires a second factor, but which has none yet.

    Raise `WrongCredentials` if the ticket is not valid. Raise `SecondFactorOn` if the ticket is not for a setup, or the
    second factor has been turned on since the ticket was issued.
    """
    await count_request(services, of_sign_ins(services, network))
    ticket = tickets.read_ticket(services, draft.ticket)
    if not ticket.setup:
        raise SecondFactorOn
    async with services.db.transaction() as tx:
        account = await _lock_account(tx, services, ticket)
        return await second_factor.set_up(tx, services, account["id"], account["email"])


async def _lock_account(tx: Transaction, services: Services, ticket: Ticket) -> Row:
    """Lock the account of a ticket, and return the account.

    Raise `WrongCredentials` if the account was closed, or its password was changed, after the ticket was issued.
    """
    account = await tx.one(LOCK_SIGNING_IN, id=ticket.account_id)
    if account is None or tickets.tag_of(services, account["password_hash"]) != ticket.tag:
        raise WrongCredentials
    return account


async def by_code(services: Services, network: str, draft: VerificationDraft) -> Tokens:
    """Complete a registration with an e-mailed code, sign in, and return the response with the tokens.

    Record the registration and the sign-in as audit events. Raise `WrongCredentials` if the code is not valid.
    """
    await count_request(services, of_sign_ins(services, network))
    tries = of_wrong_codes(services, network, email_key(draft.email), CodeKind.REGISTRATION)
    async with count_wrong(services, tries, of_client(services, network)):
        account_id = await registering.verify(services, network, draft.email, draft.code)
    audit.record(services, Event.REGISTERED, account_id, network)
    tokens = await device_sessions.sign_in(services, account_id, None)
    audit.record(services, Event.SIGNED_IN, account_id, network, by="code", is_new_device=True)
    return tokens


async def by_refresh_token(services: Services, network: str, draft: RefreshDraft) -> Tokens:
    """Return the response with new tokens; raise `WrongCredentials` if the refresh token is not valid.

    A right refresh token cannot be guessed, so it is accepted after any number of failures.
    """
    async with count_wrong(services, of_refreshes(services, network)):
        return await device_sessions.refresh(services, network, draft.refresh_token)
