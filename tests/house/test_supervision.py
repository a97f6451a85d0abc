"""Supervision: a worker that cannot start leaves the others alone, and no signal ends a server without draining it."""

import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx2 as httpx
import pytest
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE

from app.keyring.rotation import create_keyring
from app.server.supervisor import Supervisor
from app.server.workers import MAX_START_SECONDS
from tests.conftest import Databases
from tests.house.commands import AFTERGLOW, SECONDS, afterglow_process, running_server, terminate
from tests.house.metrics_page import Metrics
from tests.house.starting import free_port
from tests.house.test_stopping import REST, start_sign_in
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("empty_folder")
KEYRING = Path("keys.json")
TWO = ("--workers", "2")


@pytest.fixture(autouse=True)
def _keyring(empty_folder: None) -> None:
    assert empty_folder is None
    create_keyring(KEYRING, generated=False)


def workers_of(process: "subprocess.Popen[str]") -> list[int]:
    """Return the ids of the workers of a server."""
    found = subprocess.run(
        ["pgrep", "-P", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def log_of(process: "subprocess.Popen[str]") -> str:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate(timeout=SECONDS)[1]


def test_a_worker_that_cannot_start_leaves_the_healthy_one_and_starts_later(databases: Databases) -> None:
    metrics = Metrics()
    settings = {"database_url": databases.fresh("postgresql"), "keyring": str(KEYRING)} | metrics.for_server
    with running_server(*TWO, **settings) as (url, process):
        wait_until(lambda: metrics.read().value("workers") == 2, SECONDS)
        good = KEYRING.read_bytes()
        KEYRING.write_bytes(b"wisteria")
        wait_until(lambda: metrics.read().value("keyring_faults") == 2, SECONDS)
        os.kill(workers_of(process)[0], signal.SIGKILL)
        wait_until(lambda: metrics.read().value("workers") == 1, SECONDS)
        for _ in range(50):  # long enough for a failed worker to wait for its next start
            assert process.poll() is None
            assert httpx.get(f"{url}/readyz").status_code == 200
            time.sleep(0.2)
        KEYRING.write_bytes(good)
        wait_until(lambda: metrics.read().value("workers") == 2, SECONDS)
        wait_until(lambda: metrics.read().value("keyring_faults") == 0, SECONDS)
        log = terminate(process).err
    assert '"event":"keyring-unreadable"' in log
    assert '"event":"keyring-refused"' in log


class FailedWorker:
    """A worker that has ended because it could not start."""

    exitcode = STARTUP_FAILURE
    process = multiprocessing.Process()


def test_a_worker_that_could_not_start_is_not_started_again_during_the_pause() -> None:
    supervisor = Supervisor(Config("tests.house.failing_app:create_app", workers=1), [])
    failed: Any = FailedWorker()
    supervisor.processes = [failed]
    vars(supervisor).update(_has_served=True, _start_at=time.monotonic() + MAX_START_SECONDS)
    supervisor.keep_subprocess_alive()
    assert supervisor.processes == [failed]
    assert not supervisor.has_failed


def test_a_keyring_that_others_can_read_is_an_error_while_running_and_refused_at_a_start(databases: Databases) -> None:
    settings = {"database_url": databases.fresh("sqlite"), "keyring": str(KEYRING)}
    with running_server(**settings) as (_, process):
        KEYRING.chmod(0o644)
        time.sleep(5)
        log = log_of(process)
    assert log.count('"event":"keyring-exposed"') == 1
    production = {"env": "production", "allow_sqlite": "true", "mail": "smtp", "issuer": "https://api.wisteria.example"}
    refused = afterglow_process("serve", "--port", str(free_port()), **settings, **production)
    assert refused.status == 78
    assert "which others can read or change" in refused.err


def test_a_worker_of_production_refuses_a_keyring_that_others_can_read(databases: Databases) -> None:
    url = databases.fresh("postgresql")
    settings = {"database_url": url, "keyring": str(KEYRING), "env": "production", "mail": "smtp", "drain_seconds": "0"}
    settings |= {"issuer": "https://127.0.0.1", "mail_from": "Afterglow <hello@wisteria.example>", "hosts": "127.0.0.1"}
    metrics = Metrics()
    with running_server(*TWO, **settings, **metrics.for_server) as (url, process):
        wait_until(lambda: metrics.read().value("workers") == 2, SECONDS)
        KEYRING.chmod(0o640)
        os.kill(workers_of(process)[0], signal.SIGKILL)
        time.sleep(8)
        assert process.poll() is None
        assert httpx.get(f"{url}/livez").status_code == 200
        log = log_of(process)
    assert '"event":"keyring-refused"' in log
    assert "which others can read or change" in log


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param("", id="after-answering"),
        pytest.param(
            "import sys, time\nif __name__ == '__mp_main__':\n    time.sleep(2)\n    sys.exit(3)\n",
            id="without-answering",
        ),
    ],
)
def test_a_server_whose_workers_all_fail_ends_with_an_error_status(beginning: str) -> None:
    script = beginning + (
        "from app.server.workers import run\n"
        "if __name__ == '__main__':\n"
        f"    run('tests.house.failing_app:create_app', host='127.0.0.1', port={free_port()}, workers=2,\n"
        "        drain_seconds=0, keep_alive_seconds=5, trusted_proxies=[])\n"
    )
    Path("start.py").write_text(script)
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "start.py"],
        check=False,
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=MAX_START_SECONDS / 2,
    )
    assert done.returncode == 3, done.stderr
    assert "No worker can start" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2], ids=lambda number: number.name)
