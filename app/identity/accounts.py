"""Accounts: creating and reading them, and the changes that an owner may make."""

from dataclasses import dataclass
from secrets import randbelow
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.db import Database, Row, Statement, Transaction, bind
from app.identity.device_session_statements import COUNT_LIVE, live_since
from app.identity.fields import email_key, region_of
from app.identity.shapes import Account
from app.identity.tables import AccountRecord, Feed, Role, SecondFactor
from app.identity.throttles import serialize
from app.ids import new_id
from app.keyring import Keyring
from app.problems import NotSignedIn
from app.sealing import create_data_key
from app.services import Services

_FIRST_EPOCHS: Final = 4096
_account = AccountRecord.table()
_feed = Feed.table()
_factor = SecondFactor.table()
_public = [_account.c[name] for name in Account.model_fields]

SECOND_FACTOR_AT: Final = (
    sa.select(_factor.c.confirmed_at)
    .where(_factor.c.account_id == _account.c.id)
    .correlate(_account)
    .scalar_subquery()
    .label("second_factor_at")
)
"""An SQL expression: the time when an account's second factor was turned on; null if the second factor is off."""
_names: Final = [column.name for column in _account.c]
INSERT: Final = Statement(
    sa.text(
        f"INSERT INTO account ({', '.join(_names)}) "  # noqa: S608 - column names only, no input
        f"VALUES ({', '.join(f':{name}' for name in _names)}) ON CONFLICT (email_key) DO NOTHING RETURNING id"
    )
    .bindparams(*(bind(column) for column in _account.c))
    .columns(_account.c.id)
)
INSERT_FEED: Final = Statement(sa.insert(_feed).values({column.name: bind(column) for column in _feed.c}))
BY_EMAIL: Final = Statement(
    sa.select(
        *(_account.c[name] for name in ("id", "email", "password_hash", "closed_at", "erase_at", "role")),
        SECOND_FACTOR_AT,
    ).where(_account.c.email_key == bind(_account.c.email_key))
)
_this: Final = sa.select(*_public).where(_account.c.id == bind(_account.c.id))
PUBLIC: Final = Statement(_this)
PUBLIC_WITH_USAGE: Final = Statement(
    _this.add_columns(
        _feed.c.records,
        _feed.c.document_bytes,
        _feed.c.remembered_ops.label("remembered_operations"),
        COUNT_LIVE.label("devices"),
    ).join(_feed, _feed.c.owner_id == _account.c.id)
)
PUBLIC_TO_WRITE: Final = Statement(_this.with_for_update())
PASSWORD: Final = Statement(sa.select(_account.c.password_hash).where(_account.c.id == bind(_account.c.id)))
LOCK_SIGNING_IN: Final = Statement(
    sa.select(_account.c.id, _account.c.email, _account.c.password_hash, _account.c.role, SECOND_FACTOR_AT)
    .where(_account.c.id == bind(_account.c.id), _account.c.closed_at.is_(None))
    .with_for_update(of=_account)
)
"""Locks an account that is not closed, and returns the columns that completing a sign-in needs."""
LOCK_OPEN: Final = Statement(_this.where(_account.c.closed_at.is_(None)).with_for_update())
_changeable: Final = ("display_name", "timezone", "locale", "region", "updated_at")
CHANGE: Final = Statement(
    sa.update(_account)
    .where(_account.c.id == bind(_account.c.id))
    .values({name: bind(_account.c[name]) for name in _changeable})
)
LOCK_UNCHANGED: Final = Statement(
    sa.select(_account.c.id)
    .where(
        _account.c.id == bind(_account.c.id),
        _account.c.password_hash == bind(_account.c.password_hash),
        _account.c.closed_at.is_(None),
    )
    .with_for_update()
)
"""Locks an account, unless the account is closed or its password hash differs from the given one."""
CHANGE_EMAIL: Final = Statement(
    sa.update(_account)
    .where(_account.c.id == bind(_account.c.id))
    .values({name: bind(_account.c[name]) for name in ("email", "email_key", "updated_at")})
)
CHANGE_PASSWORD: Final = Statement(
    sa.update(_account).where(_account.c.id == bind(_account.c.id)).values(password_hash=bind(_account.c.password_hash))
)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """The values with which `create_account` creates an account."""

    email: str
    password_hash: str
    display_name: str | None = None
    timezone: str = "UTC"
    locale: str = "en"
    role: Role = Role.PERSON
    region: str | None = None
    """If None, the account gets the region that the language tag in `locale` contains, if any."""


async def create_account(tx: Transaction, keyring: Keyring, new: NewAccount) -> UUID | None:
    """Create a verified account with its feed and data key, and return its id.

    Return None if the e-mail address already has an account. The feed starts in a random epoch: if an app sends a
    cursor of another account by mistake, the epochs usually differ, and the cursor is refused.
    """
    id, now, key = new_id(), clock.now(), email_key(new.email)
    await serialize(tx, keyring.derive_key("throttles"), "e-mail address", key)
    created = await tx.one(
        INSERT,
        id=id,
        email=new.email,
        email_key=key,
        password_hash=new.password_hash,
        display_name=new.display_name,
        timezone=new.timezone,
        locale=new.locale,
        region=new.region or region_of(new.locale),
        role=new.role,
        created_at=now,
        updated_at=now,
        closed_at=None,
        erase_at=None,
    )
    if created is None:
        return None
    empty = dict.fromkeys(("floor", "consents", "records", "document_bytes", "remembered_ops"), 0)
    await tx.run(INSERT_FEED, owner_id=id, head=1, epoch=1 + randbelow(_FIRST_EPOCHS), **empty)
    await create_data_key(tx, keyring, id)
    return id


async def public_account(db: Database, id: UUID) -> Row:
    """Return the account as its owner sees it; raise `NotSignedIn` if the account has just been erased."""
    account = await db.one(PUBLIC, id=id)
    if account is None:
        raise NotSignedIn
    return account


async def account_with_usage(services: Services, id: UUID) -> Row:
    """Return the account as its owner sees it, with the usage and the limit of each quota.

    Raise `NotSignedIn` if the account has just been erased.
    """
    settings = services.settings
    account = await services.db.one(PUBLIC_WITH_USAGE, id=id, account_id=id, **live_since(settings))
    if account is None:
        raise NotSignedIn
    limits = {
        "records": settings.quota_records,
        "document_bytes": settings.quota_document_bytes,
        "remembered_operations": settings.quota_operations,
        "devices": settings.quota_devices,
    }
    usage = {name: {"used": account.pop(name), "limit": limit} for name, limit in limits.items()}
    return account | {"usage": usage}


async def change_account(db: Database, id: UUID, changes: dict[str, Any]) -> Row:
    """Apply an owner's changes to the account, and return the account.

    Raise `NotSignedIn` if the account has just been erased.
    """
    async with db.transaction() as tx:
        before = await tx.one(PUBLIC_TO_WRITE, id=id)
        if before is None:
            raise NotSignedIn
        after = before | changes
        if after != before:
            after |= {"updated_at": clock.now()}
            await tx.run(CHANGE, id=id, **{name: after[name] for name in _changeable})
    return after
