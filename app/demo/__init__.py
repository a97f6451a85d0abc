"""The demo: one invented person's journey, written through the same store as any record."""

from contextlib import suppress
from typing import Final
from uuid import UUID, uuid5

from app import clock
from app.db import open_database
from app.demo.journey import HOME, journey
from app.identity import Caller, Site
from app.identity.accounts import BY_EMAIL, NewAccount, open_account
from app.identity.fields import email_key
from app.identity.keyring import Keyring
from app.identity.passwords import hashed_now
from app.identity.site import new_site
from app.problems import AlreadyExists, Removed, UnknownReference
from app.records import store
from app.resources import RESOURCES
from app.settings import Settings

EMAIL: Final = "ilse@example.com"
PASSWORD: Final = "one-quiet-morning"  # noqa: S105 - an invented person's, printed on purpose


async def plant(settings: Settings) -> None:
    """Make the account and its records, where they are not there yet; what a tester changed stays changed."""
    db = open_database(settings)
    await db.open()
    try:
        site = new_site(settings, db, Keyring(settings.keyring))
        owner_id = await _account(site)
        caller = Caller(site, owner_id, owner_id, "person", HOME.key)
        by_collection = {resource.collection: resource for resource in RESOURCES}
        for collection, name, draft in journey(clock.now()):
            resource = by_collection[collection]
            named = {field: _id(owner_id, draft[field]) for field in resource.references if field in draft}
            record = resource.draft.model_validate({**draft, **named, "id": _id(owner_id, name)})
            with suppress(AlreadyExists, Removed, UnknownReference):
                await store.create(caller, resource, record)
    finally:
        await db.close()


async def _account(site: Site) -> UUID:
    new = NewAccount(EMAIL, hashed_now(PASSWORD), "Ilse", HOME.key, "en")
    async with site.db.transaction() as tx:
        id = await open_account(tx, new)
    if id is not None:
        return id
    found: UUID = (await site.db.only(BY_EMAIL, email_key=email_key(EMAIL)))["id"]
    return found


def _id(owner_id: UUID, name: str) -> UUID:
    return uuid5(owner_id, name)
