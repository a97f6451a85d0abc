"""E-mailed codes: they prove that a person can read the e-mails to an e-mail address.

A code is valid for a limited time, and is stored as an HMAC. The code is derived from its row's id with a key of the
server, so that the same code can be sent again. A ten-character code has 50 bits and cannot be guessed, so it stays
valid after any number of wrong attempts. A six-digit code becomes invalid after a few wrong attempts. These are counted
separately for the network that requested the code and for all others, so that a stranger cannot use up the owner's
attempts. One transaction checks a six-digit code and counts a wrong attempt. It locks the codes that the attempt may
match.

The number of new codes in a day is limited. When the limit is reached, the newest valid code is sent again (decision
070).
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.db import Row, Statement, Transaction, bind
from app.identity import buckets, throttles
from app.ids import new_id
from app.services import Services
from app.settings import Settings

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH: Final = 10
_LOOKALIKES: Final = str.maketrans("OILoil", "011011")
_DAY: Final = timedelta(days=1)


def typed_code(code: str) -> str:
    """Normalize a typed ten-character code: remove hyphens, convert to upper case, replace O by 0, and I and L by 1."""
    return code.replace("-", "").translate(_LOOKALIKES).upper()


def encode_code(number: bytes) -> str:
    """Encode the low 50 bits of `number` as ten characters of Crockford's Base32."""
    bits = int.from_bytes(number)
    return "".join(_CROCKFORD[bits >> 5 * place & 31] for place in range(_CODE_LENGTH))


def _code_life(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.code_seconds)


class MailedCodes:
    """The e-mailed codes in one table. A row has a normalized e-mail address (`email_key`), a code's HMAC and expiry.

    A code is valid only for one value of the column `redeemed_by`, which the methods take as `key` together with the
    code. This column is `email_key`, the e-mail address that the code was sent to, or `account_id`.
    """

    def __init__(
        self, table: sa.Table, redeemed_by: str = "email_key", max_age: Callable[[Settings], timedelta] = _code_life
    ) -> None:
        """Build the statements on the table. No code is valid for longer than `max_age`, so older rows are not read."""
        self._name, self._redeemed_by, self._max_age = table.name, redeemed_by, max_age
        same = table.c[redeemed_by] == bind(table.c[redeemed_by])
        alive = sa.and_(
            table.c.expires_at > bind(table.c.expires_at, "now"),
            table.c.created_at > bind(table.c.created_at, "oldest"),
        )
        recent = table.c.created_at >= bind(table.c.created_at, "since")
        self._insert = Statement(sa.insert(table).values({column.name: bind(column) for column in table.c}))
        self._counts = {
            name: Statement(
                sa.select(sa.func.count().label("count")).select_from(
                    sa.select(table.c.id)
                    .where(table.c[name] == bind(table.c[name]), recent)
                    .limit(sa.bindparam("rows", type_=sa.BigInteger))
                    .subquery()
                )
            )
            for name in dict.fromkeys((redeemed_by, "email_key"))
        }
        self._newest = Statement(
            sa.select(table)
            .where(same, alive, table.c.email_key == bind(table.c.email_key))
            .order_by(table.c.created_at.desc())
            .limit(1)
        )
        self._valid = Statement(sa.select(table).where(same, alive).with_for_update())
        self._delete_all = Statement(sa.delete(table).where(same))

    async def add(
        self,
        tx: Transaction,
        services: Services,
        network: str,
        *,
        expires_at: datetime | None = None,
        **columns: Any,
    ) -> str | None:
        """Return a code to send: a new code, stored with `columns`, or an earlier one if a daily limit is reached.

        The number of new codes in a day is limited for each e-mail address and, if `redeemed_by` is `account_id`, also
        for each account. If a limit is reached, return the newest valid code. If there is none, return None if the
        account's limit is reached, and otherwise a new code. While a limit is reached, the requests of each network are
        limited, too: return None if `network` has sent too many.

        A new code expires at `expires_at`, by default after the settings' `code_seconds`.
        """
        now = clock.now()
        exceeded = [name for name in self._counts if await self._is_exceeded(tx, services, name, columns[name], now)]
        if exceeded:
            owner = f"{self._name} {columns[self._redeemed_by]}"
            if not await throttles.is_within(tx, buckets.of_code_requests(services, network, owner), now):
                return None
            newest = await self._sent_before(tx, services, columns)
            if newest is not None or exceeded[0] != "email_key":
                return newest
        id = new_id()
        code = self._code(services, id)
        await tx.run(
            self._insert,
            id=id,
            code_mac=_mac(services, id, code),
            tries=0,
            created_at=now,
            expires_at=expires_at or now + timedelta(seconds=services.settings.code_seconds),
            **columns,
            **self._origin(services, network),
        )
        return code

    async def find(self, tx: Transaction, services: Services, _network: str, key: object, code: str) -> Row | None:
        """Lock and return the row of a valid code; return None if no valid code for `key` is equal to `code`."""
        rows = await tx.all(self._valid, **{self._redeemed_by: key}, **self._alive(services))
        return _matching(services, rows, code)

    async def redeem(self, tx: Transaction, services: Services, network: str, key: object, code: str) -> Row | None:
        """Return the row of a valid code, and delete all codes for `key`; return None if no valid code matches."""
        row = await self.find(tx, services, network, key, code)
        if row is not None:
            await self.delete(tx, key)
        return row

    async def delete(self, tx: Transaction, key: object) -> None:
        """Delete all codes for `key`, a value of the column `redeemed_by`."""
        await tx.run(self._delete_all, **{self._redeemed_by: key})

    async def _is_exceeded(self, tx: Transaction, services: Services, name: str, value: object, now: datetime) -> bool:
        most = services.settings.codes_a_day
        await throttles.serialize(tx, services.throttle_key, "codes", str(value))
        count = await tx.only(self._counts[name], since=now - _DAY, rows=most, **{name: value})
        return bool(count["count"] >= most)

    async def _sent_before(self, tx: Transaction, services: Services, columns: dict[str, Any]) -> str | None:
        """Return the newest valid code for the same `redeemed_by` and e-mail address; None if there is none."""
        values = {name: columns[name] for name in self._counts}
        row = await tx.one(self._newest, **values, **self._alive(services))
        code = None if row is None else self._code(services, row["id"])
        return code if row is not None and code is not None and _is_code(services, row, code) else None

    def _alive(self, services: Services) -> dict[str, datetime]:
        """Return the bind values of the SQL condition that a code is valid."""
        now = clock.now()
        return {"now": now, "oldest": now - self._max_age(services.settings)}

    def _code(self, services: Services, id: UUID) -> str:
        """Return the code of the row with this id: ten characters with 50 bits, which cannot be guessed."""
        return encode_code(_derived(services, id))

    def _origin(self, _services: Services, _network: str) -> dict[str, Any]:
        """Return the values of the columns that identify the network that requested a code."""
        return {}


