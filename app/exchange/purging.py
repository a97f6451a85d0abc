"""Purging: deletes shared items that were removed long ago, and expires cursors when an account is erased.

An item is marked as removed if its clinic does not see the record any more. The clinic pulls the item as a removal.

A purge is safe while the API is served. It deletes a batch of items in each transaction, which first locks the clinics,
as numbering does, and raises each clinic's floor to the highest number that it deletes. A pull with a cursor below the
floor gets 410. Then the clinic pulls everything again, and deletes the records that were not returned.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app.clinics.consent_tables import SharedItem
from app.clinics.tables import ClinicRecord
from app.db import LONG_AGO, Database, Statement, Transaction, any_of, background_transaction, bind, bulk_update

BATCH_SIZE: Final = 500
_clinic, _item = ClinicRecord.table(), SharedItem.table()
_old = _item.alias("old")
_KEY: Final = ("owner_id", "clinic_id", "collection", "id")
_page: Final = (
    sa.select(*(_old.c[name] for name in _KEY), _old.c.changed_at)
    .where(sa.text("old.removed"), _old.c.number.is_not(None))  # the same text as in the partial index
    .where(_old.c.changed_at >= bind(_old.c.changed_at, "since"), _old.c.changed_at < bind(_old.c.changed_at, "before"))
    .order_by(_old.c.changed_at)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
)
LOCK_CLINICS: Final = Statement(
    sa.select(_clinic.c.id, _clinic.c.floor)
    .where(_clinic.c.id.in_(sa.select(_page.subquery("page").c.clinic_id)))
    .order_by(_clinic.c.id)
    .with_for_update(of=_clinic, key_share=True)
)
_locked: Final = _page.where(any_of(_old.c.clinic_id, "locked")).with_for_update(skip_locked=True).cte("page")
DELETE: Final = Statement(
    sa.delete(_item)
    .where(sa.tuple_(*(_item.c[name] for name in _KEY)).in_(sa.select(*(_locked.c[name] for name in _KEY))))
    .returning(_item.c.clinic_id, _item.c.number, _item.c.changed_at)
)
"""Deletes the items of the locked clinics, of all owners, that were marked as removed longest ago.

Only the operator's command runs this.
"""
_RAISE_FLOOR: Final = bulk_update(_clinic, ["id"], ["floor"])

_OF_OWNER: Final = Statement(
    sa.select(_item.c.clinic_id, sa.func.max(_item.c.number).label("number"))
    .where(_item.c.owner_id == bind(_item.c.owner_id))
    .group_by(_item.c.clinic_id)
    .order_by(_item.c.clinic_id)
)
_UNNUMBERED: Final = Statement(
    sa.select(_item.c.clinic_id).where(_item.c.owner_id == bind(_item.c.owner_id), _item.c.number.is_(None)).distinct()
)
_LOCK: Final = Statement(
    sa.select(_clinic.c.id, _clinic.c.head, _clinic.c.floor)
    .where(any_of(_clinic.c.id, "ids"))
    .order_by(_clinic.c.id)
    .with_for_update(of=_clinic, key_share=True)
)
_RAISE_BOTH: Final = bulk_update(_clinic, ["id"], ["head", "floor"])


async def expire_cursors(tx: Transaction, owner_id: UUID) -> None:
    """Raise the floors of the clinics that have shared items of an owner, before the account is erased.

    So the cursors of clinics that have not yet pulled the removal of the owner's records expire. The calling function
    has locked the owner's feed, and deletes the owner's rows afterwards.
    """
    numbers = {row["clinic_id"]: row["number"] for row in await tx.all(_OF_OWNER, owner_id=owner_id)}
    unnumbered = {row["clinic_id"] for row in await tx.all(_UNNUMBERED, owner_id=owner_id)}
    raised = []
    for clinic in await tx.all(_LOCK, ids=[*numbers]):
        id, head = clinic["id"], clinic["head"] + (clinic["id"] in unnumbered)
        floor = head if id in unnumbered else max(clinic["floor"], numbers[id])
        raised.append({"id": id, "head": head, "floor": floor})
    await tx.write((_RAISE_BOTH, raised))


async def purge(db: Database, before: datetime) -> AsyncGenerator[int, None]:
    """Delete the shared items that were marked as removed before an instant.

    After each transaction, yield the number of items that it deleted.
    """
    page = {"since": LONG_AGO, "before": before, "rows": BATCH_SIZE}
    while True:
        async with background_transaction(db) as tx:
            floors = {clinic["id"]: clinic["floor"] for clinic in await tx.all(LOCK_CLINICS, **page)}
            deleted = await tx.all(DELETE, locked=[*floors], **page)
            for row in deleted:
                floors[row["clinic_id"]] = max(floors[row["clinic_id"]], row["number"])
            await tx.write((_RAISE_FLOOR, [{"id": id, "floor": floor} for id, floor in floors.items()]))
        if not deleted:
            return
        yield len(deleted)
