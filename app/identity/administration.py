"""What an operator can do with accounts: list and read them, change a role or a password, sign out devices.

A change applies to every request that starts after it, on every worker: an access token only names the account and the
device, and each request reads both from the database.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.db import Db, Row, Statement, Transaction, bind
from app.identity import device_sessions
from app.identity.accounts import CHANGE_PASSWORD
from app.identity.changing_email import cancel_changes
from app.identity.fields import email_key, fold_case
from app.identity.shapes import Account
from app.identity.tables import AccountRecord, DeviceRecord, Role
from app.ids import is_id, make_id

_account, _device = AccountRecord.table(), DeviceRecord.table()
_columns: Final = [*(_account.c[name] for name in Account.model_fields), _account.c.closed_at, _account.c.erase_at]
_this: Final = _account.c.id == bind(_account.c.id)
_BY_ID: Final = Statement(sa.select(*_columns).where(_this))
_BY_KEY: Final = Statement(sa.select(*_columns).where(_account.c.email_key == bind(_account.c.email_key)))
LOCK: Final = Statement(sa.select(*_columns).where(_this).with_for_update())
LOCK_BY_KEY: Final = Statement(
    sa.select(*_columns).where(_account.c.email_key == bind(_account.c.email_key)).with_for_update()
)
_changeable: Final = ("role", "closed_at", "erase_at", "updated_at")
_CHANGE: Final = Statement(
    sa.update(_account).where(_this).values({name: bind(_account.c[name]) for name in _changeable})
)
_COUNT_DEVICES: Final = Statement(
    sa.select(sa.func.count().label("count"))
    .select_from(_device)
    .where(_device.c.account_id == bind(_device.c.account_id), _device.c.ended_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """The filters of a list of accounts. An account must match every filter that is not None.

    `email` is a part of the e-mail address, in any case.
    """

    role: Role | None = None
    closed: bool | None = None
    email: str | None = None


async def find(db: Db, name: str) -> Row | None:
    """Return the account whose id or e-mail address is `name`; None if there is no such account."""
    if is_id(name):
        return await db.one(_BY_ID, id=make_id(name))
    return await db.one(_BY_KEY, email_key=email_key(name.strip()))


async def page(db: Db, matching: AccountFilter, limit: int, after: UUID | None = None) -> list[Row]:
    """Return a page of the accounts that match the filters, newest first, with at most `limit` accounts.

    `after` is the id of the last account of the previous page.
    """
    conditions: list[sa.ColumnElement[bool]] = []
    if matching.role is not None:
        conditions.append(_account.c.role == matching.role)
    if matching.closed is not None:
        conditions.append(_account.c.closed_at.is_not(None) if matching.closed else _account.c.closed_at.is_(None))
    if matching.email is not None:
        conditions.append(_account.c.email_key.contains(fold_case(matching.email), autoescape=True))
    if after is not None:
        conditions.append(_account.c.id < after)
    return await db.all(Statement(sa.select(*_columns).where(*conditions).order_by(_account.c.id.desc()).limit(limit)))


async def set_closed(tx: Transaction, id: UUID, closed_at: datetime | None, erase_at: datetime | None) -> None:
    """Set the times when an account was closed and when it will be erased; None for both reopens the account.

    Only `app.leaving` and `app.identity.reopening` call this, because closing or reopening an account takes more steps.
    """
    await _change(tx, id, closed_at=closed_at, erase_at=erase_at, updated_at=closed_at or clock.now())


async def change_role(tx: Transaction, id: UUID, role: Role) -> None:
    """Change the role of an account."""
    await _change(tx, id, role=role, updated_at=clock.now())


async def sign_out(tx: Transaction, id: UUID) -> int:
    """Sign out every device of an account; return the number of devices that were signed in."""
    devices = await tx.only(_COUNT_DEVICES, account_id=id)
    await device_sessions.end_devices(tx, id)
    return int(devices["count"])


async def set_password(tx: Transaction, id: UUID, password_hash: str) -> int:
    """Set an account's password, cancel requested changes of the e-mail address, and sign out every device.

    Return the number of devices that were signed in.
    """
    await tx.only(LOCK, id=id)  # a sign-in with the old password commits before this, or fails
    await tx.run(CHANGE_PASSWORD, id=id, password_hash=password_hash)
    await cancel_changes(tx, id)
    return await sign_out(tx, id)


async def _change(tx: Transaction, id: UUID, **changes: object) -> None:
    account = await tx.only(LOCK, id=id) | changes
    await tx.run(_CHANGE, id=id, **{name: account[name] for name in _changeable})
