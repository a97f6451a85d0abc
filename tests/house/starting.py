"""Starting the program as its user would: as a process of its own, in an empty folder."""

import itertools
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2 as httpx

SECONDS = 60


PORTS_EACH = 1000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_turns = itertools.count(os.getpid())


def free_port() -> int:
    """Return a port that nobody listens on. Each worker of the tests has ports of its own, below those that the system
    gives out: of two servers that were told the same port, a test would ask the other one.
    """
    while True:
        port = 20_000 + _worker * PORTS_EACH + next(_turns) % PORTS_EACH
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def started(command: list[str], folder: Path, **environment: str) -> Iterator[str]:
    """Run a server in a folder until the block ends; yield its URL once it lives."""
    url = f"http://127.0.0.1:{free_port()}"
    kept = {name: value for name, value in os.environ.items() if not re.match("AFTERGLOW_", name)}
    with (folder / "output").open("w") as output:
        server = subprocess.Popen(
            [*command, "--port", url.rpartition(":")[2]],
            cwd=folder,
            env=kept | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + SECONDS
            while not lives(url):
                assert server.poll() is None, (folder / "output").read_text()
                assert time.monotonic() < deadline, (folder / "output").read_text()
                time.sleep(0.1)
            yield url
        finally:
            server.terminate()
            server.wait(SECONDS)


def lives(url: str) -> bool:
    """Say whether a server answers there."""
    try:
        return httpx.get(f"{url}/livez").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
