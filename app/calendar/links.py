"""Calendar links: created, listed and deleted by their owner; a calendar app is recognised by the secret in its URL.

The secret has 256 random bits, and only its SHA-256 is stored: it cannot be guessed, so wrong ones are not counted. A link
ends with its account: `app.leaving` deletes the links of an account that is closed or erased. After a restore from a
backup all links end, because the backup may have links that were deleted since.
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
"""How many links an account can have."""
SECRET_BYTES: Final = 32
BATCH_SIZE: Final = 500
_COLLECTION: Final = "calendar-links"
"""What the sealed labels are bound to, besides the account and the link."""
_SEQ: Final = 0
"""A link is never changed, so its label has no sequence number."""
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
    """Create a link of the caller's account; return it, and the secret of its URL.

    Raise `TooManyLinks` if the account has `MAX_LINKS` already.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return await add_link(caller.services, caller.account_id, draft, new_id(), secret), secret


async def add_link(services: Services, account_id: UUID, draft: CalendarLinkDraft, id: UUID, secret: str) -> Row:
    """Add a link with this id and secret to an account, and return it. Raise `TooManyLinks` if it has `MAX_LINKS` already."""
    label = None
    if draft.label is not None:
        label = (await services.data_keys.of(account_id)).seal(_COLLECTION, id, _SEQ, draft.label)
    made: Row = {"id": id, "titles": draft.titles, "created_at": clock.now()}
    async with services.db.transaction() as tx:
        account = await tx.one(administration.LOCK, id=account_id)
        if account is None or account["closed_at"] is not None:  # it was closed since the caller was authenticated
            raise NotSignedIn
        if (await tx.only(_COUNT, account_id=account_id))["count"] >= MAX_LINKS:
            raise TooManyLinks
        await tx.run(_INSERT, **made, account_id=account_id, digest=digest_of(secret), label=label, last_used_at=None)
    return made | {"label": draft.label}


async def links_of(services: Services, account_id: UUID) -> list[Row]:
    """Return the links of an account, newest first. Raise `UnreadableRecord` if a label cannot be opened."""
    rows = await services.db.all(_FIND_OWN, account_id=account_id)
    if all(row["label"] is None for row in rows):
        return rows
    keys = await services.data_keys.of(account_id)
    return [
        row if row["label"] is None else row | {"label": keys.open(_COLLECTION, row["id"], _SEQ, row["label"])}
        for row in rows
    ]


async def delete_link(caller: Caller, id: UUID) -> bool:
    """Delete a link of the caller's account; return False if it has no such link."""
    async with caller.db.transaction() as tx:
        return await tx.one(_DELETE, id=id, account_id=caller.account_id) is not None


async def find_link(db: Database, secret: str) -> Row | None:
    """Return the link with a secret, with its owner's time zone and the head of the feed; None if there is none.

    A link of a closed account is not found.
    """
    return await db.one(FIND, digest=digest_of(secret))


async def note_use(db: Database, id: UUID) -> None:
    """Store that the calendar of a link is requested now."""
    await db.run(_USE, id=id, last_used_at=clock.now())


async def end_links(tx: Transaction, account_id: UUID) -> None:
    """Delete every link of an account."""
    await tx.run(_DELETE_OWN, account_id=account_id)


async def end_restored(db: Database) -> AsyncGenerator[int, None]:
    """Delete every link of every account, after a restore from a backup; yield how many, after each batch."""
    deleted = BATCH_SIZE
    while deleted == BATCH_SIZE:
        async with background_transaction(db) as tx:
            deleted = len(await tx.tuples(_DELETE_SOME, rows=BATCH_SIZE))
        yield deleted


def digest_of(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()
