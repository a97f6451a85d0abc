"""Rewrapping: wraps all data keys by the current key-encryption key, in batches, while the API is served.

The data keys themselves stay the same, so no record is sealed again. An interrupted run continues where it stopped.
"""

from collections.abc import AsyncGenerator
from typing import Final

import sqlalchemy as sa

from app.db import Database, Statement, background_transaction, bind, bulk_update
from app.keyring import Keyring
from app.sealing.data_keys import unwrap, wrap
from app.sealing.tables import DataKeyRecord

BATCH_SIZE: Final = 500
_data_key = DataKeyRecord.table()
_others = _data_key.c.kek_id != bind(_data_key.c.kek_id)
_COUNT: Final = Statement(sa.select(sa.func.count().label("keys")).select_from(_data_key).where(_others))
_NEXT: Final = Statement(
    sa.select(_data_key)
    .where(_others)
    .order_by(_data_key.c.owner_id, _data_key.c.generation)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
    .with_for_update()
)
_REWRAP: Final = bulk_update(_data_key, ["owner_id", "generation"], ["kek_id", "wrapped"])
_USED: Final = Statement(sa.select(_data_key.c.kek_id).distinct())
_ONE_USED: Final = Statement(sa.select(_data_key.c.kek_id).limit(sa.literal_column("1", sa.Integer)))


async def count_left(db: Database, keyring: Keyring) -> int:
    """Return the number of data keys that are not wrapped by the current key-encryption key."""
    return int((await db.only(_COUNT, kek_id=keyring.sealing_key.id))["keys"])


async def rewrap(db: Database, keyring: Keyring) -> AsyncGenerator[int, None]:
    """Wrap all data keys by the current key-encryption key. After each transaction, yield the number of keys in it."""
    while True:
        async with background_transaction(db) as tx:
            rows = await tx.all(_NEXT, kek_id=keyring.sealing_key.id, rows=BATCH_SIZE)
            wrapped = [wrap(keyring, row["owner_id"], row["generation"], unwrap(keyring, row)) for row in rows]
            if wrapped:
                await tx.write((_REWRAP, wrapped))
        if not rows:
            return
        yield len(rows)


async def used_keys(db: Database) -> set[str]:
    """Return the ids of the key-encryption keys that wrap at least one data key."""
    return {row["kek_id"] for row in await db.all(_USED)}


async def one_used_key(db: Database) -> str | None:
    """Return the id of a key-encryption key that wraps a data key; None if the database has no data keys."""
    return next((row["kek_id"] for row in await db.all(_ONE_USED)), None)
