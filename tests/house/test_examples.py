"""The examples in the OpenAPI document: each body is sent, and each response is compared with what comes back.

They can all be executed on the demo, in any order and repeatedly, except those in `REFUSED` and `REPEATED`.
"""

import asyncio
import hashlib
import hmac
import io
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from icalendar import Calendar

from app import demo
from app.archive.format import MEDIA_TYPE
from app.consents import examples as consents
from app.db import Statement, bind
from app.exchange.examples import SESSION_ID, SESSION_IDENTIFIER
from app.fhir.examples import CONDITION
from app.identity.tables import DeviceRecord, EmailChange, RefreshToken, Registration, ReopenCode, ResetCode, Role
from app.records import Resource
from app.resources import RESOURCES
from app.sync.examples import ID as PUSHED
from app.views import examples as views
from app.webhooks import examples as webhooks
from tests.archive.packing import archive_of, day_one_export
from tests.clinics.clients import Assertions, add_client, form
from tests.conftest import Servers
from tests.house.starting import started_server
from tests.identity.authenticator import Authenticator
from tests.serving import PASSWORD, Server
from tests.witness import ARCHIVE, CALENDAR, DOCUMENT, FHIR, STREAM, Client

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
    "erased_on",
    "enabled_at",
    "used",
}
"""Members that the server assigns. Only their types are compared."""
FORM = "application/x-www-form-urlencoded"
LISTS = {"items", "changes", "nodes", "edges", "entry"}
"""Members of which the example shows a part."""
REGISTERED = {"email", "display_name"}
"""Members of the account in the response to a verification: its example shows the demo person's."""
REFUSED: dict[str, int] = dict.fromkeys(("create_consent", "create_connection"), 422) | dict.fromkeys(
    (
        "verify",
        "reset_password",
        "refresh_tokens",
        "confirm_email_change",
        "reopen_account",
        "close_account",
        "request_client_token",
        "sign_in_with_second_factor",
        "set_up_at_sign_in",
        "confirm_second_factor",
        "remove_second_factor",
    ),
    401,
)
REFUSED |= dict.fromkeys(("get_export", "delete_export", "download_deletions", "download_resources"), 404)
"""Operations whose example cannot be executed, because the code, the token or the export in it is not valid; they say so."""
REPEATED = {"end_device": 404, "withdraw_invitation": 404, "remove_calendar_link": 404, "remove_webhook": 404} | {
    f"remove_{resource.table.name}": 404 for resource in RESOURCES
}
"""Operations whose example can be executed once: what was removed is not found; they say so."""
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in DOCUMENT.paths.items()
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
    elif name in assigned:
        assert type(shown) is type(answered), name
    elif isinstance(shown, list) and isinstance(answered, list) and name in LISTS:
        for value in shown:
            assert any(is_same(value, other, assigned) for other in answered), value
    elif isinstance(shown, list) and isinstance(answered, list):
        assert len(shown) == len(answered)
        for value, other in zip(shown, answered, strict=True):
            assert_same(value, other, assigned)
    else:
        assert shown == answered, name


def is_same(shown: object, answered: object, assigned: set[str]) -> bool:
    """Return whether a part of a response is the same as a part of its example."""
    try:
        assert_same(shown, answered, assigned)
    except AssertionError:
        return False
    return True


