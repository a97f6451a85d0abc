"""Changing a password: by the one that is known, or by a mailed code where it is forgotten.

A change ends every other device, a reset ends them all: whoever held the old password is out with the next request.
"""

import secrets
from typing import Final

from app import clock
from app.identity import device_sessions, emails
from app.identity.accounts import BY_EMAIL, CHANGE_PASSWORD, PASSWORD, STILL
from app.identity.caller import Caller
from app.identity.codes import MailedCodes
from app.identity.fields import email_key
from app.identity.services import Services
from app.identity.shapes import ForgottenDraft, PasswordDraft, ResetDraft
from app.identity.tables import ResetCode
from app.identity.throttles import AttemptKind, clear, of_account
from app.problems import WrongCredentials

_codes: Final = MailedCodes(ResetCode.table())
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 10
_READ_AS: Final = str.maketrans("OILoil", "011011")


async def change(caller: Caller, draft: PasswordDraft) -> None:
    """Set a new password for who knows the present one, and end the other devices."""
    services = caller.services
    account = await services.db.only(PASSWORD, id=caller.account_id)
    right = await services.passwords.right(draft.current, account["password_hash"])
    password_hash = await services.passwords.hashed(draft.new)
    async with services.db.transaction() as tx:
        still = await tx.one(STILL, id=caller.account_id, password_hash=account["password_hash"])
        if not right or still is None:
            raise WrongCredentials
        await tx.run(CHANGE_PASSWORD, id=caller.account_id, password_hash=password_hash)
        await device_sessions.end_devices(tx, caller.account_id, kept=caller.device_id)


async def forget(services: Services, draft: ForgottenDraft) -> None:
    """Mail a code to an address that has an account, or the news that it has none: one letter either way.

    Without one, the work that a letter is would tell the next request which of the two it was.
    """
    key = email_key(draft.email)
    code = "".join(secrets.choice(_CROCKFORD) for _ in range(_LENGTH))
    async with services.db.transaction() as tx:
        account = await tx.one(BY_EMAIL, email_key=key)
        kept = await _codes.keep(tx, services, key, code, clock.now())
    to = None if account is None or account["closed_at"] is not None else account["email"]
    if kept:
        minutes = services.settings.code_seconds // 60
        services.mail.send(emails.no_account(draft.email) if to is None else emails.new_password(to, code, minutes))


async def reset(services: Services, draft: ResetDraft) -> None:
    """Set a new password for who has the mailed code, end every device, and forget the account's wrong tries."""
    key = email_key(draft.email)
    code = draft.code.replace("-", "").translate(_READ_AS).upper()
    password_hash = await services.passwords.hashed(draft.new)
    async with services.db.transaction() as tx:
        row = await _codes.redeem(tx, services, key, code, clock.now())
        found = None if row is None else await tx.one(BY_EMAIL, email_key=key)
        account = found if found is not None and found["closed_at"] is None else None
        if account is not None:
            await tx.run(CHANGE_PASSWORD, id=account["id"], password_hash=password_hash)
            await device_sessions.end_devices(tx, account["id"])
            await clear(tx, *(of_account(services, key, guess) for guess in (AttemptKind.PASSWORD, AttemptKind.RESET)))
    if account is None:
        raise WrongCredentials
