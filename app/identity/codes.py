"""Codes in e-mails: they prove that a person reads the mail of an e-mail address.

A code is valid for a limited time and number of wrong attempts, and is stored as an HMAC. The number of codes per e-mail
address and day is limited. Checking a code and counting a wrong attempt are one transaction, which locks the codes of
the e-mail address.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import Row, Statement, Transaction, bind
from app.identity.throttles import serialize
from app.ids import new_id
from app.services import Services


class MailedCodes:
    """The codes in one table: each row has the key of an e-mail address, a code's HMAC, its wrong attempts and its end."""

    def __init__(self, table: sa.Table) -> None:
        """Build the statements."""
        same_email = table.c.email_key == bind(table.c.email_key)
        alive = table.c.expires_at > bind(table.c.expires_at, "now")
        tried = table.c.tries < sa.bindparam("most_tries", type_=sa.Integer)
        self._insert = Statement(sa.insert(table).values({column.name: bind(column) for column in table.c}))
        self._delete_old = Statement(sa.delete(table).where(table.c.created_at < bind(table.c.created_at)))
        self._count = Statement(sa.select(sa.func.count().label("count")).select_from(table).where(same_email))
        self._valid = Statement(sa.select(table).where(same_email, alive, tried).with_for_update())
        self._count_attempt = Statement(
            sa.update(table).where(same_email, alive, tried).values(tries=table.c.tries + 1)
        )
        self._delete_all = Statement(sa.delete(table).where(same_email))

    async def add(
        self, tx: Transaction, services: Services, key: str, code: str, now: datetime, **columns: Any
    ) -> bool:
        """Store a new code for an e-mail address; return False if it has had too many codes today."""
        settings, id = services.settings, new_id()
        await serialize(tx, services, "codes", key)
        await tx.run(self._delete_old, created_at=now - timedelta(days=1))
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
            **columns,
        )
        return True

    async def redeem(self, tx: Transaction, services: Services, key: str, code: str, now: datetime) -> Row | None:
        """Return the row of a code, and delete all of the e-mail address; if no code matches, count a wrong attempt and return None."""
        values = {"email_key": key, "now": now, "most_tries": services.settings.code_tries}
        for row in await tx.all(self._valid, **values):
            if hmac.compare_digest(row["code_mac"], _mac(services, row["id"], code)):
                await tx.run(self._delete_all, email_key=key)
                return row
        await tx.run(self._count_attempt, **values)  # also without a code, so that both cases take the same time
        return None


def _mac(services: Services, id: UUID, code: str) -> bytes:
    return hmac.digest(services.code_key, id.bytes + code.encode(), hashlib.sha256)