def assert_alike(shown: object, answered: object) -> None:
    """Compare the members of a response, and the types of its values, with those of its example."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        assert shown.keys() == answered.keys()
        for member, value in shown.items():
            assert_alike(value, answered[member])
    elif isinstance(shown, list) and isinstance(answered, list):
        for other in answered[: len(shown)]:
            assert_alike(shown[0], other)
    else:
        assert shown is None or answered is None or type(shown) is type(answered)


class ExampleClient:
    """A client that sends the examples and compares the responses."""

    def __init__(self, server: Server) -> None:
        self.server, self.client = server, server.client()
        self.seen: set[tuple[str, str]] = set()

    def send(
        self,
        name: str,
        part: object = "",
        *,
        assigned: Iterable[str] = ("id",),
        query: Json | None = None,
        **changes: object,
    ) -> Json:
        """Send an operation's example with these changes and query, compare the response, and return it."""
        method, path, operation = OPERATIONS[name]
        body, headers = body_of(name), {"If-Match": "*"} if method in {"patch", "delete"} else {}
        url, sent = path.format(id=part, code=part, type="Procedure"), sent_as(name, body and {**body, **changes})
        response = self.client.request(method, url, headers=headers, params=query, **sent)
        assert response.status_code < 300, response.text
        status = str(response.status_code)
        self.seen.add((name, status))
        if status == "204":
            return {}
        answered: Json = response.json()
        shown = DOCUMENT.example(next(iter(operation["responses"][status]["content"].values())))
        shown = shown | body if method == "patch" else shown
        computed = next((kind.computed_names for kind in RESOURCES if kind.path == path.removesuffix("/{id}")), ())
        assigned = {*assigned, *(computed if method == "patch" else ())}
        if "resourceType" in answered:  # Pydantic has sorted the members of the example of any resource
            shown, answered = (
                orjson.loads(orjson.dumps(each, option=orjson.OPT_SORT_KEYS)) for each in (shown, answered)
            )
        assert_same(shown, answered, ASSIGNED | {*assigned})
        return answered

    def look(self, name: str, part: str = "") -> None:
        """Get what depends on the day or is long, and compare the members and types of the response with its example."""
        _, path, operation = OPERATIONS[name]
        response = self.client.get(path.format(instrument=part))
        assert response.status_code == 200, response.text
        self.seen.add((name, "200"))
        assert_alike(DOCUMENT.example(operation["responses"]["200"]["content"]["application/json"]), response.json())

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


def sent_as(name: str, body: Json | None) -> Json:
    """Return the argument of a request that sends this body of an operation: as a form or as JSON."""
    is_form = FORM in OPERATIONS[name][2].get("requestBody", {}).get("content", {})
    return {"data" if is_form else "json": body}


def body_of(name: str) -> Json | None:
    """Return the example of an operation's body, if it has one."""
    content = OPERATIONS[name][2].get("requestBody", {}).get("content", {}).values()
    return next((media_type["example"] for media_type in content if "example" in media_type), None)


def test_the_example_of_a_login_signs_in_the_demo_person() -> None:
    shown = body_of("login")
    assert shown is not None
    assert (shown["email"], shown["password"]) == (demo.EMAIL, demo.PASSWORD)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)
def test_the_example_of_a_draft_has_no_id(resource: Resource) -> None:
    shown = body_of(f"create_{singular(resource)}")
    assert shown is not None
    assert "id" not in shown


def singular(resource: Resource) -> str:
    """Return the name of a kind of record in the names of its operations."""
    return str(resource.table.name)


@pytest.mark.parametrize("name", [*REFUSED, *REPEATED])
def test_an_operation_whose_example_cannot_always_be_executed_says_so(name: str) -> None:
    said = OPERATIONS[name][2]["description"]
    assert re.search(rf"\b{REFUSED.get(name) or REPEATED[name]}\b", " ".join(said.split()))


@pytest.fixture
def demo_server(tmp_path: Path) -> Iterator[Client]:
    command = [str(Path(sys.executable).with_name("afterglow")), "serve", "--demo"]
    with started_server(command, tmp_path) as url, Client(url) as client:
        yield client


