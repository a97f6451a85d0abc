"""Registration with an e-mail address, a password, and an e-mailed code.

Each attempt to register has its own password and its own code. A code creates the account with the password of its own
attempt: so the owner's code never activates a password that another person tried to register. The response to an
attempt is the same, and takes the same time, whether or not the e-mail address has an account; only the e-mail differs.
"""

from typing import Final
from uuid import UUID

from app.db import Row
from app.identity import emails
from app.identity.accounts import BY_EMAIL, NewAccount, create_account
from app.identity.buckets import of_mail
from app.identity.codes import ShortCodes
from app.identity.fields import email_key
from app.identity.shapes import RegistrationDraft
from app.identity.tables import Registration
from app.identity.throttles import count_request
from app.problems import WrongCredentials
from app.services import Services

_codes: Final = ShortCodes(Registration.table())


async def register(services: Services, network: str, draft: RegistrationDraft) -> None:
    """Store an attempt to register, and queue an e-mail with its code, or an e-mail that says that the account exists.

    If `network` has requested too many codes, nothing is stored or queued. Raise `TooManyAttempts` if `network` has
    sent too many requests.
    """
    await count_request(services, of_mail(services, network))
    key = email_key(draft.email)
    password_hash = await services.passwords.hashed(draft.password, network)
    async with services.db.transaction() as tx:
        known = await tx.one(BY_EMAIL, email_key=key)
        code = await _codes.add(
            tx,
            services,
            network,
            email_key=key,
            email=draft.email,
            password_hash=password_hash,
            display_name=draft.display_name,
            timezone=draft.timezone,
            locale=draft.locale,
            region=draft.region,
        )
        if code is not None:
            seconds = services.settings.code_seconds
            await services.mailer.queue(
                tx,
                emails.registration_code(draft.email, code, seconds)
                if known is None
                else emails.already_registered(known["email"]),
            )
    services.jobs.wake()


async def verify(services: Services, network: str, email: str, code: str) -> UUID:
    """Create the account of the attempt that the code belongs to, and return the account's id.

    Also delete all attempts to register this e-mail address.

    Raise `WrongCredentials` if the code is not valid, or the e-mail address has an account now.
    """
    async with services.db.transaction() as tx:
        row = await _codes.redeem(tx, services, network, email_key(email), code)
        id = None if row is None else await create_account(tx, services.keyring, _account_of(row))
    if id is None:
        raise WrongCredentials
    return id


def _account_of(row: Row) -> NewAccount:
    names = ("email", "password_hash", "display_name", "timezone", "locale", "region")
    return NewAccount(**{name: row[name] for name in names})
