"""The headers of every response, the log line of every request, and CORS."""

import json

import pytest

from app.identity.tables import Role
from app.ids import new_id
from app.settings import Environment
from tests.conftest import Servers
from tests.drafts import draft_of, resource_of
from tests.hostile.raw import RawConnection
from tests.serving import Person, Server
from tests.witness import DOCUMENT, PAGES

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
ANSWERS = (("GET", "/v1/me", 200), ("GET", "/wisteria", 404), ("PUT", "/v1/me", 405), ("POST", "/v1/sessions", 415))


def test_every_response_has_the_security_headers(server: Server, connection: RawConnection, alice: Person) -> None:
    bearer = [("Authorization", f"Bearer {alice.token}")]
    for method, target, status in (*ANSWERS, ("HEAD", "/v1/me", 200), ("POST", "/v1/auth/logout", 204)):
        reply = connection.request(method, target, bearer)
        assert reply.status == status
        assert {name: reply.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert reply.headers["server"] is None
        assert reply.headers["strict-transport-security"] is None
        assert len(reply.headers.get_all("content-length", [])) == (0 if status == 204 else 1)
    assert connection.request("GET", "/v1/me", bearer).status == 401
    assert "no-store" not in server.anyone.get("/problems/not-found").headers["cache-control"]


def test_production_has_strict_transport_security_and_no_docs(servers: Servers) -> None:
    server = servers.start(servers.settings("sqlite", env=Environment.PRODUCTION, hosts="127.0.0.1"))
    answer = server.anyone.get("/livez")
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    for page in (*PAGES, "/docs/assets/swagger-ui.css"):
        assert server.anyone.get(page).status_code == 404


@pytest.mark.parametrize("sent", ["a", "A-z_0.9", "w" * 64, "019aa2c4-7b00-7000-8000-00000000beef"])
def test_a_valid_request_id_is_kept(connection: RawConnection, sent: str) -> None:
    for target in ("/livez", "/nothing"):
        reply = connection.request("GET", target, [("X-Request-Id", sent)])
        assert reply.headers.get_all("x-request-id") == [sent]
    assert reply.problem["request_id"] == sent


@pytest.mark.parametrize(
    "sent", ["", "w" * 65, "wis teria", "wisteria\u00e9", '"', "<script>", "a,b", "a\tb", "wisteria;"]
)
def test_an_invalid_request_id_is_replaced(connection: RawConnection, sent: str) -> None:
    first, second = (connection.request("GET", "/nothing", [("X-Request-Id", sent)]) for _ in range(2))
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(ids) == 2
    assert sent not in ids
    assert first.problem["request_id"] == first.headers["x-request-id"]


def test_each_request_is_logged_in_one_line_without_what_was_sent(
    connection: RawConnection, alice: Person, every_log_line: list[str]
) -> None:
    bearer = ("Authorization", f"Bearer {alice.token}")
    draft = draft_of(resource_of("sessions"), alice)
    body = json.dumps(draft).encode()
    requests: list[tuple[str, str, list[tuple[str, str]], bytes | None]] = [
        ("POST", "/v1/sessions", [bearer, ("Content-Type", "application/json")], body),
        ("GET", f"/v1/sessions/{draft['id']}", [bearer], None),
        ("HEAD", f"/v1/sessions/{draft['id']}", [bearer], None),
        ("GET", "/v1/sessions?wisteria=wisteria", [bearer], None),
        ("GET", "/v1/sessions", [], None),
        ("GET", "/wisteria/wisteria?wisteria", [bearer], None),
        ("DELETE", "/v1/sessions", [bearer], None),
        ("POST", "/v1/auth/login", [("Content-Type", "application/json")], b'{"email": "wisteria@example.com"}'),
    ]
    expected = [
        ("POST", "/v1/sessions", 201, str(alice.id)),
        ("GET", "/v1/sessions/{id}", 200, str(alice.id)),
        ("HEAD", "/v1/sessions/{id}", 200, str(alice.id)),
        ("GET", "/v1/sessions", 422, str(alice.id)),
        ("GET", "/v1/sessions", 401, None),
        ("GET", "-", 404, None),
        ("DELETE", "-", 405, None),
        ("POST", "/v1/auth/login", 422, None),
    ]
    for request, (method, route, status, account) in zip(requests, expected, strict=True):
        id = str(new_id())
        assert (
            connection.request(request[0], request[1], [*request[2], ("X-Request-Id", id)], request[3]).status == status
        )
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
            "account_id": account,
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


def test_exactly_the_configured_origins_are_admitted(servers: Servers) -> None:
    server = servers.start(servers.settings("sqlite", origins=f"{ORIGIN},https://other.example.com:8443"))
    preflight = [
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", "authorization,if-match"),
    ]
    with RawConnection(server.address) as connection:
        for origin in (ORIGIN, "https://other.example.com:8443"):
            reply = connection.request("OPTIONS", "/v1/me", [("Origin", origin), *preflight])
            assert (reply.status, reply.headers["access-control-allow-origin"]) == (204, origin)
            assert "PATCH" in reply.headers["access-control-allow-methods"]
            assert set(reply.headers["access-control-allow-headers"].split(", ")) > READ_HEADERS
            reply = connection.request("GET", "/v1/me", [("Origin", origin)])
            assert (reply.status, reply.headers["access-control-allow-origin"]) == (401, origin)
            assert "ETag" in reply.headers["access-control-expose-headers"]
            assert reply.headers["vary"] == "Origin"
            assert reply.headers["x-request-id"]
        for origin in (
            "null",
            "*",
            "http://app.example.com",
            f"{ORIGIN}:443",
            f"{ORIGIN}/",
            f"{ORIGIN}.wisteria.example",
            "https://APP.example.com",
            "https://wisteria-app.example.com",
            "https://a.app.example.com",
        ):
            refused = connection.request("OPTIONS", "/v1/me", [("Origin", origin), *preflight])
            assert refused.problem["code"] == "method-not-allowed"
            for reply in (refused, connection.request("GET", "/livez", [("Origin", origin)])):
                assert reply.headers["access-control-allow-origin"] is None
                assert reply.headers["access-control-allow-credentials"] is None
                assert reply.headers["vary"] == "Origin"
                assert b"wisteria" not in reply.body
        both = connection.request("GET", "/livez", [("Origin", ORIGIN), ("Origin", ORIGIN)])
        assert both.headers["access-control-allow-origin"] is None
        plain = connection.request("OPTIONS", "/v1/me", [("Origin", ORIGIN)])
        assert (plain.status, plain.headers["access-control-allow-origin"]) == (405, ORIGIN)


def test_an_asterisk_admits_every_origin(servers: Servers) -> None:
    server = servers.start(servers.settings("sqlite", origins="*"))
    with RawConnection(server.address) as connection:
        assert connection.request("GET", "/livez", [("Origin", ORIGIN)]).headers["access-control-allow-origin"] == "*"
        assert connection.request("GET", "/livez").headers["access-control-allow-origin"] is None
        assert connection.request("GET", "/#", [("Origin", ORIGIN)]).headers["access-control-allow-origin"] == "*"


def test_no_origin_is_admitted_by_default(connection: RawConnection) -> None:
    for method in ("OPTIONS", "GET"):
        reply = connection.request(method, "/v1/me", [("Origin", ORIGIN), ("Access-Control-Request-Method", "GET")])
        assert reply.status == (405 if method == "OPTIONS" else 401)
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]


