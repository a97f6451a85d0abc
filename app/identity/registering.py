"""Registering: an address, a password, and a code by mail.

Each attempt stands alone with its own password and its own code, and only the attempt whose code comes back is
activated: nobody's earlier attempt by the owner's code. The answer to an attempt is the same, in the same time, for a
known and an unknown address; only the mail differs.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.db import Statement, given
from app.identity import accounts
from app.identity.accounts import NewAccount, open_account
from app.identity.shapes import RegistrationDraft, email_key
from app.identity.site import Site
from app.identity.tables import Registration
from app.ids import new_id
from app.mail import Letter
from app.problems import WrongCredentials

_registration = Registration.table()
_same_address = _registration.c.email_key == given(_registration.c.email_key)

_INSERT: Final = Statement(sa.insert(_registration).values({column.name: given(column) for column in _registration.c}))
_FORGET_OLD: Final = Statement(
    sa.delete(_registration).where(_registration.c.created_at < given(_registration.c.created_at))
)
_COUNT: Final = Statement(sa.select(sa.func.count().label("count")).select_from(_registration).where(_same_address))
_OPEN: Final = Statement(
    sa.select(_registration)
    .where(
        _same_address,
        _registration.c.expires_at > given(_registration.c.expires_at, "now"),
        _registration.c.tries < sa.bindparam("most_tries", type_=sa.Integer),
    )
    .with_for_update()
)
_COUNT_TRY: Final = Statement(
    sa.update(_registration)
    .where(_registration.c.id == given(_registration.c.id))
    .values(tries=_registration.c.tries + 1)
)
_DISCARD: Final = Statement(sa.delete(_registration).where(_same_address))


async def register(site: Site, draft: RegistrationDraft) -> None:
    """Note an attempt, and mail its code, or the news that the address has an account."""
    settings, now, id = site.settings, clock.now(), new_id()
    code = new_code()
    password_hash = await site.passwords.hashed(draft.password)
    key = email_key(draft.email)
    async with site.db.transaction() as tx:
        await tx.run(_FORGET_OLD, created_at=now - timedelta(days=1))
        count = await tx.only(_COUNT, email_key=key)
        known = await tx.one(accounts.EXISTS, email_key=key) is not None
        if count["count"] >= settings.codes_a_day:
            return
        await tx.run(
            _INSERT,
            id=id,
            email=draft.email,
            email_key=key,
            password_hash=password_hash,
            display_name=draft.display_name,
            timezone=draft.timezone,
            locale=draft.locale,
            code_mac=_mac(site, id, code),
            tries=0,
            created_at=now,
            expires_at=now + timedelta(seconds=settings.code_seconds),
        )
    site.mail.post(_welcome_back(draft.email) if known else _welcome(draft.email, code, settings.code_seconds // 60))


async def verify(site: Site, email: str, code: str) -> UUID:
    """Activate the attempt that the code was mailed for, discard the others, and return the account's id."""
    settings, key, now = site.settings, email_key(email), clock.now()
    id = None
    async with site.db.transaction() as tx:
        attempts = await tx.all(_OPEN, email_key=key, now=now, most_tries=settings.code_tries)
        found = [each for each in attempts if hmac.compare_digest(each["code_mac"], _mac(site, each["id"], code))]
        for each in found[:1]:
            new = NewAccount(
                each["email"], each["password_hash"], each["display_name"], each["timezone"], each["locale"]
            )
            id = await open_account(tx, new)
            await tx.run(_DISCARD, email_key=key)
        if not found:
            await tx.many(_COUNT_TRY, [{"id": each["id"]} for each in attempts])
    if id is None:
        raise WrongCredentials
    return id


def new_code() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(10**6):06}"


def _mac(site: Site, id: UUID, code: str) -> bytes:
    return hmac.digest(site.code_key, id.bytes + code.encode(), hashlib.sha256)


def _welcome(to: str, code: str, minutes: int) -> Letter:
    text = (
        f"Code: {code}\n\n"
        f"Type this code into the app to finish your registration. It works for {minutes} minutes.\n"
        "If you did not register, nothing happens: just leave this letter be."
    )
    return Letter(to, "Your Afterglow code", text)


def _welcome_back(to: str) -> Letter:
    text = (
        "Somebody, perhaps you, just registered this address with Afterglow. It already has an account, and nothing\n"
        "was changed. To get in, sign in with your password.\n"
        "If it was not you, just leave this letter be."
    )
    return Letter(to, "You already have an Afterglow account", text)
