"""Erasing: every row of an account is deleted, in every table, and the account is added to the ledger of erasures.

An erasure has steps, each in transactions of its own, and can continue after an interruption at any point:

1. From now on, the account cannot be reopened.
2. The account is added to the ledger.
3. The data key is deleted. Without it, nobody can read what the person wrote.
4. The rows are deleted in batches.
5. The last rows are deleted together with the account.

The transactions lock the account and, from step 3 on, its feed. So two erasures of one account take turns, and a write
that is still running ends first or is refused.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import clock, observability
from app.db import Database, Row, Statement, Transaction, background_transaction, bind
from app.exchange import purging as clinic_removals
from app.identity import Feed, emails, throttles
from app.identity.administration import LOCK, set_closed
from app.identity.fields import email_key
from app.identity.tables import AccountRecord, DeviceRecord
from app.ids import make_id
from app.jobs import Job
from app.keyring.ledger import Ledger
from app.leaving.personal_rows import OWNER, deletions
from app.sealing import DataKeyRecord
from app.services import Services

KIND: Final = "erasure"
"""The kind of the job that erases an account immediately."""
BATCH_SIZE: Final = 500
_FIRST: Final = UUID(int=0)
_account, _feed = AccountRecord.table(), Feed.table()
_device, _data_key = DeviceRecord.table(), DataKeyRecord.table()
_DUE: Final = Statement(
    sa.select(_account.c.id)
    .where(_account.c.erase_at <= bind(_account.c.erase_at, "now"))
    .order_by(_account.c.erase_at)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
)
_COUNT: Final = Statement(sa.select(sa.func.count().label("accounts")).select_from(_account))
_NEXT: Final = Statement(
    sa.select(_account.c.id)
    .where(_account.c.id > bind(_account.c.id, "through"))
    .order_by(_account.c.id)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
)
_LOCK_FEED: Final = Statement(sa.select(_feed.c.owner_id).where(_feed.c.owner_id == OWNER).with_for_update())
_DELETE_KEY: Final = Statement(sa.delete(_data_key).where(_data_key.c.owner_id == OWNER))
_DEVICES: Final = Statement(sa.select(_device.c.id).where(_device.c.account_id == OWNER))


async def erase_due(services: Services) -> AsyncGenerator[int, None]:
    """Erase the accounts whose `erase_at` has passed; yield 1 for each, or 0 if it was not erased by this call."""
    while rows := await services.db.all(_DUE, now=clock.now(), rows=BATCH_SIZE):
        for row in rows:
            yield int(await erase(services, row["id"]))


async def count(db: Database) -> int:
    """Return the number of accounts."""
    return int((await db.only(_COUNT))["accounts"])


async def erase_again(services: Services, entries: Collection[bytes], erased: list[UUID]) -> AsyncGenerator[int, None]:
    """Erase the accounts that the entries of a ledger name, whatever state they have in a restored backup.

    Append the ids of the accounts that were erased to `erased`. Yield the number of accounts in each batch that was
    compared with the entries.
    """
    ledger, through = Ledger(services.settings.ledger_file, services.keyring), _FIRST
    while rows := await services.db.all(_NEXT, through=through, rows=BATCH_SIZE):
        found = [row["id"] for row in rows if ledger.entry(row["id"]) in entries]
        erased += [id for id in found if await erase(services, id, again=True)]
        through = rows[-1]["id"]
        yield len(rows)


async def run_job(services: Services, job: Job) -> None:
    """Erase the account of a job. If the job times out, its next attempt continues."""
    await erase(services, make_id(job.payload["account_id"]))


async def erase(services: Services, id: UUID, *, again: bool = False) -> bool:
    """Erase an account whose `erase_at` has passed, or with `again` any account; return whether this call erased it.

    `again` is for an account that was erased before and came back with a backup. Without it, the owner gets an e-mail,
    which is sent once and is not stored. Log `account-erased`.
    """
    async with background_transaction(services.db) as tx:
        account = await tx.one(LOCK, id=id)
        if account is None or not await _make_final(tx, account, again=again):
            return False
    await asyncio.to_thread(Ledger(services.settings.ledger_file, services.keyring).add, id)
    values: Row = {"owner_id": id, "email_key": email_key(account["email"])}
    async with background_transaction(services.db) as tx:
        await _lock(tx, id)
        await tx.run(_DELETE_KEY, owner_id=id)
        await clinic_removals.expire_cursors(tx, id)
        devices = [row["id"] for row in await tx.all(_DEVICES, owner_id=id)]
        await throttles.erase(tx, services, id, values["email_key"], devices)
    services.data_keys.forget(id)
    for statement in [batch for deletion in deletions() for batch in deletion.batches]:
        while await _delete_some(services.db, statement, values):
            pass
    is_done = await _delete_rest(services, account, values)
    await services.db.checkpoint()
    if is_done:
        observability.log_event("account-erased", "info", account_id=id)
    if is_done and not again:
        await services.mailer.send_once(emails.erased(account["email"]))
    return is_done


async def _make_final(tx: Transaction, account: Row, *, again: bool) -> bool:
    """Make sure that a locked account cannot be reopened from now on; return False if it is not to be erased."""
    now, closed_at, erase_at = clock.now(), account["closed_at"], account["erase_at"]
    if not again and (erase_at is None or erase_at > now):
        return False
    if erase_at is None or erase_at != closed_at:
        await set_closed(tx, account["id"], now, now)
    return True


async def _lock(tx: Transaction, id: UUID) -> bool:
    """Lock an account and its feed; return False if the account is gone."""
    account = await tx.one(LOCK, id=id)
    await tx.one(_LOCK_FEED, owner_id=id)
    return account is not None


async def _delete_some(db: Database, statement: Statement, values: Row) -> int:
    """Execute one batch of a deletion; return the number of rows that it changed."""
    async with background_transaction(db) as tx:
        await _lock(tx, values["owner_id"])
        return len(await tx.tuples(statement, rows=BATCH_SIZE, **values))


async def _delete_rest(services: Services, account: Row, values: Row) -> bool:
    """Delete the account's jobs and counts of attempts, its rows that are left, its feed and the account.

    Return False if the account is already gone.
    """
    id = account["id"]
    jobs = await services.jobs.find(
        lambda payload: str(id) in payload.values() or email_key(payload.get("to", "")) == values["email_key"]
    )
    async with background_transaction(services.db) as tx:
        if not await _lock(tx, id):
            return False
        await throttles.erase(tx, services, id, values["email_key"], [])
        await services.jobs.delete(tx, jobs)
        for deletion in deletions():
            await tx.run(deletion.rest, **values)
    return True