def test_a_signal_does_not_end_a_single_server(databases: Databases, number: signal.Signals) -> None:
    settings = {"database_url": databases.fresh("sqlite"), "keyring": str(KEYRING)}
    with running_server(**settings) as (url, process), closing(start_sign_in(url)) as connection:
        process.send_signal(number)
        time.sleep(0.5)
        connection.sendall(REST)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        assert httpx.get(f"{url}/livez").status_code == 200
        assert terminate(process).status == 0


def use(url: str, seen: Counter[object], enough: Event) -> None:
    while not enough.is_set():
        try:
            seen[httpx.get(f"{url}/readyz", timeout=SECONDS).status_code] += 1
        except httpx.TransportError as error:
            seen[type(error)] += 1


@pytest.fixture
def seen() -> Counter[object]:
    return Counter()


def test_sighup_replaces_the_workers_without_losing_a_request(databases: Databases, seen: Counter[object]) -> None:
    settings = {"database_url": databases.fresh("postgresql"), "keyring": str(KEYRING), "drain_seconds": "0"}
    with running_server(*TWO, **settings) as (url, process), closing(start_sign_in(url)) as connection:
        wait_until(lambda: len(workers_of(process)) == 2, SECONDS)
        before, enough = {*workers_of(process)}, Event()
        for worker in before:
            os.kill(worker, signal.SIGHUP)  # as a terminal does that is closed
        time.sleep(0.5)
        assert {*workers_of(process)} == before
        process.send_signal(signal.SIGHUP)
        user = Thread(target=use, args=(url, seen, enough))
        user.start()
        time.sleep(1)
        connection.sendall(REST)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        wait_until(lambda: len(workers_of(process)) == 2 and before.isdisjoint(workers_of(process)), SECONDS)
        enough.set()
        user.join()
        assert terminate(process).status == 0
    assert seen[200] > 0


def test_workers_end_when_their_supervisor_is_killed(databases: Databases) -> None:
    settings = {"database_url": databases.fresh("postgresql"), "keyring": str(KEYRING), "drain_seconds": "0"}
    with running_server(*TWO, **settings) as (url, process):
        wait_until(lambda: len(workers_of(process)) == 2, SECONDS)
        workers = workers_of(process)
        process.kill()
        wait_until(lambda: all(map(has_ended, workers)), SECONDS)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/livez")


def test_a_worker_whose_supervisor_has_ended_before_it_could_ask_for_the_signal_stops() -> None:
    script = (
        "import multiprocessing, signal, sys, types\n"
        "from app.server.signals import end_with_supervisor\n"
        "end_with_supervisor()\n"
        "multiprocessing.parent_process = lambda: types.SimpleNamespace(pid=-1)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "end_with_supervisor()\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=SECONDS).returncode == 7


@pytest.mark.parametrize("umask", ["000", "022"])
def test_every_file_that_a_server_writes_is_private(databases: Databases, umask: str) -> None:
    assert databases
    port = free_port()
    shell = f"umask {umask}; exec {AFTERGLOW} serve --demo --port {port}"
    with subprocess.Popen(["sh", "-c", shell], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: _answers(port), SECONDS)
        files = [path for path in Path().iterdir() if path.name.startswith("afterglow")]
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
        process.terminate()
    assert {"afterglow.db", "afterglow.db-wal", "afterglow.db-shm", "afterglow-keys.json"} <= set(modes)
    assert set(modes.values()) == {0o600}


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
