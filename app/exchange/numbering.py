"""Numbering: a clinic's changes get their numbers when the clinic pulls, in a transaction that locks the clinic.

If each write numbered its own change, a change could be committed after another one with a greater number, and a pull
would miss it. Here, a change is committed before it gets a number, and the number is greater than all that were ever
read. Rows that a writer has locked are skipped, and get a number at the next pull (decision 063).
"""

from typing import Final

import sqlalchemy as sa

from app.clinics.calls import IS_ACTIVE, ClientCaller
from app.clinics.consent_tables import SharedItem
from app.clinics.tables import ClinicRecord
from app.db import Database, Row, Statement, bind
from app.exchange.collections import NAMES
from app.problems import NotSignedIn

MAX_NUMBERED: Final = 5000
"""The maximum number of changes that one transaction numbers."""
_clinic, _item = ClinicRecord.table(), SharedItem.table()
_KEY: Final = ("owner_id", "collection", "id")
_this: Final = _clinic.c.id == bind(_clinic.c.id, "clinic_id")
_is_unnumbered: Final = sa.and_(_item.c.clinic_id == bind(_item.c.clinic_id), _item.c.number.is_(None))
STATE: Final = Statement(
    sa.select(
        *(_clinic.c[name] for name in ("id", "head", "epoch", "floor")),
        sa.exists(sa.select(_item.c.id).where(_is_unnumbered)).label("has_unnumbered"),
    ).where(_this, IS_ACTIVE)
)
"""Selects a clinic's counters, and whether it has changes without a number.

Returns no row if the client or the clinic is not active any more.
"""
LOCK: Final = Statement(sa.select(_clinic.c.head).where(_this).with_for_update(key_share=True))
_rank: Final = sa.case(
    {name: sa.literal_column(str(rank)) for rank, name in enumerate(NAMES)},
    value=_item.c.collection,
    else_=sa.literal_column(str(len(NAMES))),
)
"""The order of changes with the same version: a connection before its records, parents before children."""


def _number() -> Statement:
    unnumbered = (
        sa.select(*(_item.c[name] for name in _KEY), _item.c.version, _rank.label("rank"))
        .where(_is_unnumbered)
        .order_by(_item.c.owner_id, _item.c.version, sa.literal_column("rank"))
        .limit(sa.bindparam("rows", type_=sa.BigInteger))
        .with_for_update(skip_locked=True)
        .cte("unnumbered")
    )
    order = (unnumbered.c.owner_id, unnumbered.c.version, unnumbered.c.rank)
    numbered = sa.select(
        *(unnumbered.c[name] for name in _KEY),
        (bind(_clinic.c.head) + sa.func.row_number().over(order_by=order)).label("number"),
    ).cte("numbered")
    return Statement(
        sa.update(_item)
        .where(_item.c.clinic_id == bind(_item.c.clinic_id), *(_item.c[name] == numbered.c[name] for name in _KEY))
        .values(number=numbered.c.number)
        .returning(_item.c.number)
    )


NUMBER: Final = _number()
_ADVANCE: Final = Statement(sa.update(_clinic).where(_this).values(head=bind(_clinic.c.head)))


async def state(caller: ClientCaller) -> Row:
    """Return the row of `STATE` for the client's clinic; raise `NotSignedIn` if the client or clinic is not active."""
    found = await caller.db.one(STATE, **caller.binds)
    if found is None:
        raise NotSignedIn
    return found


async def number(db: Database, clinic: Row) -> bool:
    """Number at most `MAX_NUMBERED` of the clinic's changes that have no number yet.

    Set `head` in `clinic`, a row of `STATE`, to the new head. Return whether there may be more changes without a
    number.
    """
    async with db.transaction() as tx:
        locked = await tx.only(LOCK, clinic_id=clinic["id"])
        clinic["head"] = locked["head"]
        numbered = await tx.tuples(NUMBER, clinic_id=clinic["id"], head=locked["head"], rows=MAX_NUMBERED)
        if numbered:
            clinic["head"] = max(number for (number,) in numbered)
            await tx.run(_ADVANCE, clinic_id=clinic["id"], head=clinic["head"])
    return len(numbered) == MAX_NUMBERED
