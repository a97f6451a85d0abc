"""Erases accounts: every row of an account is deleted, in every table, and the account is added to the ledger.

An erasure has five steps, each with its own transactions. After an interruption at any point, another call continues:

1. The account is marked, so that it cannot be reopened any more.
2. The account is added to the ledger of erasures.
3. The data key of the account is deleted. Without the key, nobody can read what the person wrote.
4. The rows of the account are deleted in batches.
5. The last rows are deleted together with the account.

Each transaction locks the account and, from step 3 on, its feed. So two erasures of one account wait for each other. A
write of the account's records that is still running ends before the lock is taken, or is refused after it.
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
"""The kind of job that erases an account that its owner closed with `immediately`."""
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
    """Erase all accounts whose `erase_at` has passed. For each account, yield 1 if this call erased it, else 0."""
    while rows := await services.db.all(_DUE, now=clock.now(), rows=BATCH_SIZE):
        for row in rows:
            yield int(await erase(services, row["id"]))


async def count_accounts(db: Database) -> int:
    """Return the number of all accounts in the database."""
    return int((await db.only(_COUNT))["accounts"])


async def erase_again(services: Services, entries: Collection[bytes], erased: list[UUID]) -> AsyncGenerator[int, None]:
    """After a restore, erase the accounts that are in the ledger of erasures, even if they are open in the backup.

    `entries` are the entries of the ledger. All accounts are compared with them, in batches: after each batch, yield
    its number of accounts. Append the ids of the erased accounts to `erased`.
    """
    ledger, through = Ledger(services.settings.ledger_file, services.keyring), _FIRST
    while rows := await services.db.all(_NEXT, through=through, rows=BATCH_SIZE):
        found = [row["id"] for row in rows if ledger.entry(row["id"]) in entries]
        erased += [id for id in found if await erase(services, id, again=True)]
        through = rows[-1]["id"]
        yield len(rows)


async def run_job(services: Services, job: Job) -> None:
    """Execute a job that erases an account. If the job times out, its next attempt continues the erasure."""
    await erase(services, make_id(job.payload["account_id"]))


async def erase(services: Services, id: UUID, *, again: bool = False) -> bool:
    """Erase an account, and log `account-erased`; return whether this call erased the account.

    Without `again`, only an account whose `erase_at` has passed is erased, and its former owner gets an e-mail, which
    is sent once and is not stored. With `again`, any account is erased, without an e-mail: it was erased before, and
    came back with a restored backup.
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
    """Change a locked account so that it cannot be reopened any more.

    Return False, without a change, if the account must not be erased: `again` is false, and `erase_at` has not passed.
    """
    now, closed_at, erase_at = clock.now(), account["closed_at"], account["erase_at"]
    if not again and (erase_at is None or erase_at > now):
        return False
    if erase_at is None or erase_at != closed_at:
        await set_closed(tx, account["id"], now, now)
    return True


async def _lock(tx: Transaction, id: UUID) -> bool:
    """Lock an account and its feed; return False if the account does not exist."""
    account = await tx.one(LOCK, id=id)
    await tx.one(_LOCK_FEED, owner_id=id)
    return account is not None


async def _delete_some(db: Database, statement: Statement, values: Row) -> int:
    """Execute a statement of a `Deletion` for one batch of rows; return the number of deleted or changed rows."""
    async with background_transaction(db) as tx:
        await _lock(tx, values["owner_id"])
        return len(await tx.tuples(statement, rows=BATCH_SIZE, **values))


async def _delete_rest(services: Services, account: Row, values: Row) -> bool:
    """Delete what is left of an account: its jobs, its counts for rate limits, the last rows, its feed and itself.

    Return False if the account does not exist any more.
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