class Executor:
    """Executes examples on the demo, as a person with the docs page does; signs in if it is signed out."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.refused: dict[str, int] = {}

    def execute(self, name: str) -> None:
        """Execute an operation's example, and note its status if it is refused."""
        method, path, operation = OPERATIONS[name]
        if operation["security"] and self.client.get("/v1/me").status_code == 401:
            tokens = self.client.post("/v1/auth/login", json=body_of("login")).json()
            self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        parameters = operation.get("parameters", [])
        shown = {each["name"]: each["example"] for each in parameters if "example" in each}
        defaults = {each["name"]: each["schema"]["default"] for each in parameters if "default" in each["schema"]}
        defaults |= {
            each["name"]: shown[each["name"]] for each in parameters if each["in"] == "query" and "example" in each
        }
        headers = {
            each["name"]: shown[each["name"]] for each in parameters if each["name"] in shown and each["in"] == "header"
        }
        if {"ClientToken": []} in operation["security"]:
            headers |= {"Authorization": f"Bearer {self.clinic_token()}"}
        sent: Json = {"headers": headers} | sent_as(name, body_of(name))
        if name == "import_archive":  # the page lets a person choose a file
            sent = {"content": archive_of({}), "headers": {"Content-Type": MEDIA_TYPE}}
        response = self.client.request(method, path.format(**shown), params=defaults, **sent)
        if response.status_code >= 300:
            self.refused[name] = response.status_code

    def clinic_token(self) -> str:
        """Return a new access token of the demo's clinic."""
        key = load_pem_private_key((self.folder / "afterglow-demo-clinic.pem").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assertions = Assertions(str(self.client.base_url).rstrip("/"), {"id": demo.CLIENT_ID})
        token: str = self.client.post("/oauth/token", data=form(assertions.by(key, "ES384", "demo"))).json()[
            "access_token"
        ]
        return token


ENDED = {"end_device": 404}
"""From bottom to top, `logout_all` has signed out the device already."""


@pytest.mark.parametrize(("step", "ended"), [(1, {}), (-1, ENDED)], ids=["from-top-to-bottom", "from-bottom-to-top"])
def test_every_example_can_be_executed_on_the_demo_repeatedly(
    demo_server: Client, tmp_path: Path, step: int, ended: dict[str, int]
) -> None:
    executor = Executor(demo_server, tmp_path)
    for refused in (REFUSED | ended, REFUSED | REPEATED):
        executor.refused = {}
        for name in [*OPERATIONS][::step]:
            executor.execute(name)
        assert executor.refused == refused


def test_a_start_of_the_demo_restores_what_was_removed(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("afterglow")), "serve", "--demo"]
    for _ in range(2):
        with started_server(command, tmp_path) as url, Client(url) as client:
            executor = Executor(client, tmp_path)
            for name in REPEATED:
                executor.execute(name)
            assert executor.refused == {}


def test_every_example_is_what_the_server_answers(servers: Servers, database: str) -> None:
    settings = servers.settings(database, second_factor_roles="clinician")
    asyncio.run(demo.create_demo(settings))
    server = servers.start(settings)
    examples = ExampleClient(server)
    for name in ("livez", "readyz", "get_public_keys"):
        examples.send(name)
    examples.send("get_problem", "not-found")
    _act_for_a_clinic(examples)
    _join(examples)
    examples.send("push_changes", assigned=())
    examples.send("pull_changes", assigned=())
    state = examples.send("get_sync_state")
    _view(examples)
    _follow(examples, state["cursor"])
    _export(examples)
    _import(examples)
    _consent(examples)
    _export_in_bulk(examples)
    examples.client.delete(f"/v1/reflections/{PUSHED}", headers={"If-Match": "*"})
    _keep_records(examples)
    _use_second_factor(examples)
    _change_account(examples)
    documented = {
        (name, status)
        for name, (_, _, operation) in OPERATIONS.items()
        for status in operation["responses"]
        if status.startswith("2")
    }
    assert examples.seen == documented
    server.end_test()


def _view(examples: ExampleClient) -> None:
    for name in ("get_today", "get_progress", "list_instruments", "list_prompts", "get_help"):
        examples.look(name)
    examples.look("get_instrument", "phq-9")
    _, path, operation = OPERATIONS["get_chart"]
    shown = operation["responses"]["200"]["content"]["image/svg+xml"]["example"]
    title = shown[shown.index(">", shown.index("<title")) : shown.index("</svg>")]
    assert title in examples.client.get(path).text
    examples.seen.add(("get_chart", "200"))
    examples.client.params = {"collections": "reflections"}  # so that the example is on the first page
    examples.send("get_timeline")
    examples.client.params = {}
    examples.send("get_inbox", assigned={"count"})
    examples.send("get_chain", views.CHAIN["id"], assigned={"happened_at"})
    examples.send("search_records", assigned={"happened_at", "scanned"})
    _subscribe(examples)


