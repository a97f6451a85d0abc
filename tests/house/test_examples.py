"""The examples in the OpenAPI document: each body is sent, and each response is compared with what comes back."""

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
"""Members that the server assigns. Only their types are compared."""
CHOSEN_IDS = ("/v1/sync", *(f"/v1/{resource.collection}" for resource in RESOURCES))
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in DOCUMENT.content["paths"].items()
    for method, operation in methods.items()
}
_token, _device = RefreshToken.table(), DeviceRecord.table()
_alive = sa.select(_device.c.id).where(_device.c.ended_at.is_(None))
_SET_TOKEN = Statement(sa.update(_token).where(_token.c.device_id.in_(_alive)).values(digest=bind(_token.c.digest)))


def assert_same(shown: object, answered: object, assigned: set[str], name: str = "") -> None:
    """Compare a response with its example."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        assert list(shown) == list(answered)
        for member, value in shown.items():
            assert_same(value, answered[member], assigned, member)
    elif isinstance(shown, list) and isinstance(answered, list):
        assert len(shown) == len(answered)
        for value, other in zip(shown, answered, strict=True):
            assert_same(value, other, assigned)
    elif name in assigned:
        assert type(shown) is type(answered), name
    else:
        assert shown == answered, name


class ExampleClient:
    """A client that sends the examples and compares the responses."""

    def __init__(self, server: Server) -> None:
        self.server, self.client = server, server.client()
        self.seen: set[tuple[str, str]] = set()

    def send(self, name: str, part: object = "", **headers: str) -> Json:
        """Send an operation's example in each of its media types, compare the responses, and return the last one."""
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
                assert_same(shown, answered, ASSIGNED if path.startswith(CHOSEN_IDS) else {*ASSIGNED, "id"})
        return answered

    def sign_in(self, tokens: Json) -> None:
        """Send the access token from now on."""
        self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def set_code(self, code: str, table: sa.Table) -> None:
        """Replace the code that was sent by e-mail with the one in the example."""
        db, key = self.server.db, self.server.services.code_key
        id: UUID = self.server.run(db.all(Statement(sa.select(table.c.id))))[0]["id"]
        mac = hmac.digest(key, id.bytes + code.encode(), hashlib.sha256)
        set_code = Statement(sa.update(table).values(code_mac=bind(table.c.code_mac)))
        self.server.run(db.run(set_code, code_mac=mac))

    def set_refresh_token(self, token: str) -> None:
        """Replace the device's refresh token with the one in the example."""
        digest = hashlib.sha256(token.encode()).digest()
        self.server.run(self.server.db.run(_SET_TOKEN, digest=digest))


def body_of(name: str) -> Json:
    """Return the example of an operation's body."""
    body: Json = OPERATIONS[name][2]["requestBody"]["content"]["application/json"]["example"]
    return body


def test_the_example_of_a_login_signs_in_the_demo_person() -> None:
    shown = body_of("login")
    assert (shown["email"], shown["password"]) == (demo.EMAIL, demo.PASSWORD)


def test_every_example_is_what_the_server_answers(servers: Servers, database: str) -> None:
    server = servers.start(servers.settings(database))
    examples = ExampleClient(server)
    for name in ("livez", "readyz", "get_public_keys"):
        examples.send(name)
    examples.send("get_problem", "not-found")
    _join(examples)
    examples.send("push_changes")
    examples.send("pull_changes")
    state = examples.send("get_sync_state")
    _follow(examples, state["cursor"])
    examples.client.delete(f"/v1/reflections/{PUSHED}", headers={"If-Match": "*"})
    _keep_records(examples)
    examples.client.patch("/v1/me", json={name: body_of("register")[name] for name in ("display_name", "timezone")})
    examples.send("logout_all")
    _change_password(examples)
    documented = {
        (name, status)
        for name, (_, _, operation) in OPERATIONS.items()
        for status in operation["responses"]
        if status.startswith("2")
    }
    assert examples.seen == documented
    server.end_test()


def _follow(examples: ExampleClient, cursor: str) -> None:
    method, path, operation = OPERATIONS["follow_changes"]
    shown = operation["responses"]["200"]["content"][STREAM]["example"]
    assert re.sub(r"\d+", cursor, shown) == examples.client.request(method, path).text
    examples.seen.add(("follow_changes", "200"))


def _join(examples: ExampleClient) -> None:
    examples.send("register")
    examples.set_code(body_of("verify")["code"], Registration.table())
    examples.sign_in(examples.send("verify"))
    examples.send("logout")
    examples.sign_in(examples.send("login"))
    examples.send("list_devices")
    examples.set_refresh_token(body_of("refresh_tokens")["refresh_token"])
    examples.sign_in(examples.send("refresh_tokens"))
    examples.send("get_me")
    other = examples.server.client()
    tokens = other.post("/v1/auth/login", json=body_of("login")).json()
    other.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    devices = other.get("/v1/auth/devices").json()["items"]
    examples.send("end_device", next(device["id"] for device in devices if device["current"]))
    examples.send("change_me")


def _change_password(examples: ExampleClient) -> None:
    examples.sign_in(examples.send("login"))
    examples.send("change_password")
    examples.send("forgot_password")
    examples.set_code(body_of("reset_password")["code"].replace("-", ""), ResetCode.table())
    examples.send("reset_password")


def _keep_records(examples: ExampleClient) -> None:
    ids: dict[str, str] = {}
    for resource in RESOURCES:
        plural = resource.collection.replace("-", "_")
        one = plural.removesuffix("s")
        examples.send(f"create_{one}")
        ids[one] = examples.send(f"create_{one}")["id"]
        examples.send(f"get_{one}", ids[one])
        examples.send(f"list_{plural}")
    for one, id in ids.items():
        examples.send(f"change_{one}", id, **{"If-Match": "*"})
    for one, id in reversed(ids.items()):
        examples.send(f"remove_{one}", id, **{"If-Match": "*"})
