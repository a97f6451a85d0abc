"""The headers of every response, the log line of every request, and CORS."""

import json
from collections.abc import Iterator

import pytest

from app.identity.tables import Role
from app.ids import new_id
from app.settings import Environment
from tests.conftest import Servers
from tests.drafts import create_record, resource_of
from tests.hostile.raw import RawConnection
from tests.serving import Person, Server
from tests.witness import DOCUMENT, PAGES, Client

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
ANSWERS = (
    ("GET", "/v1/me", 200),
    ("HEAD", "/v1/me", 200),
    ("POST", "/v1/auth/logout", 204),
    ("GET", "/wisteria", 404),
    ("PUT", "/v1/me", 405),
    ("POST", "/v1/sessions", 415),
)
LOGIN = "/v1/auth/login"
LOGGED: dict[str, tuple[str, str, bytes | None, bool, str, int]] = {
    "a creation": ("POST", "/v1/sessions", b'{"title": "wisteria"}', True, "/v1/sessions", 201),
    "a record": ("GET", "/v1/sessions/{id}", None, True, "/v1/sessions/{id}", 200),
    "the head of a record": ("HEAD", "/v1/sessions/{id}", None, True, "/v1/sessions/{id}", 200),
    "an unknown parameter": ("GET", "/v1/sessions?wisteria=wisteria", None, True, "/v1/sessions", 422),
    "no token": ("GET", "/v1/sessions", None, False, "/v1/sessions", 401),
    "an unknown path": ("GET", "/wisteria/wisteria?wisteria", None, True, "-", 404),
    "a wrong method": ("DELETE", "/v1/sessions", None, True, "-", 405),
    "an incomplete body": ("POST", LOGIN, b'{"email": "wisteria@example.com"}', False, LOGIN, 422),
}
"""By case: method, target, body, whether it is signed in; and the route and the status of its log line."""


@pytest.mark.parametrize(("method", "target", "status"), ANSWERS)
def test_every_response_has_the_security_headers(
    connection: RawConnection, alice: Person, *, method: str, target: str, status: int
) -> None:
    reply = connection.request(method, target, [("Authorization", f"Bearer {alice.token}")])
    assert reply.status == status
    assert {name: reply.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert reply.headers["server"] is None
    assert reply.headers["strict-transport-security"] is None
    assert len(reply.headers.get_all("content-length", [])) == (0 if status == 204 else 1)


def test_the_explanation_of_a_problem_may_be_stored(anyone: Client) -> None:
    assert "no-store" not in anyone.get("/problems/not-found").headers["cache-control"]


def test_production_has_strict_transport_security_and_no_docs(servers: Servers) -> None:
    server = servers.start(servers.settings("sqlite", env=Environment.PRODUCTION, hosts="127.0.0.1"))
    answer = server.anyone.get("/livez")
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    pages = (*PAGES, "/docs/assets/swagger-ui.css")
    assert {page: server.anyone.get(page).status_code for page in pages} == dict.fromkeys(pages, 404)


@pytest.mark.parametrize("sent", ["a", "A-z_0.9", "w" * 64, "019aa2c4-7b00-7000-8000-00000000beef"])
def test_a_valid_request_id_is_kept(connection: RawConnection, sent: str) -> None:
    found, missing = (connection.request("GET", path, [("X-Request-Id", sent)]) for path in ("/livez", "/nothing"))
    assert [reply.headers.get_all("x-request-id") for reply in (found, missing)] == [[sent], [sent]]
    assert missing.problem["request_id"] == sent


@pytest.mark.parametrize(
    "sent", ["", "w" * 65, "wis teria", "wisteria\u00e9", '"', "<script>", "a,b", "a\tb", "wisteria;"]
)
def test_an_invalid_request_id_is_replaced(connection: RawConnection, sent: str) -> None:
    first, second = (connection.request("GET", "/nothing", [("X-Request-Id", sent)]) for _ in range(2))
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(ids) == 2
    assert sent not in ids
    assert first.problem["request_id"] == first.headers["x-request-id"]


@pytest.mark.parametrize(("method", "target", "body", "signed_in", "route", "status"), LOGGED.values(), ids=LOGGED)
def test_each_request_is_logged_in_one_line_without_what_was_sent(
    connection: RawConnection,
    alice: Person,
    every_log_line: list[str],
    *,
    method: str,
    target: str,
    body: bytes | None,
    signed_in: bool,
    route: str,
    status: int,
) -> None:
    session, id = create_record(alice.client, resource_of("sessions"), alice), str(new_id())
    headers = [("X-Request-Id", id), ("Content-Type", "application/json")]
    headers += [("Authorization", f"Bearer {alice.token}")] if signed_in else []
    assert connection.request(method, target.format_map(session), headers, body).status == status
    connection.request("GET", "/livez")  # on the same connection, so that the line before it is out
    (entry,) = [json.loads(each) for each in every_log_line if id in each]
    assert entry.pop("milliseconds") >= 0
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "info",
        "logger": "afterglow.requests",
        "request_id": id,
        "route": route,
        "method": method,
        "status": status,
        "account_id": str(alice.id) if signed_in and route != "-" else None,
    }


@pytest.mark.parametrize("role", list(Role))
def test_every_role_can_read_its_account(server: Server, role: Role) -> None:
    assert server.person(role=role).client.get("/v1/me").json()["role"] == role


