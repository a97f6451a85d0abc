"""Administration of clinics and clients by the operator: add, list and end them, and replace a client's keys.

A change applies at once to every new request, on every worker: an access token only authenticates its client, and each
request reads the client and its clinic from the database.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.clinics.codes import new_code
from app.clinics.keys import Jwk
from app.clinics.tables import ClientRecord, ClinicRecord, Purpose, WebhookRecord
from app.db import Db, Row, Statement, Transaction, bind
from app.ids import new_id

_clinic, _client, _webhook = ClinicRecord.table(), ClientRecord.table(), WebhookRecord.table()
_INSERT_CLINIC: Final = Statement(sa.insert(_clinic).values({column.name: bind(column) for column in _clinic.c}))
_INSERT_CLIENT: Final = Statement(sa.insert(_client).values({column.name: bind(column) for column in _client.c}))
_clinics = sa.select(_clinic)
_clients = sa.select(_client)
_CLINIC: Final = Statement(_clinics.where(_clinic.c.id == bind(_clinic.c.id)))
_CLIENT: Final = Statement(_clients.where(_client.c.id == bind(_client.c.id)))
_CLINICS: Final = Statement(_clinics.order_by(_clinic.c.id.desc()))
_CLIENTS: Final = Statement(_clients.order_by(_client.c.id.desc()))
_CLIENTS_OF: Final = Statement(
    _clients.where(_client.c.clinic_id == bind(_client.c.clinic_id)).order_by(_client.c.id.desc())
)
_LOCK_CLINIC: Final = Statement(
    sa.select(_clinic.c.ended_at).where(_clinic.c.id == bind(_clinic.c.id)).with_for_update()
)
_END_CLINIC: Final = Statement(
    sa.update(_clinic)
    .where(_clinic.c.id == bind(_clinic.c.id), _clinic.c.ended_at.is_(None))
    .values(ended_at=bind(_clinic.c.ended_at))
    .returning(_clinic.c.id)
)
_END_CLIENT: Final = Statement(
    sa.update(_client)
    .where(_client.c.id == bind(_client.c.id), _client.c.ended_at.is_(None))
    .values(ended_at=bind(_client.c.ended_at))
    .returning(_client.c.id)
)
_DELETE_WEBHOOKS: Final = Statement(sa.delete(_webhook).where(_webhook.c.clinic_id == bind(_webhook.c.clinic_id)))
_CHANGE_KEYS: Final = Statement(
    sa.update(_client)
    .where(_client.c.id == bind(_client.c.id), _client.c.ended_at.is_(None))
    .values(jwks=bind(_client.c.jwks), jwks_uri=bind(_client.c.jwks_uri))
    .returning(*_client.c)
)

_RAISE_EPOCHS: Final = Statement(sa.update(_clinic).values(epoch=_clinic.c.epoch + bind(_clinic.c.epoch, "step")))
_RESET_WEBHOOKS: Final = Statement(
    sa.update(_webhook).values(delivered=sa.literal_column("0"), message=sa.null(), message_at=sa.null())
)


@dataclass(frozen=True, slots=True)
class KeySource:
    """The source of a client's public keys: either the registered keys (`jwks`) or a URL (`jwks_uri`).

    The other attribute is None.
    """

    jwks: list[Jwk] | None
    jwks_uri: str | None


async def find_clinic(db: Db, id: UUID) -> Row | None:
    """Return the clinic with this id, even if it has ended; None if it does not exist."""
    return await db.one(_CLINIC, id=id)


async def find_client(db: Db, id: UUID) -> Row | None:
    """Return the client with this id, even if it has ended; None if it does not exist."""
    return await db.one(_CLIENT, id=id)


async def clinics(db: Db) -> list[Row]:
    """Return all clinics, newest first, including those that have ended."""
    return await db.all(_CLINICS)


async def clients(db: Db, clinic_id: UUID | None = None) -> list[Row]:
    """Return the clients of a clinic, or of all clinics if None, newest first, including those that have ended."""
    return await db.all(_CLIENTS) if clinic_id is None else await db.all(_CLIENTS_OF, clinic_id=clinic_id)


async def add_clinic(
    tx: Transaction, name: str, contact: str | None, *, id: UUID | None = None, share_code: str | None = None
) -> Row:
    """Add a clinic; return its row. If `id` or `share_code` is None, create a new one."""
    row: Row = {
        "id": id or new_id(),
        "name": name,
        "contact": contact,
        "share_code": share_code or new_code(),
        "head": 0,
        "epoch": 1,
        "floor": 0,
        "created_at": clock.now(),
        "ended_at": None,
    }
    await tx.run(_INSERT_CLINIC, **row)
    return row


async def end_clinic(tx: Transaction, id: UUID) -> bool:
    """End a clinic, so that its clients lose access, and delete its webhooks; return False if it had ended before."""
    ended = await tx.one(_END_CLINIC, id=id, ended_at=clock.now()) is not None
    await tx.run(_DELETE_WEBHOOKS, clinic_id=id)
    return ended


async def raise_epochs(db: Db, step: int) -> None:
    """Raise the epoch of every clinic by `step` after a restore from a backup, so that clinics pull everything again.

    Reset all webhooks, so that a message is sent to each.
    """
    await db.run(_RAISE_EPOCHS, step=step)
    await db.run(_RESET_WEBHOOKS)


async def add_client(
    tx: Transaction, clinic_id: UUID, keys: KeySource, scopes: str, purpose: Purpose, *, id: UUID | None = None
) -> Row | None:
    """Add a client of a clinic; return its row, or None if the clinic does not exist or has ended."""
    clinic = await tx.one(_LOCK_CLINIC, id=clinic_id)
    if clinic is None or clinic["ended_at"] is not None:
        return None
    row: Row = {
        "id": id or new_id(),
        "clinic_id": clinic_id,
        "jwks": keys.jwks,
        "jwks_uri": keys.jwks_uri,
        "scopes": scopes,
        "purpose": purpose,
        "created_at": clock.now(),
        "ended_at": None,
    }
    await tx.run(_INSERT_CLIENT, **row)
    return row


async def change_keys(tx: Transaction, id: UUID, keys: KeySource) -> Row | None:
    """Replace the keys of a client; return the client's row, or None if the client does not exist or has ended."""
    return await tx.one(_CHANGE_KEYS, id=id, jwks=keys.jwks, jwks_uri=keys.jwks_uri)


async def end_client(tx: Transaction, id: UUID) -> bool:
    """End a client, so that it loses access; return False if it does not exist or had ended before."""
    return await tx.one(_END_CLIENT, id=id, ended_at=clock.now()) is not None
