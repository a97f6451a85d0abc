"""Changing a password with the current one, and resetting a forgotten one with an e-mailed code.

A change signs out every other device, and a reset signs out every device: the next request from such a device is
refused. Both cancel requested changes of the e-mail address.
"""

from datetime import datetime
from typing import Final

from app import clock
from app.db import Row, Transaction
from app.identity import audit, device_sessions, emails, reopening, throttles
from app.identity.accounts import BY_EMAIL, CHANGE_PASSWORD, public_account
from app.identity.audit import Event
from app.identity.buckets import of_account, of_mail
from app.identity.caller import Caller
from app.identity.changing_email import cancel_changes
from app.identity.codes import MailedCodes, typed_code
from app.identity.common_passwords import is_personal
from app.identity.confirming import password_confirmed
from app.identity.fields import PERSONAL, email_key
from app.identity.notices import notify
from app.identity.shapes import ForgottenDraft, PasswordDraft, ResetDraft
from app.identity.tables import ResetCode
from app.identity.throttles import count_request
from app.mail import Email
from app.problems import Fault, Invalid, WrongCredentials
from app.services import Services
from app.settings import Notice

_codes: Final = MailedCodes(ResetCode.table())


async def change(caller: Caller, network: str, draft: PasswordDraft) -> None:
    """Set a new password, sign out the other devices, queue a notice to the owner, and record an audit event.

    Also cancel requested changes of the e-mail address. Raise `WrongCredentials` if the current password is wrong.
    """
    services = caller.services
    password_hash = await services.passwords.hashed(draft.new, network)
    async with password_confirmed(caller, network, draft.current) as tx:
        await tx.run(CHANGE_PASSWORD, id=caller.account_id, password_hash=password_hash)
        await cancel_changes(tx, caller.account_id)
        await device_sessions.end_devices(tx, caller.account_id, kept=caller.device_id)
        await notify(tx, services, caller.account_id, Notice.PASSWORD)
    services.jobs.wake()
    audit.record(services, Event.PASSWORD_CHANGED, caller.account_id, network, by="password")


async def check_new(caller: Caller, draft: PasswordDraft) -> None:
    """Raise `Invalid` if the new password consists of parts of the account's e-mail address."""
    account = await public_account(caller.db, caller.account_id)
    if is_personal(draft.new, account["email"]):
        raise Invalid(Fault("/new", "common-password", PERSONAL))


async def request_reset(services: Services, network: str, draft: ForgottenDraft) -> None:
    """Queue an e-mail with a code, or an e-mail that says that there is no account.

    Both cases queue one e-mail, so that the time of the next request does not show whether there is an account
    (decision 015). If the account is closed and can be reopened, the code reopens the account. No e-mail is queued if
    `network` has requested too many codes. Raise `TooManyAttempts` if `network` has sent too many requests.
    """
    await count_request(services, of_mail(services, network))
    key, now = email_key(draft.email), clock.now()
    async with services.db.transaction() as tx:
        account = await tx.one(BY_EMAIL, email_key=key)
        if account is not None and reopening.can_reopen(account, now):
            email = await _reopening_email(tx, services, network, account, now)
        else:
            email = await _reset_email(tx, services, network, draft.email, account)
        if email is not None:
            await services.mailer.queue(tx, email)
    services.jobs.wake()


async def _reset_email(
    tx: Transaction, services: Services, network: str, typed: str, account: Row | None
) -> Email | None:
    """Return the e-mail with a reset code, or the e-mail that says that there is no account.

    Return None if `network` has requested too many codes.
    """
    seconds = services.settings.code_seconds
    code = await _codes.add(tx, services, network, email_key=email_key(typed))
    if code is None:
        return None
    to = None if account is None or account["closed_at"] is not None else account["email"]
    return emails.no_account(typed) if to is None else emails.reset_code(to, code, seconds)


async def _reopening_email(
    tx: Transaction, services: Services, network: str, account: Row, now: datetime
) -> Email | None:
    """Return the e-mail with a code that reopens an account; None if `network` has requested too many codes."""
    code = await reopening.add_code(tx, services, network, account["email"], account["erase_at"])
    return None if code is None else emails.closed(account["email"], code, account["erase_at"], now)


async def reset(services: Services, network: str, draft: ResetDraft) -> None:
    """Set a new password with a reset code, and sign out every device.

    Also delete the counts of wrong passwords for the account, cancel requested changes of the e-mail address, queue a
    notice to the owner, and record an audit event. Raise `WrongCredentials` if the code is not valid, or there is no
    open account. The code is checked before the password is hashed, so that a wrong code costs no hash.
    """
    key, code = email_key(draft.email), typed_code(draft.code)
    async with services.db.transaction() as tx:
        row = await _codes.find(tx, services, network, key, code)
    if row is None:
        raise WrongCredentials
    password_hash = await services.passwords.hashed(draft.new, network)
    async with services.db.transaction() as tx:
        row = await _codes.redeem(tx, services, network, key, code)
        found = None if row is None else await tx.one(BY_EMAIL, email_key=key)
        account = found if found is not None and found["closed_at"] is None else None
        if account is not None:
            await tx.run(CHANGE_PASSWORD, id=account["id"], password_hash=password_hash)
            await cancel_changes(tx, account["id"])
            await device_sessions.end_devices(tx, account["id"])
            await throttles.reset(tx, of_account(services, key))
            await notify(tx, services, account["id"], Notice.PASSWORD)
    if account is None:
        raise WrongCredentials
    services.jobs.wake()
    audit.record(services, Event.PASSWORD_CHANGED, account["id"], network, by="code")
