"""Starting the program as its user would: as a process of its own, in an empty folder."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

SECONDS = 60


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
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
