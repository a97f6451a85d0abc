"""Closes accounts: the devices are signed out at once, and nobody can use the account until it is reopened.

If the owner closes an account, the account gets a time of erasure (`erase_at`), and can be reopened until that time.
If the operator closes an account without a time of erasure, the account is suspended: only the operator can reopen it.
From `erase_at` on, an account cannot be reopened.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

from app import clock
from app.calendar.links import delete_calendar_links
from app.clinics.consent_tables import EndedBy
from app.consents import ending
from app.consents.writing import ConsentWrite
from app.db import Transaction
from app.identity import administration, audit, emails, reopening
from app.identity.accounts import PUBLIC
from app.identity.audit import Event
from app.identity.caller import Caller
from app.identity.changing_email import cancel_changes
from app.identity.confirming import password_confirmed
from app.leaving import erasing
from app.leaving.shapes import ClosingDraft
from app.services import Services


class Closed(NamedTuple):
    """The result of closing an account.

    `devices` is the number of devices that were signed out. `consents` is the write that ended the account's consents;
    the caller has to call its `announce` after the commit.
    """

    devices: int
    consents: ConsentWrite


async def close(
    tx: Transaction, services: Services, account_id: UUID, by: EndedBy, erase_at: datetime | None = None
) -> Closed:
    """Close an account. This is the only function that closes accounts.

    In the same transaction, sign out the devices, end the consents and the calendar links, and delete the codes for
    reopening the account and for changing its e-mail address. `by` says whether the owner or the operator closes the
    account. The caller has to call `consents.announce()` of the result after the commit.
    """
    await administration.set_closed(tx, account_id, clock.now(), erase_at)
    await reopening.cancel_code(tx, account_id)
    await cancel_changes(tx, account_id)
    await delete_calendar_links(tx, account_id)
    devices = await administration.sign_out(tx, account_id)
    return Closed(devices, await ending.end_of_owner(tx, services, account_id, by))


async def reopen(tx: Transaction, account_id: UUID) -> bool:
    """Reopen an account for the operator. Return False, without a change, if its `erase_at` has passed."""
    erase_at = (await tx.only(administration.LOCK, id=account_id))["erase_at"]
    if erase_at is not None and erase_at <= clock.now():
        return False
    await administration.set_closed(tx, account_id, None, None)
    return True


async def close_own(caller: Caller, network: str, draft: ClosingDraft) -> dict[str, Any]:
    """Close the caller's account if the password is right, and record an audit event. Return the day of the erasure.

    If the draft says `immediately`, queue the job that erases the account. Otherwise queue an e-mail with a code that
    reopens the account. Raise `WrongCredentials` if the password is wrong.
    """
    services = caller.services
    async with password_confirmed(caller, network, draft.password) as tx:
        now = clock.now()
        erase_at = now if draft.immediately else now + timedelta(days=services.settings.reopen_days)
        closed = await close(tx, services, caller.account_id, EndedBy.PATIENT, erase_at)
        account = await tx.only(PUBLIC, id=caller.account_id)
        if draft.immediately:
            await services.jobs.add(tx, erasing.KIND, {"account_id": str(caller.account_id)})
        else:
            code = await reopening.add_code(tx, services, network, account["email"], erase_at)
            code = cast("str", code)  # not None: `close` has deleted the earlier codes, so there are not too many
            await services.mailer.queue(tx, emails.closed(account["email"], code, erase_at, now))
    closed.consents.announce()
    services.jobs.wake()
    audit.record(services, Event.ACCOUNT_CLOSED, caller.account_id, network)
    services.db.notifier.notify(caller.account_id)  # ends long polls and event streams at once
    return {"erased_on": erase_at.date()}
