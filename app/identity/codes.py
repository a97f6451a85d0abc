"""Codes in e-mails: they prove that a person can read the e-mails to an e-mail address.

A code is valid for a limited time and number of wrong attempts, and is stored as an HMAC. The number of codes per e-mail
address and day is limited. One transaction checks a code and counts a wrong attempt; it locks the codes that the attempt may
match.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from app.db import Row, Statement, Transaction, bind
from app.identity.throttles import serialize
from app.ids import new_id
from app.services import Services

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH: Final = 10
_LOOKALIKES: Final = str.maketrans("OILoil", "011011")
_DAY: Final = timedelta(days=1)


def long_code() -> str:
    """Return a new code of ten characters, which cannot be guessed while it is valid (50 bits)."""
    return "".join(secrets.choice(_CROCKFORD) for _ in range(_CODE_LENGTH))


def typed_code(code: str) -> str:
    """Return a ten-character code as it was sent, if a person typed it in lower case, with hyphens, or with O instead of 0."""
    return code.replace("-", "").translate(_LOOKALIKES).upper()


class MailedCodes:
    """The codes in one table: each row has the key of an e-mail address, a code's HMAC, the number of wrong attempts
    and the time when the code expires.

    A code is redeemed together with a value of the column `redeemed_by`: it is compared with the codes of the rows that
    have this value. By default, the column is the key of the e-mail address that the code was sent to.
    """

    def __init__(self, table: sa.Table, redeemed_by: str = "email_key") -> None:
        """Build the statements."""
        self._redeemed_by = redeemed_by
        same = table.c[redeemed_by] == bind(table.c[redeemed_by])
        alive = table.c.expires_at > bind(table.c.expires_at, "now")
        tried = table.c.tries < sa.bindparam("most_tries", type_=sa.Integer)
        recent = table.c.created_at >= bind(table.c.created_at, "since")
        old = sa.and_(
            table.c.created_at < bind(table.c.created_at, "since"), table.c.expires_at < bind(table.c.expires_at, "now")
        )
        self._insert = Statement(sa.insert(table).values({column.name: bind(column) for column in table.c}))
        self._delete_old = Statement(sa.delete(table).where(old))
        count = sa.select(sa.func.count().label("count")).select_from(table)
        self._counts = {
            name: Statement(count.where(table.c[name] == bind(table.c[name]), recent))
            for name in dict.fromkeys((redeemed_by, "email_key"))
        }
        self._valid = Statement(sa.select(table).where(same, alive, tried).with_for_update())
        self._count_attempt = Statement(sa.update(table).where(same, alive, tried).values(tries=table.c.tries + 1))
        self._delete_all = Statement(sa.delete(table).where(same))

    async def add(
        self,
        tx: Transaction,
        services: Services,
        key: str,
        code: str,
        now: datetime,
        *,
        expires_at: datetime | None = None,
        **columns: Any,
    ) -> bool:
        """Store a new code for an e-mail address; return False after too many codes in a day for it or `redeemed_by`.

        The code expires at `expires_at`, by default after the settings' `code_seconds`.
        """
        settings, values = services.settings, {"email_key": key, **columns}
        for name, counted in self._counts.items():
            await serialize(tx, services.throttle_key, "codes", str(values[name]))
            count = await tx.only(counted, since=now - _DAY, **{name: values[name]})
            if count["count"] >= settings.codes_a_day:
                return False
        id = new_id()
        await tx.run(self._delete_old, since=now - _DAY, now=now)
        await tx.run(
            self._insert,
            id=id,
            code_mac=_mac(services, id, code),
            tries=0,
            created_at=now,
            expires_at=expires_at or now + timedelta(seconds=settings.code_seconds),
            **values,
        )
        return True

    async def redeem(self, tx: Transaction, services: Services, key: object, code: str, now: datetime) -> Row | None:
        """Return the row of a code, and delete all codes whose `redeemed_by` is `key`.

        If no code matches, count a wrong attempt and return None.
        """
        values = {self._redeemed_by: key, "now": now, "most_tries": services.settings.code_tries}
        for row in await tx.all(self._valid, **values):
            if hmac.compare_digest(row["code_mac"], _mac(services, row["id"], code)):
                await self.delete(tx, key)
                return row
        await tx.run(self._count_attempt, **values)  # also without a code, so that both cases take the same time
        return None

    async def delete(self, tx: Transaction, key: object) -> None:
        """Delete all codes whose `redeemed_by` is `key`."""
        await tx.run(self._delete_all, **{self._redeemed_by: key})


def _mac(services: Services, id: UUID, code: str) -> bytes:
    return hmac.digest(services.code_key, id.bytes + code.encode(), hashlib.sha256)
