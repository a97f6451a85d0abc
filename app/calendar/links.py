"""Calendar links: owners create, list and delete them. The secret in the URL of a link authorizes a calendar app.

The secret has 256 random bits, so it cannot be guessed, and failed attempts are not counted. Only the SHA-256 of the
secret is stored. `app.leaving` deletes the links of an account when the account is closed or erased. After a restore
from a backup, all links are deleted, because the backup may contain links that were deleted after the backup was made.
"""

import hashlib
import secrets
from collections.abc import AsyncGenerator
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.calendar.shapes import CalendarLinkDraft
from app.calendar.tables import CalendarLinkRecord
from app.db import Database, Row, Statement, Transaction, background_transaction, bind
from app.identity import Caller, Feed, administration
from app.identity.tables import AccountRecord
from app.ids import new_id
from app.problems import NotSignedIn, TooManyLinks
from app.services import Services

MAX_LINKS: Final = 5
"""The maximum number of links of an account."""
SECRET_BYTES: Final = 32
BATCH_SIZE: Final = 500
_COLLECTION: Final = "calendar-links"
"""The name that a link's label is sealed with instead of a collection. A sealed text can only be decrypted with the
collection, id and sequence number that it was sealed with.
"""
_SEQ: Final = 0
"""The sequence number that a link's label is sealed with. It is always 0, because a label never changes."""
_link, _account, _feed = CalendarLinkRecord.table(), AccountRecord.table(), Feed.table()
_of_account: Final = _link.c.account_id == bind(_link.c.account_id)
_this: Final = _link.c.id == bind(_link.c.id)
_INSERT: Final = Statement(sa.insert(_link).values({column.name: bind(column) for column in _link.c}))
_FIND_OWN: Final = Statement(sa.select(_link).where(_of_account).order_by(_link.c.created_at.desc(), _link.c.id.desc()))
_COUNT: Final = Statement(sa.select(sa.func.count().label("count")).select_from(_link).where(_of_account))
_DELETE: Final = Statement(sa.delete(_link).where(_this, _of_account).returning(_link.c.id))
_DELETE_OWN: Final = Statement(sa.delete(_link).where(_of_account))
_some: Final = sa.select(_link.c.id).limit(sa.bindparam("rows", type_=sa.BigInteger))
_DELETE_SOME: Final = Statement(sa.delete(_link).where(_link.c.id.in_(_some)).returning(_link.c.id))
_USE: Final = Statement(sa.update(_link).where(_this).values(last_used_at=bind(_link.c.last_used_at)))
FIND: Final = Statement(
    sa.select(_link.c.id, _link.c.account_id, _link.c.titles, _account.c.timezone, _feed.c.head, _feed.c.epoch)
    .join_from(_link, _account, _link.c.account_id == _account.c.id)
    .join(_feed, _feed.c.owner_id == _account.c.id)
    .where(_link.c.digest == bind(_link.c.digest), _account.c.closed_at.is_(None))
)


async def create_link(caller: Caller, draft: CalendarLinkDraft) -> tuple[Row, str]:
    """Create a link for the caller's account; return the link and the secret for its URL.

    Raise `TooManyLinks` if the account already has `MAX_LINKS` links, and `NotSignedIn` if the account is closed.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return await add_link(caller.services, caller.account_id, draft, new_id(), secret), secret


async def add_link(services: Services, account_id: UUID, draft: CalendarLinkDraft, id: UUID, secret: str) -> Row:
    """Add a link with this id and secret to an account; return the link.

    Raise `TooManyLinks` if the account already has `MAX_LINKS` links, and `NotSignedIn` if the account is closed or
    does not exist.
    """
    label = None
    if draft.label is not None:
        label = (await services.data_keys.of(account_id)).seal(_COLLECTION, id, _SEQ, draft.label)
    made: Row = {"id": id, "titles": draft.titles, "created_at": clock.now()}
    async with services.db.transaction() as tx:
        account = await tx.one(administration.LOCK, id=account_id)
        if account is None or account["closed_at"] is not None:  # closed or erased after the caller was authenticated
            raise NotSignedIn
        if (await tx.only(_COUNT, account_id=account_id))["count"] >= MAX_LINKS:
            raise TooManyLinks
        await tx.run(_INSERT, **made, account_id=account_id, digest=digest_of(secret), label=label, last_used_at=None)
    return made | {"label": draft.label}


async def links_of(services: Services, account_id: UUID) -> list[Row]:
    """Return the links of an account, newest first. Raise `UnreadableRecord` if a label cannot be decrypted."""
    rows = await services.db.all(_FIND_OWN, account_id=account_id)
    if all(row["label"] is None for row in rows):
        return rows
    keys = await services.data_keys.of(account_id)
    return [
        row if row["label"] is None else row | {"label": keys.open(_COLLECTION, row["id"], _SEQ, row["label"])}
        for row in rows
    ]


async def delete_link(caller: Caller, id: UUID) -> bool:
    """Delete a link of the caller's account; return whether the account had this link."""
    async with caller.db.transaction() as tx:
        return await tx.one(_DELETE, id=id, account_id=caller.account_id) is not None


async def find_link(db: Database, secret: str) -> Row | None:
    """Return the link with this secret, the owner's time zone, and the head and epoch of the owner's feed.

    Return None if there is no such link, or if its account is closed.
    """
    return await db.one(FIND, digest=digest_of(secret))


async def store_last_use(db: Database, id: UUID) -> None:
    """Store the current time as the time at which the link was last used."""
    await db.run(_USE, id=id, last_used_at=clock.now())


async def delete_calendar_links(tx: Transaction, account_id: UUID) -> None:
    """Delete every link of an account."""
    await tx.run(_DELETE_OWN, account_id=account_id)


async def delete_all_links(db: Database) -> AsyncGenerator[int, None]:
    """Delete all links of all accounts, in batches, after a restore from a backup.

    After each batch, yield the number of links that were deleted.
    """
    deleted = BATCH_SIZE
    while deleted == BATCH_SIZE:
        async with background_transaction(db) as tx:
            deleted = len(await tx.tuples(_DELETE_SOME, rows=BATCH_SIZE))
        yield deleted


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 digest that is stored instead of a secret."""
    return hashlib.sha256(secret.encode()).digest()
