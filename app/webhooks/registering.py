"""The operations of a client on the webhooks of its clinic: create, list, read, change and delete."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.clinics.caller import ACTIVE
from app.clinics.calls import IS_ACTIVE, ClientCaller
from app.clinics.tables import WebhookRecord, WebhookStatus
from app.db import Row, Statement, bind
from app.exchange import numbering
from app.ids import new_id
from app.outbound import RefusedUrlError
from app.problems import Fault, Invalid, NotFound, NotSignedIn, TooManyWebhooks
from app.records.shapes import sent_fields
from app.sealing import Cipher
from app.services import Services
from app.webhooks import signing
from app.webhooks.shapes import WebhookPatch, public_webhook

MAX_WEBHOOKS: Final = 5
ROTATION: Final = timedelta(hours=24)
"""For this time after the secret was replaced, messages also have a signature with the former secret."""
_webhook = WebhookRecord.table()
_of_clinic: Final = sa.and_(_webhook.c.clinic_id == bind(_webhook.c.clinic_id), IS_ACTIVE)
_this: Final = sa.and_(_of_clinic, _webhook.c.id == bind(_webhook.c.id))
_CHANGED: Final = (
    "status",
    "secret",
    "former_secret",
    "former_until",
    "failures",
    "failing_since",
    "last_error",
    "due_at",
)
_ACTIVE: Final = Statement(ACTIVE)
_LIST: Final = Statement(
    sa.select(_webhook).where(_of_clinic).order_by(_webhook.c.created_at.desc(), _webhook.c.id.desc())
)
_COUNT: Final = Statement(sa.select(sa.func.count().label("count")).select_from(_webhook).where(_of_clinic))
_FIND: Final = Statement(sa.select(_webhook).where(_this))
_LOCK: Final = Statement(sa.select(_webhook).where(_this).with_for_update(of=_webhook))
_INSERT: Final = Statement(sa.insert(_webhook).values({column.name: bind(column) for column in _webhook.c}))
_CHANGE: Final = Statement(sa.update(_webhook).where(_this).values({name: bind(_webhook.c[name]) for name in _CHANGED}))
_DELETE: Final = Statement(sa.delete(_webhook).where(_this).returning(_webhook.c.id))


async def webhooks(caller: ClientCaller) -> list[Row]:
    """Return the webhooks of the clinic, newest first."""
    return [public_webhook(row) for row in await caller.db.all(_LIST, **caller.binds)]


async def find(caller: ClientCaller, id: UUID) -> Row:
    """Return a webhook of the clinic; raise `NotFound` if the clinic has no webhook with this id."""
    row = await caller.db.one(_FIND, **caller.binds, id=id)
    if row is None:
        raise NotFound
    return public_webhook(row)


async def create(caller: ClientCaller, url: str) -> Row:
    """Create a webhook; return it with its secret. If the clinic already has changes, the first message is due at once.

    Raise `Invalid` if the server may not send requests to the URL, `TooManyWebhooks` if the clinic has the maximum
    number of webhooks, or `NotSignedIn` if an operator has ended the client.
    """
    try:
        await caller.services.outbound.check(url)
    except RefusedUrlError as error:
        raise Invalid(Fault("/url", "url", f"The URL is refused: {error}.")) from None
    secret = signing.new_secret()
    row = new_row(caller.services, caller.clinic_id, new_id(), url, secret)
    async with caller.db.transaction() as tx:
        await tx.only(numbering.LOCK, clinic_id=caller.clinic_id)
        if await tx.one(_ACTIVE, client_id=caller.client_id) is None:
            raise NotSignedIn
        if (await tx.only(_COUNT, **caller.binds))["count"] >= MAX_WEBHOOKS:
            raise TooManyWebhooks
        await tx.run(_INSERT, **row)
    return public_webhook(row) | {"secret": signing.show(secret)}


def new_row(services: Services, clinic_id: UUID, id: UUID, url: str, secret: bytes) -> Row:
    """Return the row of a new active webhook. Its first message is due at once if the clinic already has changes."""
    now = clock.now()
    return {
        "clinic_id": clinic_id,
        "id": id,
        "url": url,
        "secret": Cipher(services.webhook_key).encrypt(secret, id.bytes),
        "former_secret": None,
        "former_until": None,
        "status": WebhookStatus.ACTIVE,
        "delivered": 0,
        "delivered_at": None,
        "message": None,
        "message_at": None,
        "failures": 0,
        "failing_since": None,
        "last_error": None,
        "due_at": now,
        "created_at": now,
    }


async def change(caller: ClientCaller, id: UUID, patch: WebhookPatch) -> Row:
    """Change the status of a webhook, or replace its secret; return the webhook.

    Its member `secret` is the new secret, or None if the secret was not replaced. Raise `NotFound` if the clinic has no
    webhook with this id, or `Invalid` if the patch contains both a status and a request for a new secret.
    """
    sent, now = sent_fields(patch), clock.now()
    secret: bytes | None = None
    if len(sent) > 1:
        raise Invalid(Fault("/status", "one-of", "Send either `status` or `rotate_secret`."))
    async with caller.db.transaction() as tx:
        row = await tx.one(_LOCK, **caller.binds, id=id)
        if row is None:
            raise NotFound
        if sent.get("rotate_secret"):
            secret = signing.new_secret()
            sealed = Cipher(caller.services.webhook_key).encrypt(secret, id.bytes)
            row |= {"secret": sealed, "former_secret": row["secret"], "former_until": now + ROTATION}
        elif sent.get("status", row["status"]) != row["status"]:
            row |= {"status": sent["status"], "failures": 0, "failing_since": None, "last_error": None, "due_at": now}
        await tx.run(_CHANGE, **caller.binds, id=id, **{name: row[name] for name in _CHANGED})
    return public_webhook(row) | {"secret": None if secret is None else signing.show(secret)}


async def delete(caller: ClientCaller, id: UUID) -> None:
    """Delete a webhook; raise `NotFound` if the clinic has no webhook with this id."""
    async with caller.db.transaction() as tx:
        deleted = await tx.one(_DELETE, **caller.binds, id=id)
    if deleted is None:
        raise NotFound
