"""Mailed codes: what proves that somebody reads an address's mail.

A code lives for a while, takes a few wrong tries, and is kept as an HMAC. At most so many a day go to one address.
Looking for a code and counting a wrong try are one transaction, in which the address's codes are locked.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import Row, Statement, Transaction, bind
from app.identity.services import Services
from app.identity.throttles import serialize
from app.ids import new_id


class MailedCodes:
    """The codes that one table keeps: each row has an address's key, a code's HMAC, its tries and its end."""

    def __init__(self, table: sa.Table) -> None:
        """Build the statements."""
        same_address = table.c.email_key == bind(table.c.email_key)
        alive = table.c.expires_at > bind(table.c.expires_at, "now")
        tried = table.c.tries < sa.bindparam("most_tries", type_=sa.Integer)
        self._insert = Statement(sa.insert(table).values({column.name: bind(column) for column in table.c}))
        self._forget_old = Statement(sa.delete(table).where(table.c.created_at < bind(table.c.created_at)))
        self._count = Statement(sa.select(sa.func.count().label("count")).select_from(table).where(same_address))
        self._open = Statement(sa.select(table).where(same_address, alive, tried).with_for_update())
        self._count_try = Statement(sa.update(table).where(same_address, alive, tried).values(tries=table.c.tries + 1))
        self._discard = Statement(sa.delete(table).where(same_address))

    async def keep(
        self, tx: Transaction, services: Services, key: str, code: str, now: datetime, **values: Any
    ) -> bool:
        """Keep a new code for an address; say whether it had not had too many today."""
        settings, id = services.settings, new_id()
        await serialize(tx, services, "codes", key)
        await tx.run(self._forget_old, created_at=now - timedelta(days=1))
        count = await tx.only(self._count, email_key=key)
        if count["count"] >= settings.codes_a_day:
            return False
        await tx.run(
            self._insert,
            id=id,
            email_key=key,
            code_mac=_mac(services, id, code),
            tries=0,
            created_at=now,
            expires_at=now + timedelta(seconds=settings.code_seconds),
            **values,
        )
        return True

    async def redeem(self, tx: Transaction, services: Services, key: str, code: str, now: datetime) -> Row | None:
        """Return the row whose code it is, and discard all of the address's; where it is none's, count a wrong try."""
        opened = {"email_key": key, "now": now, "most_tries": services.settings.code_tries}
        for row in await tx.all(self._open, **opened):
            if hmac.compare_digest(row["code_mac"], _mac(services, row["id"], code)):
                await tx.run(self._discard, email_key=key)
                return row
        await tx.run(self._count_try, **opened)  # where there is no code, too: it takes as long
        return None


def _mac(services: Services, id: UUID, code: str) -> bytes:
    return hmac.digest(services.code_key, id.bytes + code.encode(), hashlib.sha256)