class ShortCodes(MailedCodes):
    """Six-digit codes of registrations. A code becomes invalid after `code_tries` wrong attempts.

    Wrong attempts of the network that requested the code are counted separately from those of all other networks.

    An earlier code is never sent again: a stranger may have requested it, and it would create the account with the
    stranger's password.
    """

    def __init__(self, table: sa.Table) -> None:
        """Build the statements on the table."""
        super().__init__(table)
        is_own = table.c.network == bind(table.c.network)
        most = sa.bindparam("most_tries", type_=sa.Integer)
        usable = (
            table.c.email_key == bind(table.c.email_key),
            table.c.expires_at > bind(table.c.expires_at, "now"),
            table.c.created_at > bind(table.c.created_at, "oldest"),
            sa.or_(sa.and_(is_own, table.c.tries < most), sa.and_(sa.not_(is_own), table.c.tries_elsewhere < most)),
        )
        self._usable = Statement(sa.select(table).where(*usable).with_for_update())
        self._count_attempt = Statement(
            sa.update(table)
            .where(*usable)
            .values(
                tries=table.c.tries + sa.case((is_own, 1), else_=0),
                tries_elsewhere=table.c.tries_elsewhere + sa.case((is_own, 0), else_=1),
            )
        )

    async def find(self, tx: Transaction, services: Services, network: str, key: object, code: str) -> Row | None:
        """Lock and return the row of a valid code.

        If no code matches, count a wrong attempt for each valid code of the e-mail address `key`, and return None.
        """
        values = {"email_key": key, "most_tries": services.settings.code_tries, **self._alive(services)}
        values |= {"network": buckets.digest_of(services, network)}
        row = _matching(services, await tx.all(self._usable, **values), code)
        if row is None:
            await tx.run(self._count_attempt, **values)  # even without a code, to take the same time
        return row

    async def _sent_before(self, _tx: Transaction, _services: Services, _columns: dict[str, Any]) -> str | None:
        return None

    def _code(self, services: Services, id: UUID) -> str:
        return f"{int.from_bytes(_derived(services, id)) % 10**6:06}"

    def _origin(self, services: Services, network: str) -> dict[str, Any]:
        return {"network": buckets.digest_of(services, network), "tries_elsewhere": 0}


def _matching(services: Services, rows: list[Row], code: str) -> Row | None:
    return next((row for row in rows if _is_code(services, row, code)), None)


def _is_code(services: Services, row: Row, code: str) -> bool:
    return hmac.compare_digest(row["code_mac"], _mac(services, row["id"], code))


def _derived(services: Services, id: UUID) -> bytes:
    return hmac.digest(services.code_key, b"code" + id.bytes, hashlib.sha256)


def _mac(services: Services, id: UUID, code: str) -> bytes:
    return hmac.digest(services.code_key, id.bytes + code.encode(), hashlib.sha256)
