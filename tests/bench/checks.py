"""Measures the cost of checks: of a signed-in request, compared with an earlier commit, and of our protocol, compared with uvicorn.

    uv run python -m tests.bench.checks --before 80f54ed

Both are microseconds of CPU time, measured alternately in one run: the median of the rounds, and of the differences between
consecutive rounds.
"""

import asyncio
import gc
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final

import typer
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.http import Response
from app.server.protocol import LimitedProtocol
from tests.bench import asking

BEFORE_SIGN_IN_CHECKS: Final = "80f54ed"
REQUESTS: Final = 2000
TOKEN: Final = "e" * 500
GET: Final = (
    "GET /v1/intentions/019aa2c4-7b00-7000-8000-00000000beef HTTP/1.1\r\nHost: api.example.org\r\n"
    f"Accept: application/json\r\nAccept-Encoding: gzip\r\nUser-Agent: phone/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
).encode()
BODY: Final = b'{"statement": "When my mother goes quiet, I stay, and I do not try to repair it."}'
POST: Final = (
    GET.replace(b"GET", b"POST")[:-2]
    + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    + BODY
)


class Transport(asyncio.Transport):
    """A transport that discards all data."""

    def write(self, data: Any) -> None:
        """Discard the data."""

    def close(self) -> None:
        """Do nothing."""

    def is_closing(self) -> bool:
        """Return False."""
        return False

    def pause_reading(self) -> None:
        """Do nothing."""

    def resume_reading(self) -> None:
        """Do nothing."""


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond after reading the body."""
    assert scope
    await receive()
    await Response(204).send(send)


async def _served(protocol: type[HttpToolsProtocol], content: bytes) -> float:
    config = uvicorn.Config(plain, http=protocol, log_config=None, access_log=False)
    config.load()
    connection = protocol(config, ServerState(), {})
    ground = socket.socket()
    connection.connection_made(Transport({"socket": ground}))
    gc.collect()
    gc.disable()
    began = time.process_time()
    for _ in range(REQUESTS):
        connection.data_received(content)
        await asyncio.gather(*connection.tasks)
    spent = time.process_time() - began
    gc.enable()
    connection.connection_lost(None)
    ground.close()
    return spent / REQUESTS * 1e6


def edge(rounds: int) -> None:
    """Compare our protocol with the one of uvicorn that it extends."""
    print("| bytes of | plain µs | ours µs | difference µs |\n|---|--:|--:|--:|")
    for name, content in {"a GET": GET, "a POST": POST}.items():
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            seen = [
                (loop.run(_served(HttpToolsProtocol, content)), loop.run(_served(LimitedProtocol, content)))
                for _ in range(rounds)
            ]
        cost = median(ours - theirs for theirs, ours in seen)
        print(f"| {name} | {median(a for a, _ in seen):.1f} | {median(b for _, b in seen):.1f} | {cost:.1f} |")


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """Check out an earlier commit until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", commit, "app", "migrations", "pyproject.toml"], check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def _started(tree: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, asking.__file__],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while process.stdout.readline() != "ready\n":
        assert process.poll() is None
    return process


def _round(process: "subprocess.Popen[str]") -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def signed_in(before: str, rounds: int) -> None:
    """Compare a signed-in read with that of an earlier commit."""
    with tree_of(before) as old:
        processes = _started(old), _started(Path.cwd())
        seen = [(_round(processes[0]), _round(processes[1])) for _ in range(rounds)]
        for process in processes:
            process.communicate()
    cost = median(now - then for then, now in seen)
    print("\n| GET one, signed in | before µs | now µs | difference µs |\n|---|--:|--:|--:|")
    print(f"| since {before} | {median(a for a, _ in seen):.1f} | {median(b for _, b in seen):.1f} | {cost:.1f} |")


def main(
    *,
    before: Annotated[str, typer.Option(help="The earlier commit.")] = BEFORE_SIGN_IN_CHECKS,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each.")] = 21,
) -> None:
    """Measure the cost of checks."""
    edge(rounds)
    signed_in(before, rounds)


if __name__ == "__main__":
    typer.run(main)
