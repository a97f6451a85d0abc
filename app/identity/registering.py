"""Registering: an address, a password, and a code by mail.

Each attempt stands alone with its own password and its own code, and only the attempt whose code comes back is
activated: nobody's earlier attempt by the owner's code. The answer to an attempt is the same, in the same time, for a
known and an unknown address; only the mail differs.
"""

import secrets
from typing import Final
from uuid import UUID

from app import clock
from app.db import Row
from app.identity import emails
from app.identity.accounts import BY_EMAIL, NewAccount, open_account
from app.identity.codes import MailedCodes
from app.identity.fields import email_key
from app.identity.services import Services
from app.identity.shapes import RegistrationDraft
from app.identity.tables import Registration
from app.problems import WrongCredentials

_codes: Final = MailedCodes(Registration.table())


async def register(services: Services, draft: RegistrationDraft) -> None:
    """Note an attempt, and mail its code, or the news that the address has an account."""
    key, code = email_key(draft.email), f"{secrets.randbelow(10**6):06}"
    password_hash = await services.passwords.hashed(draft.password)
    async with services.db.transaction() as tx:
        known = await tx.one(BY_EMAIL, email_key=key)
        kept = await _codes.keep(
            tx,
            services,
            key,
            code,
            clock.now(),
            email=draft.email,
            password_hash=password_hash,
            display_name=draft.display_name,
            timezone=draft.timezone,
            locale=draft.locale,
        )
    if kept:
        minutes = services.settings.code_seconds // 60
        services.mail.send(
            emails.welcome(draft.email, code, minutes) if known is None else emails.welcome_back(known["email"])
        )


async def verify(services: Services, email: str, code: str) -> UUID:
    """Activate the attempt that the code was mailed for, discard the others, and return the account's id."""
    async with services.db.transaction() as tx:
        row = await _codes.redeem(tx, services, email_key(email), code, clock.now())
        id = None if row is None else await open_account(tx, _account_of(row))
    if id is None:
        raise WrongCredentials
    return id


def _account_of(row: Row) -> NewAccount:
    return NewAccount(row["email"], row["password_hash"], row["display_name"], row["timezone"], row["locale"])
