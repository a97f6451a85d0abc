"""Ending consents without a request of the patient or the clinic: by expiry, by the operator, after a restore."""

from collections.abc import AsyncGenerator, Mapping
from typing import Final
from uuid import UUID

from app import clock
from app.clinics.consent_tables import EndedBy
from app.consents import statements
from app.consents.writing import ConsentWrite, Origin, lock_consents, open_write
from app.db import Transaction
from app.services import Services

SECONDS: Final = 2.0
"""The interval between two calls of `expire`, in seconds."""
BATCH_SIZE: Final = 100
_FIRST: Final = UUID(int=0)


async def expire(services: Services) -> None:
    """End the expired consents of the `BATCH_SIZE` owners whose consents expired first."""
    for owner in await services.db.all(statements.EXPIRED_OWNERS, now=clock.now(), rows=BATCH_SIZE):
        async with lock_consents(services, owner["owner_id"], Origin(EndedBy.EXPIRY)):
            pass  # `lock_consents` ends expired consents


async def end_of_clinic(services: Services, clinic_id: UUID) -> AsyncGenerator[int, None]:
    """End all consents for a clinic that has ended, each in a transaction of its own; yield 1 after each.

    A clinic that has ended gets no new consents. An interrupted run can be repeated.
    """
    after = _FIRST
    while owners := await services.db.all(
        statements.OWNERS_OF_CLINIC, clinic_id=clinic_id, after=after, rows=BATCH_SIZE
    ):
        for owner in owners:
            after = owner["owner_id"]
            async with lock_consents(services, after, Origin(EndedBy.OPERATOR)) as write:
                for row in write.live:
                    if row["clinic_id"] == clinic_id:
                        await write.end(row)
            yield 1


async def end_of_owner(tx: Transaction, services: Services, owner_id: UUID, by: EndedBy) -> ConsentWrite:
    """End all consents of an account in the transaction `tx`, which closes the account.

    Return the `ConsentWrite`. Call its method `announce` after the commit.
    """
    write = await open_write(tx, services, owner_id, Origin(by))
    for row in write.live:
        await write.end(row)
    await write.finish()
    return write


async def end_restored(services: Services, ended: Mapping[UUID, EndedBy] | None) -> AsyncGenerator[int, None]:
    """After a restore, end the consents that ended or changed after the backup was made, and are active again.

    `ended` maps the id of each of them to what ended it (`read_ended`); if it is None, end all consents. For each
    owner, yield the number of consents that this ended. An interrupted run can be repeated.
    """
    after = _FIRST
    while owners := await services.db.all(statements.OWNERS, after=after, rows=BATCH_SIZE):
        for owner in owners:
            after = owner["owner_id"]
            async with lock_consents(services, after, Origin(EndedBy.RESTORE)) as write:
                rows = [row for row in write.live if ended is None or row["id"] in ended]
                for row in rows:
                    await write.end(row, EndedBy.RESTORE if ended is None else ended[row["id"]])
            yield len(rows)
