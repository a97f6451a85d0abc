"""Graceful shutdown: the server stops being ready first, finishes the requests in flight, and exits with status 0."""

import signal
import socket
import time
from contextlib import closing

import httpx2 as httpx
import pytest

from tests.conftest import Databases
from tests.hostile.raw import request_bytes
from tests.house.commands import SECONDS, running_server
from tests.serving import address_of

pytestmark = pytest.mark.usefixtures("empty_folder")
BODY = b'{"email": "nobody@example.com", "password": "wisteria-and-rain"}'
REST = BODY[len(BODY) // 2 :]


def start_sign_in(url: str) -> socket.socket:
    """Return a connection on which a sign-in was sent, without the `REST` of its body."""
    connection = socket.create_connection(address_of(url), timeout=SECONDS)
    content = request_bytes("POST", "/v1/auth/login", [("Content-Type", "application/json")], BODY)
    connection.sendall(content.removesuffix(REST))
    return connection


def wait_until_closed(url: str) -> None:
    """Wait until the server accepts no more connections."""
    while True:
        try:
            httpx.get(f"{url}/livez")
        except httpx.TransportError:
            return
        time.sleep(0.02)


def test_a_server_that_stops_is_not_ready_and_finishes_the_requests_in_flight(
    databases: Databases, database: str
) -> None:
    settings = {"database_url": databases.fresh(database), "drain_seconds": "2"}
    with (
        running_server(**settings) as (url, process),
        closing(start_sign_in(url)) as connection,
        httpx.Client(base_url=url) as balancer,
    ):
        assert balancer.get("/readyz").status_code == 200
        process.send_signal(signal.SIGTERM)
        while balancer.get("/readyz").status_code == 200:
            assert process.poll() is None
        assert balancer.get("/readyz").status_code == 503
        assert balancer.get("/livez").status_code == 200
        assert httpx.get(f"{url}/v1/me").status_code == 401  # new connections are still served
        wait_until_closed(url)
        assert process.poll() is None
        connection.sendall(REST)
        response = connection.recv(65536)
        _, err = process.communicate(timeout=SECONDS)
    assert response.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nconnection: close\r\n" in response
    assert process.returncode == 0
    assert "Traceback" not in err


def test_an_interrupted_server_does_not_wait_for_load_balancers(databases: Databases) -> None:
    drain = 20
    with running_server(database_url=databases.fresh("sqlite"), drain_seconds=str(drain)) as (_, process):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=drain)


def test_all_workers_finish_their_requests_and_stop(databases: Databases) -> None:
    settings = {"database_url": databases.fresh("postgresql"), "drain_seconds": "1"}
    with running_server("--workers", "2", **settings) as (url, process), closing(start_sign_in(url)) as connection:
        process.send_signal(signal.SIGTERM)
        wait_until_closed(url)
        connection.sendall(REST)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0
