"""Pruning: what sign-ins left behind is deleted in batches by a command, and by no request."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import clock
from app.db import Database, Row, Statement, Table, bind
from app.identity import pruning
from app.identity.device_sessions import sign_in
from app.identity.tables import DeviceRecord, EmailChange, RefreshToken, Registration, ReopenCode, ResetCode, Throttle
from app.ids import new_id
from tests.conftest import Servers
from tests.serving import PASSWORD, Person, Server
from tests.waiting import later

CODES = (Registration, ResetCode, EmailChange, ReopenCode)
DAYS = timedelta(days=1)


def inserting(kind: type[Table]) -> Statement:
    table = kind.table()
    return Statement(sa.insert(table).values({column.name: bind(column) for column in table.c}))


def rows_of(server: Server, kind: type[Table]) -> list[Row]:
    return server.run(server.db.all(Statement(sa.select(kind.table()))))


def plant(server: Server, person: Person, count: int, age: timedelta) -> None:
    """Store rows of each kind that were created some time ago, and expired half an hour later."""
    created_at = clock.now() - age
    filler: dict[str, Any] = {"code_mac": b"", "tries": 0, "password_hash": "", "display_name": None, "timezone": "UTC"}
    filler |= {
        "locale": "en",
        "region": None,
        "network": b"",
        "tries_elsewhere": 0,
        "account_id": person.id,
        "email": "wisteria",
    }
    filler |= {"created_at": created_at, "expires_at": created_at + timedelta(minutes=30), "began_at": created_at}
    filler |= {"count": 1, "reserved": 0, "reserved_until": None, "email_key": person.email}

    async def insert() -> None:
        for kind in (*CODES, Throttle):
            names = [column.name for column in kind.table().c]
            rows = [filler | {"id": new_id(), "key": new_id().bytes} for _ in range(count)]
            async with server.db.transaction() as tx:
                await tx.many(inserting(kind), [{name: row[name] for name in names} for row in rows])

    server.run(insert())


def plant_devices(server: Server, person: Person, count: int, created_at: datetime, ended_at: datetime | None) -> None:
    """Store devices with a newest and two superseded refresh tokens each."""

    async def insert() -> None:
        async with server.db.transaction() as tx:
            for _ in range(count):
                id = new_id()
                device: Row = {"id": id, "account_id": person.id, "name": None, "created_at": created_at}
                device |= {"last_used_at": created_at, "ended_at": ended_at, "unused": None, "repeated": False}
                await tx.run(inserting(DeviceRecord), **device)
                for superseded_at in (None, created_at, created_at):
                    token = {"digest": new_id().bytes, "device_id": id, "superseded_at": superseded_at}
                    await tx.run(inserting(RefreshToken), **token)

    server.run(insert())


@pytest.fixture
def server(servers: Servers, database: str) -> Server:
    return servers.start(servers.settings(database))


def prune(server: Server) -> dict[str, int]:
    async def total(counts: Any) -> int:
        return sum([count async for count in counts])

    async def work(db: Database) -> dict[str, int]:
        return {
            "codes": await total(pruning.prune_codes(db)),
            "counts": await total(pruning.prune_counts(db)),
            "devices": await total(pruning.prune_devices(db, server.settings)),
        }

    return server.run(work(server.db))


def test_old_codes_and_counts_are_deleted_in_batches(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH_SIZE", 4)
    alice = server.person("alice")
    plant(server, alice, 10, timedelta(days=2))
    plant(server, alice, 3, timedelta(hours=2))
    assert prune(server) == {"codes": 40, "counts": 10, "devices": 0}
    assert [len(rows_of(server, kind)) for kind in CODES] == [3] * 4
    assert prune(server) == {"codes": 0, "counts": 0, "devices": 0}


def test_sign_ins_that_are_over_are_deleted_in_batches(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH_SIZE", 4)
    alice, now = server.person("alice"), clock.now()
    plant_devices(server, alice, 3, now - 100 * DAYS, None)
    plant_devices(server, alice, 3, now - 100 * DAYS, now - 95 * DAYS)
    plant_devices(server, alice, 3, now - 2 * DAYS, now - 1 * DAYS)
    plant_devices(server, alice, 3, now - 20 * DAYS, None)
    plant_devices(server, alice, 3, now - 2 * DAYS, None)
    assert prune(server)["devices"] == 6
    assert len(rows_of(server, DeviceRecord)) == 1 + 9
    tokens = rows_of(server, RefreshToken)
    assert sum(token["superseded_at"] is None for token in tokens) == 1 + 9
    assert sum(token["superseded_at"] is not None for token in tokens) == 6  # of those that are signed in
    assert alice.client.get("/v1/me").status_code == 200


def test_a_device_that_was_signed_out_is_recognised_after_pruning(server: Server) -> None:
    alice = server.person("alice")
    held = alice.tokens["refresh_token"]
    assert alice.client.post("/v1/auth/logout").status_code == 204
    prune(server)
    wrong = {"email": alice.email, "password": "wisteria?", "refresh_token": held}
    assert server.anyone.post("/v1/auth/login", json=wrong).status_code == 401
    right = wrong | {"password": PASSWORD}
    assert server.anyone.post("/v1/auth/login", json=right).status_code == 200


def test_no_request_deletes_old_rows(server: Server) -> None:
    alice = server.person("alice")
    plant(server, alice, 5, timedelta(days=2))
    now = clock.now()
    plant_devices(server, alice, 5, now - 2 * DAYS, now - 1 * DAYS)
    before = {kind: len(rows_of(server, kind)) for kind in (*CODES, Throttle, DeviceRecord, RefreshToken)}
    tokens = server.run(sign_in(server.services, alice.id, None))
    client = server.client(tokens["access_token"])
    body = {"email": alice.email, "password": PASSWORD}
    for path, json in (("login", body), ("register", body), ("password/forgot", {"email": alice.email})):
        assert server.anyone.post(f"/v1/auth/{path}", json=json).status_code in {200, 202}
    assert client.post("/v1/auth/logout").status_code == 204
    assert alice.client.post("/v1/auth/logout-all").status_code == 204
    after = {kind: len(rows_of(server, kind)) for kind in before}
    assert all(after[kind] >= count for kind, count in before.items())
    server.end_test()


def test_a_code_that_is_valid_for_weeks_is_kept(server: Server) -> None:
    alice = server.person("alice")
    assert alice.client.post("/v1/me/close", json={"password": PASSWORD}).status_code == 202
    code = server.mailbox.code_to(alice.email)
    with later(days=13):
        prune(server)
        body = {"email": alice.email, "code": code}
        assert server.anyone.post("/v1/auth/reopen", json=body).status_code == 200
