"""`GET /metrics` of a started server: what it counts, that it says nothing personal, and workers that end."""

import os
import re
import signal
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx2 as httpx
import pytest

from app import demo
from app.ids import new_id
from tests.conftest import Databases
from tests.house.commands import SECONDS, afterglow, assert_fails, running_server, terminate
from tests.house.metrics_page import FAMILIES, Metrics, closed_sets
from tests.log_lines import MARK
from tests.serving import Server
from tests.waiting import wait_until
from tests.witness import Client

CREDENTIALS = {"email": demo.EMAIL, "password": demo.PASSWORD}
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
SERVERS = [("sqlite", 1), ("postgresql", 1), ("postgresql", 2)]

pytestmark = pytest.mark.usefixtures("empty_folder")


def sign_in(url: str) -> str:
    """Return an access token of the demo's person."""
    with Client(url) as anyone:
        return str(anyone.post("/v1/auth/login", json=CREDENTIALS).json()["access_token"])


def conflict_of(client: Client, intention: dict[str, object]) -> str:
    """Push a change that is based on an older version than the one that changed the same field; return the outcome."""
    path = f"/v1/intentions/{intention['id']}"
    changed = client.patch(path, json={"statement": f"{MARK}, changed"}, headers={"If-Match": "*"})
    assert changed.status_code == 200
    op = {"op": "upsert", "collection": "intentions", "id": intention["id"], "base": intention["version"]}
    pushed = client.post("/v1/sync/push", json={"ops": [op | {"set": {"statement": f"{MARK}, changed offline"}}]})
    return str(pushed.json()["results"][0]["outcome"])


@pytest.mark.parametrize(("database", "workers"), SERVERS)
def test_the_page_counts_what_happened_and_says_nothing_personal(
    databases: Databases, database: str, workers: int
) -> None:
    metrics = Metrics()
    settings = {"database_url": databases.fresh(database)} | metrics.for_server
    with running_server("--demo", "--workers", str(workers), **settings) as (url, process):
        wait_until(lambda: metrics.read().value("workers") == workers, SECONDS)
        with Client(url, sign_in(url)) as ilse, httpx.Client(base_url=url) as stranger:
            draft = {"id": str(new_id()), "kind": "integration", "statement": f"{MARK} at the gate"}
            intention = ilse.post("/v1/intentions", json=draft).json()
            assert conflict_of(ilse, intention) == "conflict"
            assert ilse.get(f"/v1/intentions/{draft['id']}").status_code == 200
            for path in (f"/{MARK}", f"/v1/{MARK}/{draft['id']}", f"/v1/sessions?{MARK}={demo.EMAIL}"):
                assert stranger.get(path).status_code in {401, 404}
            assert stranger.request("PURGE", "/v1/sessions").status_code == 405
            headers = {"Authorization": f"Bearer {sign_in(url)}"}
            with stranger.stream("GET", "/v1/sync/events", headers=headers) as stream:
                events = stream.iter_bytes()
                assert next(events)
                wait_until(lambda: metrics.read().value("jobs") == 0, SECONDS)  # the e-mail about a new device
                page = metrics.read()
                assert page.value("waiting_requests", kind="event-stream") == 1
                assert page.value("waiting_requests", kind="long-poll") == 0
        assert terminate(process).status == 0

    def requests(method: str, route: str, status: int) -> float:
        return page.value("request_duration_seconds_count", method=method, route=route, status=str(status))

    assert page.value("workers") == workers
    assert requests("POST", "/v1/auth/login", 200) == 2
    assert requests("POST", "/v1/intentions", 201) == 1
    assert requests("GET", "/v1/intentions/{id}", 200) == 1
    assert requests("GET", "-", 404) == 2
    assert requests("other", "-", 405) == 1
    assert requests("GET", "/v1/sessions", 401) == 1
    assert page.value("request_duration_seconds_sum", route="/v1/auth/login") > 0
    assert page.value("sync_operations_total", outcome="conflict") == 1
    assert page.value("sync_operations_total") == 1
    assert page.value("database_pool_size") == (1 if database == "sqlite" else 8 * workers)
    assert page.value("jobs") == page.value("requests_shed_total") == page.value("database_errors_total") == 0
    for family in FAMILIES:
        assert f"# HELP afterglow_{family.name}" in page.text
    allowed = closed_sets()
    for sample in page.samples:
        assert sample.name.startswith("afterglow_")
        for label, value in sample.labels.items():
            assert value in allowed[label], (label, value)
    assert MARK not in page.text
    assert "@" not in page.text
    assert "ilse" not in page.text.lower()
    assert not ID.search(page.text)