LOCAL_ORIGINS = (
    "http://localhost:5173",
    "http://127.0.0.1:3000",
    "http://[::1]:8080",
    "https://localhost",
    "http://app.localhost:4321",
)
OTHER_ORIGINS = (
    "null",
    "http://localhost.wisteria.example",
    "http://wisteria-localhost:5173",
    "http://127.0.0.1.wisteria.example:80",
    "http://localhost:5173/",
    "http://localhost:wisteria",
    "http://192.168.1.5:5173",
    "capacitor://localhost",
)
PREFLIGHT = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type")]


@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
def test_development_admits_every_port_of_this_machine(connection: RawConnection, origin: str) -> None:
    for method, target, status in (("OPTIONS", "/v1/auth/login", 204), ("GET", "/v1/me", 401), ("GET", "/#", 400)):
        reply = connection.request(method, target, [("Origin", origin), *(PREFLIGHT if method == "OPTIONS" else [])])
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (status, origin)
        assert reply.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_development_admits_no_other_origin(connection: RawConnection, origin: str) -> None:
    for method, status in (("OPTIONS", 405), ("GET", 401)):
        reply = connection.request(method, "/v1/me", [("Origin", origin), *(PREFLIGHT if method == "OPTIONS" else [])])
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (status, None)


@pytest.mark.parametrize("changes", [{"env": "production", "hosts": "127.0.0.1"}, {"origins": ORIGIN}], ids=str)
def test_local_origins_are_not_admitted_in_production_or_beside_configured_ones(
    servers: Servers, changes: dict[str, str]
) -> None:
    with RawConnection(servers.shared("sqlite", **changes).address) as connection:
        for method in ("OPTIONS", "GET"):
            reply = connection.request(method, "/v1/me", [("Origin", LOCAL_ORIGINS[0]), *PREFLIGHT])
            assert reply.headers["access-control-allow-origin"] is None