def _subscribe(examples: ExampleClient) -> None:
    """Get the documented calendar, whose example has one event of a link without titles; create, list and delete links."""
    examples.send("list_calendar_links")
    _, path, operation = OPERATIONS["get_calendar"]
    (file,) = [each["example"] for each in operation["parameters"] if each["name"] == "file"]
    shown = Calendar.from_ical(operation["responses"]["200"]["content"][CALENDAR]["example"])
    answered = Calendar.from_ical(examples.client.get(path.format(file=file)).text)
    assert answered.property_items(recursive=False) == shown.property_items(recursive=False)
    practices = [event for event in answered.walk("VEVENT") if "DURATION" in event]
    assert {*practices[0]} == {*shown.walk("VEVENT")[0]}
    examples.seen.add(("get_calendar", "200"))
    created = examples.send("create_calendar_link", assigned={"id", "url"})
    examples.send("remove_calendar_link", created["id"])


def _import(examples: ExampleClient) -> None:
    _, path, operation = OPERATIONS["import_archive"]
    shown = DOCUMENT.example(operation["responses"]["200"]["content"]["application/json"])
    entry = {"creationDate": "2024-02-29T22:30:00Z", "text": "wisteria", "photos": []}
    archive = day_one_export(
        entry | {"uuid": "EBB5A5F4057F461E8F176E18AB7E0493"},
        entry | {"uuid": "EBB5A5F4057F461E8F176E18AB7E0494"},
        entry | {"uuid": shown["conflicts"][0]["id"]},
        entry | {"uuid": shown["rejected"][0]["id"], "text": "w" * 100_001},
        entry | {"text": "", "photos": [{}, {}], "audios": [{}]},
    )
    headers = {"Content-Type": MEDIA_TYPE}
    response = examples.client.post(path, params={"from": "day-one"}, content=archive, headers=headers)
    assert response.json() == shown
    examples.seen.add(("import_archive", "200"))


def _follow(examples: ExampleClient, cursor: str) -> None:
    method, path, operation = OPERATIONS["follow_changes"]
    shown = operation["responses"]["200"]["content"][STREAM]["example"]
    assert re.sub(r"\d+", cursor, shown) == examples.client.request(method, path).text
    examples.seen.add(("follow_changes", "200"))


def _export(examples: ExampleClient) -> None:
    method, path, operation = OPERATIONS["export_account"]
    shown = operation["responses"]["200"]["content"][ARCHIVE]["example"]
    with zipfile.ZipFile(io.BytesIO(examples.client.request(method, path).content)) as archive:
        names = [re.sub(r"\d{4}-\d\d", "2026-11", name) for name in archive.namelist()]
    assert set(shown.removeprefix("PK… ").split(", ")) == set(names)
    examples.seen.add(("export_account", "200"))


def _use_second_factor(examples: ExampleClient) -> None:
    """Turn the demo person's second factor on, sign in with it, and turn it off; set up a clinician's."""
    secret, anyone = ("secret", "uri"), examples.server.anyone
    authenticator = Authenticator(examples.send("set_up_second_factor", assigned=secret)["secret"])
    examples.send("confirm_second_factor", code=authenticator.code(), assigned=("recovery_codes",))
    examples.send("get_second_factor")
    ticket = anyone.post("/v1/auth/login", json=body_of("login")).json()["ticket"]
    examples.send("sign_in_with_second_factor", ticket=ticket, code=authenticator.code())
    examples.send("remove_second_factor", password=demo.PASSWORD, code=authenticator.code())
    clinician = {"email": examples.server.person(role=Role.CLINICIAN).email, "password": PASSWORD}
    ticket = anyone.post("/v1/auth/login", json=clinician).json()["ticket"]
    examples.send("set_up_at_sign_in", ticket=ticket, assigned=secret)


