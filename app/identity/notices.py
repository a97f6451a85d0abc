"""Notices: e-mails to an account's owner about its security. The operator can turn off each kind; the owner cannot."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app.db import Statement, Transaction, bind
from app.identity.tables import AccountRecord
from app.mail import Email
from app.services import Services
from app.settings import Notice

_account = AccountRecord.table()
_EMAIL: Final = Statement(sa.select(_account.c.email).where(_account.c.id == bind(_account.c.id)))
_ALARM: Final = "If this was not you, reset your password in the app now: this signs out every device."
_TEXTS: Final = {
    Notice.NEW_DEVICE: (
        "A new device signed in to Afterglow",
        f"A new device signed in to your Afterglow account with your password.\n{_ALARM}",
    ),
    Notice.PASSWORD: (
        "Your Afterglow password was changed",
        f"The password of your Afterglow account was changed.\n{_ALARM}",
    ),
    Notice.EMAIL: (
        "Your Afterglow e-mail address was changed",
        (
            "The e-mail address of your Afterglow account was changed. This one can no longer be used to sign in.\n"
            "If this was not you, write to the operator of your Afterglow server."
        ),
    ),
    Notice.SECOND_FACTOR_ON: (
        "The second factor of your Afterglow account was turned on",
        (
            f"Every new sign-in to your Afterglow account now needs a code from your authenticator app.\n{_ALARM}\n"
            "Then write to the operator of your Afterglow server, who can turn the second factor off."
        ),
    ),
    Notice.SECOND_FACTOR_OFF: (
        "The second factor of your Afterglow account was turned off",
        f"A sign-in to your Afterglow account now needs your password only.\n{_ALARM}",
    ),
    Notice.COPIED_SIGN_IN: (
        "A device was signed out of Afterglow",
        (
            "A sign-in of your Afterglow account was used twice, so it may have been copied from your device. "
            "The device was signed out.\n"
            "Sign in again. If you get this e-mail again, reset your password in the app."
        ),
    ),
}


async def notify(tx: Transaction, services: Services, account_id: UUID, notice: Notice) -> None:
    """Queue an e-mail with a notice to an account's e-mail address, unless the operator turned off this notice.

    In the transaction `tx`, call this before a change of the e-mail address. Call `Jobs.wake` after the commit.
    """
    if notice in services.settings.notices:
        account = await tx.only(_EMAIL, id=account_id)
        await services.mailer.queue(tx, Email(account["email"], *_TEXTS[notice]))
