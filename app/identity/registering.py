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
from app.identity import letters
from app.identity.accounts import BY_EMAIL, NewAccount, open_account
from app.identity.codes import MailedCodes
from app.identity.fields import email_key
from app.identity.shapes import RegistrationDraft
from app.identity.site import Site
from app.identity.tables import Registration
from app.problems import WrongCredentials

_codes: Final = MailedCodes(Registration.table())


async def register(site: Site, draft: RegistrationDraft) -> None:
    """Note an attempt, and mail its code, or the news that the address has an account."""
    key, code = email_key(draft.email), f"{secrets.randbelow(10**6):06}"
    password_hash = await site.passwords.hashed(draft.password)
    async with site.db.transaction() as tx:
        known = await tx.one(BY_EMAIL, email_key=key)
        kept = await _codes.keep(
            tx,
            site,
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
        minutes = site.settings.code_seconds // 60
        site.mail.post(
            letters.welcome(draft.email, code, minutes) if known is None else letters.welcome_back(known["email"])
        )


async def verify(site: Site, email: str, code: str) -> UUID:
    """Activate the attempt that the code was mailed for, discard the others, and return the account's id."""
    async with site.db.transaction() as tx:
        row = await _codes.redeem(tx, site, email_key(email), code, clock.now())
        id = None if row is None else await open_account(tx, _account_of(row))
    if id is None:
        raise WrongCredentials
    return id


def _account_of(row: Row) -> NewAccount:
    return NewAccount(row["email"], row["password_hash"], row["display_name"], row["timezone"], row["locale"])
