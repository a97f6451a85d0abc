"""Creates the demo data: the account of an invented person, and records that are pushed as an app would push them.

The data includes the account, the device and the records to which the examples of the OpenAPI document refer, so that
the examples can be executed.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from app import clock
from app.composition import build_services
from app.db import Transaction, open_database
from app.demo.calendar import create_links
from app.demo.clinic import CLIENT_ID, create_clinic, key_file
from app.demo.drafts import HOME
from app.demo.journey import REMOVABLE, SHOWN, journey
from app.identity import Caller, examples
from app.identity.accounts import BY_EMAIL, NewAccount, create_account
from app.identity.device_session_statements import END_DEVICE, INSERT_DEVICE
from app.identity.fields import email_key
from app.identity.passwords import hashed_now
from app.keyring import Keyring
from app.leaving import closing, erasing
from app.openapi import removable_id
from app.records import Resource
from app.records.view import own_records
from app.resources import RESOURCES
from app.services import Services
from app.settings import Settings
from app.sync.collections import BY_COLLECTION
from app.sync.push import push
from app.sync.requests import SyncPush

__all__ = ["CLIENT_ID", "EMAIL", "PASSWORD", "create_demo", "key_file"]
EMAIL: Final = "ilse@example.com"
PASSWORD: Final = "one-quiet-morning"  # noqa: S105 - an invented person's, printed on purpose
_DEVICE_ID: Final = UUID(removable_id(examples.DEVICE["id"]))


async def create_demo(settings: Settings) -> None:
    """Create the demo's account, clinic, calendar links and records if they do not exist.

    If a tester has closed the account or removed records, they are reopened and restored. Records that a tester has
    changed are not changed.
    """
    db = open_database(settings)
    await db.open()
    try:
        services = build_services(settings, db, Keyring(settings.keyring))
        await _open_account(services)
        owner_id = await _demo_account(services)
        caller = Caller(services, owner_id, owner_id, "person", HOME.key, is_authenticated=True, is_internal=True)
        await create_clinic(services, owner_id)
        await create_links(services, owner_id)
        await push(own_records(caller), SyncPush.model_validate({"ops": [*_operations(clock.now())]}))
    finally:
        await db.close()


async def _open_account(services: Services) -> None:
    """Reopen the demo's account if a tester has closed it. If its time of erasure has passed, erase it completely."""
    found = await services.db.one(BY_EMAIL, email_key=email_key(EMAIL))
    if found is None or found["closed_at"] is None:
        return
    async with services.db.transaction() as tx:
        is_open = await closing.reopen(tx, found["id"])
    if not is_open:
        await erasing.erase(services, found["id"])


async def _demo_account(services: Services) -> UUID:
    """Return the id of the demo's account.

    If the account does not exist, create it and its device. Otherwise sign the device in again, which an example signs
    out.
    """
    new = NewAccount(EMAIL, hashed_now(PASSWORD), "Ilse", HOME.key, "en", region="NL")
    async with services.db.transaction() as tx:
        id = await create_account(tx, services.keyring, new)
        if id is not None:
            await _create_device(tx, id)
            return id
        await tx.run(END_DEVICE, id=_DEVICE_ID, ended_at=None)
    found: UUID = (await services.db.only(BY_EMAIL, email_key=email_key(EMAIL)))["id"]
    return found


async def _create_device(tx: Transaction, account_id: UUID) -> None:
    """Create the device that the example of `DELETE /v1/auth/devices/{id}` signs out. The device has no token."""
    now = clock.now()
    await tx.run(
        INSERT_DEVICE,
        id=_DEVICE_ID,
        account_id=account_id,
        name="Tablet",
        created_at=now,
        last_used_at=now,
        ended_at=None,
        unused=None,
        repeated=False,
    )


def _operations(now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the operations of a push that create the demo's records.

    For a kind of record that `journey` does not have, such as a kind that was just added, yield two copies of its
    example: one to read and change, and one to remove.
    """
    for collection, name, draft in journey(now):
        targets = BY_COLLECTION[collection].targets
        fields = {
            field: _record_id(targets[field], value) if field in targets else value for field, value in draft.items()
        }
        yield _operation(collection, _record_id(BY_COLLECTION[collection], name), fields)
    yield from [
        _operation(kind.collection, id, {name: value for name, value in kind.example.items() if name != "id"})
        for kind in RESOURCES
        if kind.collection not in SHOWN
        for id in (kind.example["id"], removable_id(kind.example["id"]))
    ]


def _record_id(kind: Resource, name: str) -> str:
    example_id: str = kind.example["id"]
    if name == SHOWN[kind.collection]:
        return example_id
    return removable_id(example_id) if name == REMOVABLE[kind.collection] else str(uuid5(UUID(example_id), name))


def _operation(collection: str, id: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the operation of a push that creates a record, or restores the record if it was removed."""
    return {"op": "upsert", "collection": collection, "id": id, "set": fields, "undelete": True}
