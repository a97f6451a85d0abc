"""Changing the e-mail address of an account: a code is sent to the new one, and a notice to the current one.

The response to a request is the same whether or not the new e-mail address has an account; only the e-mail differs.
Confirming the change signs out every other device: the next request from such a device is refused.
"""

from typing import Final
from uuid import UUID

from app import clock
from app.db import Row, Transaction
from app.identity import audit, device_sessions, emails
from app.identity.accounts import BY_EMAIL, CHANGE_EMAIL, LOCK_OPEN, PUBLIC
from app.identity.audit import Event
from app.identity.caller import Caller
from app.identity.codes import MailedCodes, typed_code
from app.identity.confirming import password_confirmed
from app.identity.fields import email_key
from app.identity.notices import notify
from app.identity.shapes import EmailConfirmation, EmailDraft
from app.identity.tables import EmailChange
from app.identity.throttles import serialize
from app.problems import NotSignedIn, WrongCredentials
from app.settings import Notice

_codes: Final = MailedCodes(EmailChange.table(), redeemed_by="account_id")


async def request_change(caller: Caller, network: str, draft: EmailDraft) -> None:
    """Queue the e-mails about a requested change of the e-mail address, and record an audit event.

    The new e-mail address gets a code, or a message that another account has it. The current e-mail address gets a
    notice. Neither e-mail is queued if too many codes were requested. Raise `WrongCredentials` if the password is
    wrong.
    """
    services, key = caller.services, email_key(draft.email)
    async with password_confirmed(caller, network, draft.password) as tx:
        present = await tx.only(PUBLIC, id=caller.account_id)
        other = await tx.one(BY_EMAIL, email_key=key)
        code = await _codes.add(tx, services, network, account_id=caller.account_id, email_key=key, email=draft.email)
        if code is not None:
            seconds = services.settings.code_seconds
            taken = other is not None and other["id"] != caller.account_id
            await services.mailer.queue(
                tx, emails.email_taken(draft.email) if taken else emails.email_code(draft.email, code, seconds)
            )
            await services.mailer.queue(tx, emails.email_change_requested(present["email"]))
    services.jobs.wake()
    audit.record(services, Event.EMAIL_CHANGE_REQUESTED, caller.account_id, network)


async def confirm_change(caller: Caller, network: str, draft: EmailConfirmation) -> Row:
    """Change the e-mail address to the one that the code was sent to; return the account.

    Also sign out the other devices, queue a notice to the former e-mail address, and record an audit event. Raise
    `WrongCredentials` if the code is not valid, or another account has the new e-mail address now.
    """
    services, code = caller.services, typed_code(draft.code)
    async with services.db.transaction() as tx:
        before = await tx.one(LOCK_OPEN, id=caller.account_id)  # always before the codes: no deadlock
        if before is None:
            raise NotSignedIn
        row = await _codes.redeem(tx, services, network, caller.account_id, code)
        account = None if row is None else await _changed(tx, caller, before, row)
    if account is None:
        raise WrongCredentials
    services.jobs.wake()
    audit.record(services, Event.EMAIL_CHANGED, caller.account_id, network)
    return account


async def _changed(tx: Transaction, caller: Caller, before: Row, row: Row) -> Row | None:
    """Change the e-mail address of the locked account, and return the account.

    `before` is the account's row, and `row` the row of the redeemed code. Also queue a notice to the former e-mail
    address, and sign out the other devices. Return None, without a change, if another account has the new e-mail
    address now.
    """
    services, key = caller.services, row["email_key"]
    await serialize(tx, services.throttle_key, "e-mail address", key)
    other = await tx.one(BY_EMAIL, email_key=key)
    if other is not None and other["id"] != caller.account_id:
        return None
    after = before | {"email": row["email"], "updated_at": clock.now()}
    await notify(tx, services, caller.account_id, Notice.EMAIL)
    await tx.run(CHANGE_EMAIL, id=caller.account_id, email=row["email"], email_key=key, updated_at=after["updated_at"])
    await device_sessions.end_devices(tx, caller.account_id, kept=caller.device_id)
    return after


async def cancel_changes(tx: Transaction, account_id: UUID) -> None:
    """Delete the codes of an account's requested changes of the e-mail address, so that no change can be confirmed."""
    await _codes.delete(tx, account_id)