def workers_of(parent: int) -> set[int]:
    """Return the ids of the worker processes of a server."""
    children = [int(id) for id in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return {id for id in children if b"spawn_main" in command_line(id)}


def command_line(id: int) -> bytes:
    """Return the command line of a process; nothing if it has ended in the meantime."""
    try:
        return Path(f"/proc/{id}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.fixture
def temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files of new processes, with a path that is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="m") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def test_counters_never_go_down_when_workers_end(databases: Databases, temporary_folder: Path) -> None:
    metrics = Metrics()
    settings = {"database_url": databases.fresh("postgresql")} | metrics.for_server
    with running_server("--workers", "2", **settings) as (url, process):

        def call(times: int) -> None:
            for _ in range(times):
                assert httpx.get(f"{url}/v1/me").status_code == 401

        def calls() -> float:
            return metrics.read().value("request_duration_seconds_count", route="/v1/me")

        def have_been_replaced(workers: set[int]) -> bool:
            return not workers & workers_of(process.pid) and metrics.read().value("workers") == 2

        wait_until(lambda: metrics.read().value("workers") == 2, SECONDS)
        (folder,) = temporary_folder.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        call(20)
        before = metrics.read()
        assert calls() == 20
        killed = workers_of(process.pid)
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        after = metrics.read().counters()
        assert {key: value for key, value in before.counters().items() if after[key] < value} == {}
        wait_until(lambda: have_been_replaced(killed), SECONDS)
        call(10)  # not read before the workers end: they leave it
        ended = workers_of(process.pid)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: have_been_replaced(ended), SECONDS)
        assert calls() == 30
        assert terminate(process).status == 0
    assert not [*temporary_folder.iterdir()]


def test_refused_requests_and_busy_threads_are_counted(databases: Databases) -> None:
    metrics = Metrics()
    settings = {"database_url": databases.fresh("sqlite"), "max_in_flight": "2", "hash_threads": "1"}
    wrong = {"email": "nobody@wisteria.example", "password": "wisteria wisteria"}
    with running_server(**settings, **metrics.for_server) as (url, process):
        pages = []

        def attempt(_: int) -> int:
            return httpx.post(f"{url}/v1/auth/login", json=wrong).status_code

        with ThreadPoolExecutor(12) as threads:
            attempts = threads.map(attempt, range(12))
            pages = [metrics.read() for _ in range(20)]
            statuses = [*attempts]
        page = metrics.read()
        terminate(process)
    assert statuses.count(503) == page.value("requests_shed_total") > 0
    assert statuses.count(401) == page.value("request_duration_seconds_count", route="/v1/auth/login", status="401") > 0
    assert max(each.value("password_hashes_running") for each in pages) == 1
    assert max(each.value("password_hashes_waiting") for each in pages) == 1
    assert max(each.value("requests_in_flight") for each in pages) == 2
    assert page.value("requests_in_flight") == page.value("password_hashes_running") == 0


def test_failures_of_the_database_are_counted_by_their_reason(databases: Databases) -> None:
    metrics = Metrics()
    url = databases.fresh("sqlite")
    with running_server(database_url=url, **metrics.for_server) as (api, process):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute("DROP TABLE job")
            file.execute("ALTER TABLE alembic_version RENAME TO wisteria")
        assert httpx.get(f"{api}/readyz").status_code == 503
        page = metrics.read()
        terminate(process)
    assert page.value("database_errors_total", reason="not-migrated") > 0
    assert "afterglow_jobs{" not in page.text  # the database did not answer


def test_without_a_port_nothing_listens_and_nothing_is_counted(databases: Databases, server: Server) -> None:
    assert server.anyone.get("/livez").status_code == 200
    assert server.services.counts.requests == {}
    with running_server(database_url=databases.fresh("sqlite")) as (url, process):
        assert httpx.get(f"{url}/metrics").status_code == 404
        assert "Metrics:" not in terminate(process).out


def test_serve_refuses_a_port_of_the_metrics_that_it_cannot_use() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        line = f"cannot listen on 127.0.0.1:{port} for metrics: the port is in use: [^\n]+ AFTERGLOW_METRICS_PORT"
        assert_fails(afterglow("serve", metrics_port=port), line)
    line = "cannot listen on 203.0.113.1:9100 for metrics: it is not an IP address of this machine: see AFTERGLOW_METRICS_HOST"
    assert_fails(afterglow("serve", metrics_port="9100", metrics_host="203.0.113.1"), line)
    line = "AFTERGLOW_METRICS_PORT is 8000, the port of the API: choose another one"
    assert_fails(afterglow("serve", metrics_port="8000"), line, 78)


def test_the_metrics_are_served_on_ipv6(databases: Databases) -> None:
    metrics = Metrics()
    settings = {"database_url": databases.fresh("sqlite"), "metrics_host": "::1"} | metrics.for_server
    with running_server(**settings) as (_, process):
        assert httpx.get(f"http://[::1]:{metrics.port}/metrics").status_code == 200
        assert f"Metrics:  http://[::1]:{metrics.port}/metrics\n" in terminate(process).out
