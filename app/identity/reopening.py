"""Reopening a closed account before it is erased, with a code that was e-mailed to its owner."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from app import clock
from app.db import Row, Transaction
from app.identity import audit, device_sessions, emails
from app.identity.accounts import LOCK_SIGNING_IN
from app.identity.administration import LOCK, LOCK_BY_KEY, set_closed
from app.identity.audit import Event
from app.identity.buckets import CodeKind, of_client, of_wrong_codes
from app.identity.codes import MailedCodes, typed_code
from app.identity.fields import email_key
from app.identity.second_factor import needed
from app.identity.shapes import ReopeningDraft
from app.identity.tables import ReopenCode
from app.identity.throttles import count_wrong
from app.identity.tickets import require_code
from app.problems import WrongCredentials
from app.services import Services


class Reopened(NamedTuple):
    """A reopened account, and the id and the refresh token of its new device.

    `device` is None if the sign-in needs a second factor.
    """

    account: Row
    device: tuple[UUID, str] | None


_MAX_AGE: Final = timedelta(days=90)  # the maximum of AFTERGLOW_REOPEN_DAYS
_codes: Final = MailedCodes(ReopenCode.table(), max_age=lambda _settings: _MAX_AGE)


async def add_code(tx: Transaction, services: Services, network: str, email: str, erase_at: datetime) -> str | None:
    """Return a code that reopens a closed account; None if `network` has requested too many codes."""
    return await _codes.add(tx, services, network, expires_at=erase_at, email_key=email_key(email))


async def cancel_code(tx: Transaction, account_id: UUID) -> None:
    """Delete the codes that reopen an account, so that they are no longer valid."""
    account = await tx.only(LOCK, id=account_id)
    await _codes.delete(tx, email_key(account["email"]))


def can_reopen(account: Row, now: datetime) -> bool:
    """Return whether the owner can reopen an account: it is closed, and its erasure is scheduled and not yet due."""
    erase_at = account["erase_at"]
    return bool(erase_at is not None and account["closed_at"] < erase_at and now < erase_at)


async def reopen(services: Services, network: str, draft: ReopeningDraft) -> dict[str, Any]:
    """Reopen an account with an e-mailed code, sign in on a new device, and return the response with its tokens.

    Also queue an e-mail to the owner, and record an audit event. Raise `WrongCredentials` if the code is not valid or
    the account cannot be reopened. Raise `SecondFactorRequired` if the account is now open, but the sign-in needs a
    second factor.
    """
    key = email_key(draft.email)
    tries = of_wrong_codes(services, network, key, CodeKind.REOPENING)
    async with count_wrong(services, tries, of_client(services, network)):
        reopened = await _redeem(services, network, key, typed_code(draft.code))
    services.jobs.wake()
    account_id = reopened.account["id"]
    if reopened.device is None:
        audit.record(services, Event.ACCOUNT_REOPENED, account_id, network, device_id=None)
        require_code(services, network, reopened.account, needed(services.settings, reopened.account))
    device_id, token = reopened.device
    audit.record(services, Event.ACCOUNT_REOPENED, account_id, network, device_id=device_id)
    return await device_sessions.tokens_of(services, account_id, device_id, token)


async def _redeem(services: Services, network: str, key: str, code: str) -> Reopened:
    """Reopen the account with the normalized e-mail address `key`, and delete its codes.

    Raise `WrongCredentials` if the code is not valid or the account cannot be reopened.
    """
    async with services.db.transaction() as tx:
        account = await tx.one(LOCK_BY_KEY, email_key=key)  # always before the codes: no deadlock
        row = await _codes.redeem(tx, services, network, key, code)
        reopened = None if row is None or account is None else await _reopened(tx, services, account)
    if reopened is None:  # after the commit, which keeps the deletion of the codes
        raise WrongCredentials
    return reopened


async def _reopened(tx: Transaction, services: Services, account: Row) -> Reopened | None:
    """Reopen a locked account, queue an e-mail to its owner, and create a device unless a second factor is needed.

    Return None if the account cannot be reopened.
    """
    if not can_reopen(account, clock.now()):
        return None
    await set_closed(tx, account["id"], None, None)
    await services.mailer.queue(tx, emails.reopened(account["email"]))
    opened = await tx.only(LOCK_SIGNING_IN, id=account["id"])
    if needed(services.settings, opened).code:
        return Reopened(opened, None)
    return Reopened(opened, await device_sessions.create_device(services, tx, account["id"], None))
