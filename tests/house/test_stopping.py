"""Stopping: readiness goes off first, what was begun is finished, and the end is status 0."""

import signal
import socket
import time
from contextlib import closing

import httpx2 as httpx
import pytest

from tests.conftest import Databases
from tests.hostile.raw import request
from tests.house.commands import SECONDS, running_server

pytestmark = pytest.mark.usefixtures("empty_folder")
BODY = b'{"email": "nobody@example.com", "password": "wisteria-and-rain"}'
HALF = len(BODY) // 2


def slowly(url: str) -> socket.socket:
    """Begin a sign-in, and send half of its body."""
    host, _, port = url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=SECONDS)
    whole = request("POST", "/v1/auth/login", [("Content-Type", "application/json")], BODY)
    connection.sendall(whole[:-HALF])
    return connection


def refuses(url: str) -> bool:
    """Say whether nobody takes connections there."""
    try:
        httpx.get(f"{url}/livez")
    except httpx.TransportError:
        return True
    return False


def test_a_server_that_stops_is_not_ready_and_finishes_what_it_began(databases: Databases, database: str) -> None:
    settings = {"database_url": databases.fresh(database), "drain_seconds": "2"}
    with (
        running_server(**settings) as (url, process),
        closing(slowly(url)) as begun,
        httpx.Client(base_url=url) as balancer,
    ):
        assert balancer.get("/readyz").status_code == 200
        process.send_signal(signal.SIGTERM)
        while balancer.get("/readyz").status_code == 200:
            assert process.poll() is None
        assert balancer.get("/readyz").status_code == 503
        assert balancer.get("/livez").status_code == 200
        assert httpx.get(f"{url}/v1/me").status_code == 401  # who has not heard of it yet is still served
        while not refuses(url):
            time.sleep(0.02)
        assert process.poll() is None
        begun.sendall(BODY[-HALF:])
        answer = begun.recv(65536)
        _, err = process.communicate(timeout=SECONDS)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert process.returncode == 0
    assert "Traceback" not in err


def test_an_interrupted_server_does_not_wait_for_balancers(databases: Databases) -> None:
    drain = 20
    with running_server(database_url=databases.fresh("sqlite"), drain_seconds=str(drain)) as (_, process):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=drain)


def test_several_workers_stop_one_and_all(databases: Databases) -> None:
    settings = {"database_url": databases.fresh("postgresql"), "drain_seconds": "1"}
    with running_server("--workers", "2", **settings) as (url, process), closing(slowly(url)) as begun:
        process.send_signal(signal.SIGTERM)
        while not refuses(url):
            time.sleep(0.02)
        begun.sendall(BODY[-HALF:])
        assert begun.recv(65536).startswith(b"HTTP/1.1 401 ")
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0
