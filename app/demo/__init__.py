"""The demo data: one invented person's journey, pushed as an app would push it."""

from typing import Any, Final
from uuid import UUID, uuid5

from app import clock
from app.composition import build_services
from app.db import open_database
from app.demo.journey import HOME, journey
from app.identity import Caller
from app.identity.accounts import BY_EMAIL, NewAccount, create_account
from app.identity.fields import email_key
from app.identity.passwords import hashed_now
from app.keyring import Keyring
from app.records.view import own_records
from app.services import Services
from app.settings import Settings
from app.sync.collections import BY_COLLECTION
from app.sync.push import push
from app.sync.requests import SyncPush

EMAIL: Final = "ilse@example.com"
PASSWORD: Final = "one-quiet-morning"  # noqa: S105 - an invented person's, printed on purpose


async def create_demo(settings: Settings) -> None:
    """Create the demo account and its records if they do not exist; records that a tester changed stay as they are."""
    db = open_database(settings)
    await db.open()
    try:
        services = build_services(settings, db, Keyring(settings.keyring))
        owner_id = await _demo_account(services)
        caller = Caller(services, owner_id, owner_id, "person", HOME.key, is_authenticated=True)
        ops = [_operation(owner_id, *draft) for draft in journey(clock.now())]
        await push(own_records(caller), SyncPush.model_validate({"ops": ops}))
    finally:
        await db.close()


async def _demo_account(services: Services) -> UUID:
    new = NewAccount(EMAIL, hashed_now(PASSWORD), "Ilse", HOME.key, "en")
    async with services.db.transaction() as tx:
        id = await create_account(tx, new)
    if id is not None:
        return id
    found: UUID = (await services.db.only(BY_EMAIL, email_key=email_key(EMAIL)))["id"]
    return found


def _operation(owner_id: UUID, collection: str, name: str, draft: dict[str, Any]) -> dict[str, Any]:
    """Return the operation that creates a record. Its id, and the ids that it refers to, are derived from the names."""
    references = BY_COLLECTION[collection].references
    fields = {field: str(uuid5(owner_id, value)) if field in references else value for field, value in draft.items()}
    return {"op": "upsert", "collection": collection, "id": str(uuid5(owner_id, name)), "set": fields}
