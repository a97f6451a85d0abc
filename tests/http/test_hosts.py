"""Hosts: in production, a request for another host is refused."""

from collections.abc import Callable

import pytest

from app.settings import Environment
from tests.conftest import Servers
from tests.hostile.raw import RawConnection, RawResponse
from tests.serving import Server

SERVED = ["api.wisteria.example", "API.Wisteria.Example", "api.wisteria.example:443", "api.wisteria.example:"]
OTHER = [
    "wisteria.example",
    "api.wisteria.example.evil.example",
    "evil.example",
    "127.0.0.1",
    "api.wisteria.example@evil.example",
    "api.wisteria.example:443:1",
    "api.wisteria.example, evil.example",
    "",
]


@pytest.fixture(scope="module")
def production(lasting_servers: Servers) -> Server:
    return lasting_servers.start(
        lasting_servers.settings("sqlite", env=Environment.PRODUCTION, issuer="https://api.wisteria.example/v1")
    )


@pytest.fixture
def ask(production: Server) -> Callable[[str, str], RawResponse]:
    def send(host: str, path: str) -> RawResponse:
        with RawConnection(production.address) as connection:
            return connection.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    return send


@pytest.mark.parametrize("host", SERVED)
def test_a_served_host_may_have_capitals_and_a_port(ask: Callable[[str, str], RawResponse], host: str) -> None:
    assert ask(host, "/v1/me").status == 401


@pytest.mark.parametrize("path", ["/v1/me", "/nothing", "/.well-known/jwks.json"])
@pytest.mark.parametrize("host", OTHER, ids=lambda host: host or "empty")
def test_a_request_for_another_host_is_refused(ask: Callable[[str, str], RawResponse], host: str, path: str) -> None:
    reply = ask(host, path)
    assert reply.status == 421
    assert reply.problem["code"] == "misdirected"
    assert "example" not in reply.problem["detail"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/problems/misdirected"])
def test_health_checks_may_have_any_host(ask: Callable[[str, str], RawResponse], path: str) -> None:
    assert ask("10.1.2.3:8000", path).status == 200


def test_a_request_without_a_host_is_refused(production: Server) -> None:
    with RawConnection(production.address) as connection:
        assert connection.send(b"GET /v1/me HTTP/1.0\r\n\r\n").status == 421
        assert connection.send(b"GET /livez HTTP/1.0\r\n\r\n").status == 200


def test_configured_hosts_replace_the_host_of_the_issuer(servers: Servers) -> None:
    settings = servers.settings("sqlite", env=Environment.PRODUCTION, hosts="a.example, B.example")
    assert settings.served_hosts == {"a.example", "b.example"}
    assert servers.settings("sqlite").served_hosts == set()
