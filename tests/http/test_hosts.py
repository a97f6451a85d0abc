"""Hosts: in production a request is for this API's own address, or it is refused."""

from collections.abc import Callable

import pytest

from app.settings import Environment
from tests.conftest import Servers
from tests.hostile.raw import Line, Reply
from tests.serving import Server

OURS = ["api.wisteria.example", "API.Wisteria.Example", "api.wisteria.example:443", "api.wisteria.example:"]
OTHERS = [
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
def production(servers: Servers) -> Server:
    return servers.start(
        servers.settings("sqlite", env=Environment.PRODUCTION, issuer="https://api.wisteria.example/v1")
    )


@pytest.fixture
def ask(production: Server) -> Callable[[str, str], Reply]:
    def asked(host: str, path: str) -> Reply:
        with Line(production.address) as line:
            return line.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    return asked


@pytest.mark.parametrize("host", OURS)
def test_the_hosts_of_this_api_are_known_however_they_are_spelled(ask: Callable[[str, str], Reply], host: str) -> None:
    assert ask(host, "/v1/me").status == 401


@pytest.mark.parametrize("host", OTHERS)
def test_a_request_for_another_host_is_refused(ask: Callable[[str, str], Reply], host: str) -> None:
    for path in ("/v1/me", "/nothing", "/.well-known/jwks.json"):
        reply = ask(host, path)
        assert reply.status == 421
        assert reply.problem["code"] == "misdirected"
        assert "example" not in reply.problem["detail"]


def test_a_balancer_asks_after_health_by_whatever_name(ask: Callable[[str, str], Reply]) -> None:
    for path in ("/livez", "/readyz", "/problems/misdirected"):
        assert ask("10.1.2.3:8000", path).status == 200


def test_a_request_that_names_no_host_is_not_for_us(production: Server) -> None:
    with Line(production.address) as line:
        assert line.send(b"GET /v1/me HTTP/1.0\r\n\r\n").status == 421
        assert line.send(b"GET /livez HTTP/1.0\r\n\r\n").status == 200


def test_named_hosts_stand_for_the_issuers(servers: Servers) -> None:
    settings = servers.settings("sqlite", env=Environment.PRODUCTION, hosts="a.example, B.example")
    assert settings.served_hosts == {"a.example", "b.example"}
    assert servers.settings("sqlite").served_hosts == set()
