"""Exports of large accounts: made as fast as the client reads, limited in number, and nothing is left of one that ends."""

import asyncio
import base64
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path

import httpx2 as httpx
import pytest

from app.archive import exporting
from app.archive.exporting import archive_of
from app.archive.spool import Spool
from app.composition import MAX_EXPORTS
from app.db import Row
from app.http import streaming
from tests.archive.archives import ExportedArchive, export
from tests.drafts import create_record, resource_of
from tests.hostile.raw import SECONDS, request_bytes
from tests.refusals import refused
from tests.serving import Person, Server
from tests.sync.sync_client import SyncClient, upsert
from tests.waiting import wait_until

REFLECTIONS = resource_of("reflections")
TEMPORARY_FILES = 2
"""The files of an export: the records, and the access log."""


@pytest.fixture
def server(exporting_server: Server) -> Server:
    """The server of exports."""
    return exporting_server


def big_reflections(server: Server, person: Person, megabytes: int) -> None:
    """Push reflections with random text, which hardly becomes smaller by compression."""
    for _ in range(megabytes):
        bodies = [base64.b64encode(os.urandom(70_000)).decode() for _ in range(11)]
        SyncClient(person).push(*(upsert("reflections", set={"body": body}) for body in bodies))
    assert server.services.exports.taken == 0


def open_files() -> int:
    """Return the number of this process's open files that never had a name."""
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += each.readlink().name.startswith("#")
    return found


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each part of an archive that was made so far."""
    made: list[int] = []

    def noted(spool: Spool, account: Row, moment: datetime) -> Iterator[bytes]:
        for part in archive_of(spool, account, moment):
            made.append(len(part))
            yield part

    monkeypatch.setattr(exporting, "archive_of", noted)
    return made


def requested(server: Server, person: Person) -> socket.socket:
    """Return a connection on which an export was requested and nothing is read."""
    connection = socket.create_connection(server.address, timeout=SECONDS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.sendall(request_bytes("GET", "/v1/export", [("Authorization", f"Bearer {person.token}")]))
    return connection


def stalled(steps: list[int]) -> int:
    """Wait until no more parts are made; return how many there are."""
    wait_until(lambda: len(steps) > 0)
    known = 0
    while known != len(steps):
        known = len(steps)
        time.sleep(0.3)
    return known


def test_an_archive_is_made_as_fast_as_the_client_reads(server: Server, alice: Person, steps: list[int]) -> None:
    big_reflections(server, alice, 12)
    with requested(server, alice) as connection:
        made = stalled(steps)
        assert sum(steps) < 9_000_000
        assert create_record(alice.client, REFLECTIONS, alice)["id"]  # others are served, and no connection is held
        with HTTPResponse(connection) as response:
            response.begin()
            archive = ExportedArchive(response.read())
    assert len(steps) > made
    assert len(archive.records("reflections")) == 12 * 11
    wait_until(lambda: server.services.exports.taken == 0)


def test_a_client_that_disconnects_frees_everything(server: Server, alice: Person, steps: list[int]) -> None:
    big_reflections(server, alice, 12)
    before = open_files()
    for _ in range(2):
        with requested(server, alice):
            stalled(steps)
            assert open_files() == before + TEMPORARY_FILES
            assert server.services.exports.taken == 1
        wait_until(lambda: server.services.exports.taken == 0)
        assert open_files() == before


def test_a_worker_sends_a_limited_number_of_exports_at_once(server: Server, alice: Person, bob: Person) -> None:
    big_reflections(server, alice, 12)
    with ExitStack() as stack:
        for _ in range(MAX_EXPORTS):
            stack.enter_context(requested(server, alice))
        wait_until(lambda: server.services.exports.taken == MAX_EXPORTS)

        response = bob.client.get("/v1/export")

        refused(response, 503, "unavailable")
        assert response.headers["retry-after"] == "10"
        assert bob.client.get("/v1/me").status_code == 200
    wait_until(lambda: server.services.exports.taken == 0)
    export(bob)


def test_a_client_that_reads_too_slowly_gets_no_end(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "GRACE_SECONDS", -1000.0)

    with pytest.raises(httpx.RemoteProtocolError):
        alice.client.get("/v1/export")

    wait_until(lambda: server.services.exports.taken == 0)
    monkeypatch.undo()
    export(alice)


async def cancel_requests() -> None:
    """Cancel what is being answered, as a worker does when its time to stop is over."""
    for task in asyncio.all_tasks():
        if "run_asgi" in str(task.get_coro()):
            task.cancel()


def test_a_worker_that_stops_ends_an_export(server: Server, alice: Person, steps: list[int]) -> None:
    big_reflections(server, alice, 12)
    before = open_files()
    with requested(server, alice) as connection:
        stalled(steps)
        assert open_files() == before + TEMPORARY_FILES
        server.run(cancel_requests())
        wait_until(lambda: open_files() == before)
        assert server.services.exports.taken == 0
        with HTTPResponse(connection) as response:
            response.begin()
            with pytest.raises(IncompleteRead):
                response.read()