def _act_for_a_clinic(examples: ExampleClient) -> None:
    for name in ("get_smart_configuration", "get_fhir_smart_configuration", "get_authorization_server"):
        examples.send(name, assigned={"issuer", "jwks_uri", "token_endpoint"})
    statement = examples.client.get("/fhir/metadata").json()
    shown = DOCUMENT.example(OPERATIONS["get_fhir_metadata"][2]["responses"]["200"]["content"][FHIR])
    assert all(statement[name] == value for name, value in shown.items() if name != "rest")
    examples.seen.add(("get_fhir_metadata", "200"))
    assertions = Assertions(examples.server.url, add_client(examples.server))
    examples.send("request_client_token", client_assertion=assertions.valid())


def _consent(examples: ExampleClient) -> None:
    """Connect the demo person and the demo's clinic, and another clinic that shows the same names."""
    shown, server, person = consents, examples.server, examples.client
    assigned = {"id", "code", "expires_at"}
    person_token = person.headers["Authorization"]
    scope = " ".join(shown.CLINIC_STATE["scopes"])
    clinic_token = f"Bearer {server.services.tokens.issue_to_client(demo.CLIENT_ID, scope)}"

    def as_clinic(
        name: str, part: object = "", assigned: Iterable[str] = assigned, query: Json | None = None, **changes: object
    ) -> Json:
        person.headers["Authorization"] = clinic_token
        answered = examples.send(name, part, assigned=assigned, query=query, **changes)
        person.headers["Authorization"] = person_token
        return answered

    examples.send("look_up_code")
    examples.send("list_consents", assigned=())
    examples.send("get_consent", shown.CONSENT_ID, assigned=())
    examples.send("change_consent", shown.CONSENT_ID, assigned=())
    as_clinic("get_clinic", assigned=())
    as_clinic("list_invitations", assigned={"expires_at"})
    as_clinic("list_connections", assigned=())
    as_clinic("change_connection", shown.PATIENT_ID, assigned=())
    as_clinic("push_sessions", assigned={"version"})
    as_clinic("pull_clinic_changes", assigned={"version", "cursor"})
    fhir = {"versionId", "lastUpdated", "lastModified", "etag", "location", "fullUrl", "url", "total"}
    as_clinic("search_fhir", assigned=fhir)
    as_clinic("search_fhir_by_form", assigned=fhir)
    as_clinic("read_fhir", SESSION_ID, assigned=fhir)
    as_clinic("create_fhir", assigned=fhir)
    as_clinic("update_fhir", SESSION_ID, assigned=fhir)
    as_clinic("send_bundle", assigned=fhir)
    as_clinic("put_fhir", assigned=fhir, query={"identifier": CONDITION})
    for number, name in enumerate(("create_fhir", "put_fhir")):
        identifier = dict(SESSION_IDENTIFIER) | {"value": f"S-2027-{number}"}
        query = {"identifier": "|".join(identifier.values())} if name == "put_fhir" else None
        as_clinic(name, assigned={*fhir, "id", "value"}, query=query, identifier=[identifier])
    as_clinic("list_webhooks", assigned=())
    as_clinic("get_webhook", webhooks.WEBHOOK_ID, assigned=())
    as_clinic("change_webhook", webhooks.WEBHOOK_ID, assigned=())
    created = as_clinic("create_webhook", assigned={"id", "secret"})
    as_clinic("remove_webhook", created["id"])
    invited = as_clinic("create_invitation")
    as_clinic("withdraw_invitation", invited["id"])
    again = as_clinic("create_invitation")
    examples.send("create_consent", code=again["code"])
    end = person.patch(f"/v1/consents/{shown.CONSENT_ID}", json={"status": "inactive"})
    assert end.status_code == 200
    again = as_clinic("create_invitation")
    examples.send("create_consent", code=again["code"])
    end = person.patch(
        f"/v1/consents/{person.get('/v1/consents').json()['items'][0]['id']}", json={"status": "inactive"}
    )
    assert end.status_code == 200
    terms = {"shares": shown.ASKS["shares"], "receives": True, "name": "Ilse"}
    proposed = person.post("/v1/consents", json={"clinic": shown.SHARE_CODE, **terms}).json()
    as_clinic("create_connection", code=proposed["code"])
    examples.send("list_accesses", assigned={"at"})


