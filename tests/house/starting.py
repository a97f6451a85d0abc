"""Starting a server as a user does: in a new process and an empty folder."""

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
"""The longest wait for a server to start or stop."""
PORTS_PER_WORKER = 1000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_turns = itertools.count(os.getpid())


def free_port() -> int:
    """Return a free port.

    Each pytest worker has its own range, below the system's ephemeral ports, so that two tests never get the same port.
    """
    while True:
        port = 20_000 + _worker * PORTS_PER_WORKER + next(_turns) % PORTS_PER_WORKER
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def started_server(command: list[str], folder: Path, **environment: str) -> Iterator[str]:
    """Run a server in a folder until the block ends; yield its URL once it answers."""
    url = f"http://127.0.0.1:{free_port()}"
    inherited = {name: value for name, value in os.environ.items() if not re.match("AFTERGLOW_", name)}
    with (folder / "output").open("w") as output:
        server = subprocess.Popen(
            [*command, "--port", url.rpartition(":")[2]],
            cwd=folder,
            env=inherited | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + SECONDS
            while not is_alive(url):
                assert server.poll() is None, (folder / "output").read_text()
                assert time.monotonic() < deadline, (folder / "output").read_text()
                time.sleep(0.1)
            yield url
        finally:
            server.terminate()
            server.wait(SECONDS)


def is_alive(url: str) -> bool:
    """Return whether a server answers at a URL."""
    try:
        return httpx.get(f"{url}/livez", verify=False).status_code == httpx.codes.OK  # loading certificates takes 30 ms
    except httpx.TransportError:
        return False
