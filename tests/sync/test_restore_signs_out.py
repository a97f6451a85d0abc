"""After a restore all devices are signed out, can sign in again, and find versions of a later epoch."""

from typing import Any

from app.db import Database
from app.identity.tables import DeviceRecord
from app.records import restoring
from tests.conftest import Servers
from tests.drafts import etag
from tests.sync.feed_rows import select_all


async def restored(db: Database) -> int:
    """Start and finish a run; return the number of feeds."""
    await restoring.start(db)
    return sum([each async for each in restoring.restored(db)])


def test_a_restore_signs_out_all_devices_and_they_can_sign_in_again(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database))
    alice, bob = server.person("alice"), server.person("bob")
    login = {"email": alice.email, "password": "a lantern by the door"}
    tokens = alice.client.post("/v1/auth/refresh", json={"refresh_token": alice.tokens["refresh_token"]}).json()
    draft: dict[str, Any] = {"kind": "integration", "statement": "wisteria, and patience"}
    record = alice.client.post("/v1/intentions", json=draft).json()
    assert server.run(restored(server.db)) == 2
    for token in (alice.tokens, tokens, bob.tokens):
        assert server.client(token["access_token"]).get("/v1/me").status_code == 401
        refresh = {"refresh_token": token["refresh_token"]}
        assert server.anyone.post("/v1/auth/refresh", json=refresh).status_code == 401
    devices = server.run(server.db.all(select_all(DeviceRecord)))
    assert {row["ended_at"] is None for row in devices} == {False}
    again = server.client(server.anyone.post("/v1/auth/login", json=login).json()["access_token"])
    now = again.get(f"/v1/intentions/{record['id']}").json()
    assert now["version"] % 2**40 == record["version"] % 2**40
    assert now["version"] // 2**40 > record["version"] // 2**40
    assert again.delete(f"/v1/intentions/{record['id']}", headers=etag(record)).status_code == 412
    assert again.delete(f"/v1/intentions/{record['id']}", headers=etag(now)).status_code == 204
    server.end_test()