READ_HEADERS = {
    parameter["name"]
    for operations in DOCUMENT.paths.values()
    for operation in operations.values()
    for parameter in operation.get("parameters", ())
    if parameter["in"] == "header"
}
"""The request headers that operations read."""
ORIGIN = "https://app.example.com"
ADMITTED = (ORIGIN, "https://other.example.com:8443")
NOT_ADMITTED = (
    "null",
    "*",
    "http://app.example.com",
    f"{ORIGIN}:443",
    f"{ORIGIN}/",
    f"{ORIGIN}.wisteria.example",
    "https://APP.example.com",
    "https://wisteria-app.example.com",
    "https://a.app.example.com",
)
PATCH_PREFLIGHT = [
    ("Access-Control-Request-Method", "PATCH"),
    ("Access-Control-Request-Headers", "authorization,if-match"),
]


@pytest.fixture
def configured(servers: Servers) -> Iterator[RawConnection]:
    """A connection to a server that admits two origins."""
    with RawConnection(servers.shared("sqlite", origins=",".join(ADMITTED)).address) as connection:
        yield connection


@pytest.mark.parametrize("origin", ADMITTED)
def test_the_configured_origins_are_admitted(configured: RawConnection, origin: str) -> None:
    reply = configured.request("OPTIONS", "/v1/me", [("Origin", origin), *PATCH_PREFLIGHT])
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (204, origin)
    assert "PATCH" in reply.headers["access-control-allow-methods"]
    assert set(reply.headers["access-control-allow-headers"].split(", ")) > READ_HEADERS | {"traceparent", "tracestate"}
    reply = configured.request("GET", "/v1/me", [("Origin", origin)])
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (401, origin)
    assert "ETag" in reply.headers["access-control-expose-headers"]
    assert reply.headers["vary"] == "Origin"
    assert reply.headers["x-request-id"]


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
@pytest.mark.parametrize("origin", NOT_ADMITTED)
def test_no_origin_is_admitted_beside_the_configured_ones(configured: RawConnection, origin: str, method: str) -> None:
    preflight = PATCH_PREFLIGHT if method == "OPTIONS" else []
    reply = configured.request(method, "/v1/me", [("Origin", origin), *preflight])
    assert reply.problem["code"] == ("method-not-allowed" if method == "OPTIONS" else "not-signed-in")
    assert reply.headers["access-control-allow-origin"] is None
    assert reply.headers["access-control-allow-credentials"] is None
    assert reply.headers["vary"] == "Origin"
    assert b"wisteria" not in reply.body


def test_a_request_with_two_origins_is_not_admitted(configured: RawConnection) -> None:
    reply = configured.request("GET", "/livez", [("Origin", ORIGIN), ("Origin", ORIGIN)])
    assert reply.headers["access-control-allow-origin"] is None


def test_a_browser_can_read_the_refusal_of_a_preflight_without_a_method(configured: RawConnection) -> None:
    reply = configured.request("OPTIONS", "/v1/me", [("Origin", ORIGIN)])
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (405, ORIGIN)


def test_an_asterisk_admits_every_origin(servers: Servers) -> None:
    server = servers.start(servers.settings("sqlite", origins="*"))
    with RawConnection(server.address) as connection:
        assert connection.request("GET", "/livez", [("Origin", ORIGIN)]).headers["access-control-allow-origin"] == "*"
        assert connection.request("GET", "/livez").headers["access-control-allow-origin"] is None
        assert connection.request("GET", "/#", [("Origin", ORIGIN)]).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 405), ("GET", 401)])
def test_no_origin_is_admitted_by_default(connection: RawConnection, method: str, status: int) -> None:
    reply = connection.request(method, "/v1/me", [("Origin", ORIGIN), ("Access-Control-Request-Method", "GET")])
    assert reply.status == status
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]


LOCAL_ORIGINS = (
    "http://localhost:5173",
    "http://127.0.0.1:3000",
    "http://[::1]:8080",
    "https://localhost",
    "http://app.localhost:4321",
    "capacitor://localhost",
    "ionic://localhost",
)
OTHER_ORIGINS = (
    "null",
    "http://localhost.wisteria.example",
    "http://wisteria-localhost:5173",
    "http://127.0.0.1.wisteria.example:80",
    "http://localhost:5173/",
    "http://localhost:wisteria",
    "http://192.168.1.5:5173",
    "capacitor://localhost:5173",
    "capacitor://wisteria",
)
PREFLIGHT = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type")]


@pytest.mark.parametrize(
    ("method", "target", "status"), [("OPTIONS", "/v1/auth/login", 204), ("GET", "/v1/me", 401), ("GET", "/#", 400)]
)
@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
def test_development_admits_every_port_of_this_machine(
    connection: RawConnection, origin: str, *, method: str, target: str, status: int
) -> None:
    reply = connection.request(method, target, [("Origin", origin), *(PREFLIGHT if method == "OPTIONS" else [])])
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (status, origin)
    assert reply.headers["vary"] == "Origin"


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 405), ("GET", 401)])
@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_development_admits_no_other_origin(connection: RawConnection, origin: str, method: str, status: int) -> None:
    reply = connection.request(method, "/v1/me", [("Origin", origin), *(PREFLIGHT if method == "OPTIONS" else [])])
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (status, None)


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
@pytest.mark.parametrize(
    "changes", [{"env": "production", "hosts": "127.0.0.1"}, {"origins": ORIGIN}], ids=["production", "configured"]
)
def test_local_origins_are_not_admitted_in_production_or_beside_configured_ones(
    servers: Servers, changes: dict[str, str], method: str
) -> None:
    with RawConnection(servers.shared("sqlite", **changes).address) as connection:
        reply = connection.request(method, "/v1/me", [("Origin", LOCAL_ORIGINS[0]), *PREFLIGHT])
    assert reply.headers["access-control-allow-origin"] is None
