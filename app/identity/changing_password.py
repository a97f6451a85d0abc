"""Changing a password: with the current one, or with a code from an e-mail if it is forgotten.

A change signs out every other device, a reset every device: their next request is refused. Both cancel a change of the
e-mail address that was requested before.
"""

from datetime import datetime
from typing import Final

from app import clock
from app.db import Row, Transaction
from app.identity import device_sessions, emails, reopening, throttles
from app.identity.accounts import BY_EMAIL, CHANGE_PASSWORD
from app.identity.caller import Caller
from app.identity.changing_email import cancel_changes
from app.identity.codes import MailedCodes, long_code, typed_code
from app.identity.confirming import password_confirmed
from app.identity.fields import email_key
from app.identity.shapes import ForgottenDraft, PasswordDraft, ResetDraft
from app.identity.tables import ResetCode
from app.identity.throttles import AttemptKind, of_account
from app.mail import Email
from app.problems import WrongCredentials
from app.services import Services

_codes: Final = MailedCodes(ResetCode.table())


async def change(caller: Caller, draft: PasswordDraft) -> None:
    """Set a new password if the current one is right, and sign out the other devices."""
    password_hash = await caller.services.passwords.hashed(draft.new)
    async with password_confirmed(caller, draft.current) as tx:
        await tx.run(CHANGE_PASSWORD, id=caller.account_id, password_hash=password_hash)
        await cancel_changes(tx, caller.account_id)
        await device_sessions.end_devices(tx, caller.account_id, kept=caller.device_id)


async def request_reset(services: Services, draft: ForgottenDraft) -> None:
    """Queue the e-mail with a code, or the e-mail that says that there is no account.

    One e-mail is queued in both cases: without it, the time of the next request would show that there is no account
    (decision 015). If the account is closed and can be reopened, the code is one for reopening.
    """
    key, now = email_key(draft.email), clock.now()
    async with services.db.transaction() as tx:
        account = await tx.one(BY_EMAIL, email_key=key)
        if account is not None and reopening.can_reopen(account, now):
            email = await _reopening_email(tx, services, account, now)
        else:
            email = await _reset_email(tx, services, draft.email, account, now)
        if email is not None:
            await services.mailer.queue(tx, email)
    services.jobs.wake()


async def _reset_email(
    tx: Transaction, services: Services, typed: str, account: Row | None, now: datetime
) -> Email | None:
    """Return the e-mail with a new code, or without one if there is no open account; None after too many codes in a day."""
    code, seconds = long_code(), services.settings.code_seconds
    if not await _codes.add(tx, services, email_key(typed), code, now):
        return None
    to = None if account is None or account["closed_at"] is not None else account["email"]
    return emails.no_account(typed) if to is None else emails.reset_code(to, code, seconds)


async def _reopening_email(tx: Transaction, services: Services, account: Row, now: datetime) -> Email | None:
    """Return the e-mail with a new code that reopens an account; None after too many codes in a day."""
    code = await reopening.add_code(tx, services, account["email"], account["erase_at"], now)
    return None if code is None else emails.closed(account["email"], code, account["erase_at"], now)


async def reset(services: Services, draft: ResetDraft) -> None:
    """Set a new password if the code is right, sign out every device, and reset the account's failure counts."""
    key = email_key(draft.email)
    code = typed_code(draft.code)
    password_hash = await services.passwords.hashed(draft.new)
    async with services.db.transaction() as tx:
        row = await _codes.redeem(tx, services, key, code, clock.now())
        found = None if row is None else await tx.one(BY_EMAIL, email_key=key)
        account = found if found is not None and found["closed_at"] is None else None
        if account is not None:
            await tx.run(CHANGE_PASSWORD, id=account["id"], password_hash=password_hash)
            await cancel_changes(tx, account["id"])
            await device_sessions.end_devices(tx, account["id"])
            await throttles.reset(
                tx, *(of_account(services, key, kind) for kind in (AttemptKind.PASSWORD, AttemptKind.RESET))
            )
    if account is None:
        raise WrongCredentials