def _export_in_bulk(examples: ExampleClient) -> None:
    """Execute the examples of bulk exports, as the demo's clinic."""
    scope = " ".join(consents.CLINIC_STATE["scopes"])
    client = examples.server.client(examples.server.services.tokens.issue_to_client(demo.CLIENT_ID, scope))
    starts = [name for name in OPERATIONS if name.startswith("start_") and "export" in name]
    for name in starts:
        method, path, _ = OPERATIONS[name]
        sent = {"json": body_of(name)} if body_of(name) else {"params": {"_type": "Procedure"}}
        started = client.request(method, path.format(type="Patient"), headers={"Prefer": "respond-async"}, **sent)
        assert started.status_code == 202, started.text
        examples.seen.add((name, "202"))
    url = started.headers["content-location"]
    shown = DOCUMENT.example(OPERATIONS["get_export"][2]["responses"]["200"]["content"]["application/json"])
    manifest = client.get(url).json()
    assert_alike(shown, manifest)
    assert [each["type"] for each in manifest["output"]] == ["Procedure"]
    for line in client.get(manifest["output"][0]["url"]).text.splitlines():
        assert orjson.loads(line)["resourceType"] == "Procedure"
    since = client.get("/fhir/$export?_since=2026-01-01", headers={"Prefer": "respond-async"})
    id = since.headers["content-location"].rpartition("/")[2]
    deleted = client.get(f"/fhir/export/deleted/{id}")
    assert (deleted.status_code, deleted.text) == (200, "")
    assert client.delete(url).status_code == 202
    examples.seen |= {
        (name, "202" if name == "delete_export" else "200")
        for name in ("get_export", "delete_export", "download_deletions", "download_resources")
    }


def _join(examples: ExampleClient) -> None:
    examples.send("register")
    examples.set_code("204816", Registration.table())
    examples.sign_in(examples.send("verify", assigned={"id", *REGISTERED}))
    examples.send("logout")
    examples.sign_in(examples.send("login"))
    examples.send("list_devices")
    examples.set_refresh_token("YW4gZXhhbXBsZSBvZiBhIHRva2VuLCAzMiBieXRlcyA")
    examples.sign_in(examples.send("refresh_tokens"))
    examples.send("get_me")
    device = examples.client.get("/v1/auth/devices").json()["items"][-1]
    assert device["name"] == "Tablet"
    examples.send("end_device", device["id"])


def _change_account(examples: ExampleClient) -> None:
    examples.send("change_me")
    examples.send("request_email_change")
    examples.set_code("4RT8NW2CHJ", EmailChange.table())
    examples.send("confirm_email_change", assigned={"id", "email", "display_name", "timezone"})
    examples.client.post("/v1/me/email", json={"password": demo.PASSWORD, "email": demo.EMAIL})
    examples.set_code("4RT8NW2CHJ", EmailChange.table())
    examples.client.post("/v1/me/email/confirm", json=body_of("confirm_email_change"))
    examples.send("logout_all")
    examples.client.headers.pop("Authorization")
    examples.sign_in(examples.client.post("/v1/auth/login", json=body_of("login")).json())
    examples.send("change_password")
    examples.send("forgot_password")
    examples.set_code("7KQ2MX9WDA", ResetCode.table())
    examples.send("reset_password")
    examples.sign_in(examples.client.post("/v1/auth/login", json=body_of("login")).json())
    examples.send("close_account", password=demo.PASSWORD)
    examples.set_code("9TB4RC2HJE", ReopenCode.table())
    examples.send("reopen_account", assigned={"id", "display_name", "timezone"})


def _keep_records(examples: ExampleClient) -> None:
    ids: dict[str, str] = {}
    for resource in RESOURCES:
        one = singular(resource)
        ids[one] = examples.send(f"create_{one}")["id"]
        assert examples.send(f"create_{one}", id=ids[one])["id"] == ids[one]
        examples.send(f"get_{one}", ids[one])
        examples.send(f"list_{resource.collection.replace('-', '_')}")
    for one, id in ids.items():
        examples.send(f"change_{one}", id)
        examples.send(f"get_{one}_history", id, assigned={"id", "written_at", "device_id"})
    for one, id in reversed(ids.items()):
        examples.send(f"remove_{one}", id)
