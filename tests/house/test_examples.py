"""The examples: every body that the docs show is really sent, and every answer that they show really comes back."""

import hashlib
import hmac
import re
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import demo
from app.db import Statement, bind
from app.identity.tables import DeviceRecord, RefreshToken, Registration, ResetCode
from app.resources import RESOURCES
from app.sync.examples import ID as PUSHED
from tests.conftest import Servers
from tests.serving import Server
from tests.witness import DOCUMENT, STREAM

Json = dict[str, Any]
ASSIGNED = {
    "version",
    "created_at",
    "updated_at",
    "last_used_at",
    "access_token",
    "refresh_token",
    "x",
    "y",
    "kid",
    "head",
    "cursor",
}
"""What the server chooses: an answer has another value of the same type there."""
CHOSEN_IDS = ("/v1/sync", *(f"/v1/{resource.collection}" for resource in RESOURCES))
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in DOCUMENT.content["paths"].items()
    for method, operation in methods.items()
}
_token, _device = RefreshToken.table(), DeviceRecord.table()
_alive = sa.select(_device.c.id).where(_device.c.ended_at.is_(None))
_PLANT_TOKEN = Statement(sa.update(_token).where(_token.c.device_id.in_(_alive)).values(digest=bind(_token.c.digest)))


def same(shown: object, answered: object, assigned: set[str], name: str = "") -> None:
    """Compare an answer with its example."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        assert list(shown) == list(answered)
        for member, value in shown.items():
            same(value, answered[member], assigned, member)
    elif isinstance(shown, list) and isinstance(answered, list):
        assert len(shown) == len(answered)
        for value, other in zip(shown, answered, strict=True):
            same(value, other, assigned)
    elif name in assigned:
        assert type(shown) is type(answered), name
    else:
        assert shown == answered, name


class ClientConnection:
    """Somebody who reads the docs, and does what they show."""

    def __init__(self, server: Server) -> None:
        self.server, self.client = server, server.client()
        self.seen: set[tuple[str, str]] = set()

    def ask(self, name: str, part: object = "", **headers: str) -> Json:
        """Send the operation's example in each of its media types, and compare the answers with those shown."""
        method, path, operation = OPERATIONS[name]
        url = path.format(id=part, code=part)
        answered: Json = {}
        for media_type, content in operation.get("requestBody", {"content": {None: {}}})["content"].items():
            kind = {} if media_type is None else {"Content-Type": media_type}
            response = self.client.request(method, url, headers=headers | kind, json=content.get("example"))
            assert response.status_code < 300, response.text
            status = str(response.status_code)
            self.seen.add((name, status))
            if status != "204":
                answered = response.json()
                shown = operation["responses"][status]["content"]["application/json"]["example"]
                same(shown, answered, ASSIGNED if path.startswith(CHOSEN_IDS) else {*ASSIGNED, "id"})
        return answered

    def carry(self, tokens: Json) -> None:
        """Be signed in."""
        self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def expect_code(self, code: str, table: sa.Table) -> None:
        """Have the mailed code be the one that the docs show."""
        db, key = self.server.db, self.server.services.code_key
        id: UUID = self.server.run(db.all(Statement(sa.select(table.c.id))))[0]["id"]
        mac = hmac.digest(key, id.bytes + code.encode(), hashlib.sha256)
        plant = Statement(sa.update(table).values(code_mac=bind(table.c.code_mac)))
        self.server.run(db.run(plant, code_mac=mac))

    def expect_refresh_token(self, token: str) -> None:
        """Have the device's refresh token be the one that the docs show."""
        digest = hashlib.sha256(token.encode()).digest()
        self.server.run(self.server.db.run(_PLANT_TOKEN, digest=digest))


def body_of(name: str) -> Json:
    """Return the body that the docs show."""
    body: Json = OPERATIONS[name][2]["requestBody"]["content"]["application/json"]["example"]
    return body


def test_the_login_that_the_docs_show_is_the_demos() -> None:
    shown = body_of("login")
    assert (shown["email"], shown["password"]) == (demo.EMAIL, demo.PASSWORD)


def test_all_that_the_docs_show_is_what_happens(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database))
    reader = ClientConnection(server)
    for name in ("livez", "readyz", "get_public_keys"):
        reader.ask(name)
    reader.ask("get_problem", "not-found")
    _join(reader)
    reader.ask("push_changes")
    reader.ask("pull_changes")
    state = reader.ask("get_sync_state")
    _follow(reader, state["cursor"])
    reader.client.delete(f"/v1/reflections/{PUSHED}", headers={"If-Match": "*"})
    _keep_records(reader)
    reader.client.patch("/v1/me", json={name: body_of("register")[name] for name in ("display_name", "timezone")})
    reader.ask("logout_all")
    _change_password(reader)
    documented = {
        (name, status)
        for name, (_, _, operation) in OPERATIONS.items()
        for status in operation["responses"]
        if status.startswith("2")
    }
    assert reader.seen == documented
    server.end_test()


def _follow(reader: ClientConnection, cursor: str) -> None:
    method, path, operation = OPERATIONS["follow_changes"]
    shown = operation["responses"]["200"]["content"][STREAM]["example"]
    assert re.sub(r"\d+", cursor, shown) == reader.client.request(method, path).text
    reader.seen.add(("follow_changes", "200"))


def _join(reader: ClientConnection) -> None:
    reader.ask("register")
    reader.expect_code(body_of("verify")["code"], Registration.table())
    reader.carry(reader.ask("verify"))
    reader.ask("logout")
    reader.carry(reader.ask("login"))
    reader.ask("list_devices")
    reader.expect_refresh_token(body_of("refresh_tokens")["refresh_token"])
    reader.carry(reader.ask("refresh_tokens"))
    reader.ask("get_me")
    other = reader.server.client()
    tokens = other.post("/v1/auth/login", json=body_of("login")).json()
    other.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    devices = other.get("/v1/auth/devices").json()["items"]
    reader.ask("end_device", next(device["id"] for device in devices if device["current"]))
    reader.ask("change_me")


def _change_password(reader: ClientConnection) -> None:
    reader.carry(reader.ask("login"))
    reader.ask("change_password")
    reader.ask("forgot_password")
    reader.expect_code(body_of("reset_password")["code"].replace("-", ""), ResetCode.table())
    reader.ask("reset_password")


def _keep_records(reader: ClientConnection) -> None:
    ids: dict[str, str] = {}
    for resource in RESOURCES:
        plural = resource.collection.replace("-", "_")
        one = plural.removesuffix("s")
        reader.ask(f"create_{one}")
        ids[one] = reader.ask(f"create_{one}")["id"]
        reader.ask(f"get_{one}", ids[one])
        reader.ask(f"list_{plural}")
    for one, id in ids.items():
        reader.ask(f"change_{one}", id, **{"If-Match": "*"})
    for one, id in reversed(ids.items()):
        reader.ask(f"remove_{one}", id, **{"If-Match": "*"})
