"""Coalesced lookups: what several requests look up in one statement equals what each looks up alone."""

import asyncio
from uuid import UUID

import sqlalchemy as sa

from app.db import Lookup, Statement, bind
from app.identity.tables import DeviceRecord
from app.ids import new_id
from app.records import Resource
from app.records.access import statements
from tests.drafts import draft_of, etag
from tests.serving import Person, Server

_device = DeviceRecord.table()
DEVICES = Statement(sa.select(_device.c.id).where(_device.c.account_id == bind(_device.c.account_id)))


def test_each_lookup_finds_only_records_of_its_owner(
    server: Server, alice: Person, bob: Person, resource: Resource, path: str
) -> None:
    drafts = [draft_of(resource, person) for person in (alice, alice, bob)]
    here, gone, theirs = (
        person.client.post(path, json=draft).json() for person, draft in zip((alice, alice, bob), drafts, strict=True)
    )
    assert alice.client.delete(f"{path}/{gone['id']}", headers=etag(gone)).status_code == 204
    ids = [*(UUID(record["id"]) for record in (here, gone, theirs)), new_id()]

    async def look_up(lookup: Lookup) -> list[list[list[object]]]:
        """Return the rows for every owner, device and id: looked up together, and one by one."""
        owners = (alice.id, bob.id)
        devices = [(await server.db.only(DEVICES, account_id=owner))["id"] for owner in owners]
        values = [
            {"owner_id": owner, "account_id": owner, "device_id": device, "id": id}
            for owner in owners
            for device in (*devices, new_id())
            for id in ids
        ]
        together = await asyncio.gather(*(server.db.tuples(lookup, **each) for each in values))
        alone = [await server.db.tuples(lookup, **each) for each in values]
        return [[[*map(tuple, rows)] for rows in found] for found in (together, alone)]

    together, alone = server.run(look_up(statements(resource).read))
    assert together == alone
    assert sum(map(len, alone)) == 2
    together, alone = server.run(look_up(statements(resource).with_feed))
    assert together == alone
    assert sum(map(len, alone)) == 2 * 3 * len(ids)
