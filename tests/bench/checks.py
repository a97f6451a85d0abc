"""What the checks cost: of a signed-in request, beside an earlier commit; and of the edge, beside plain uvicorn.

    uv run python -m tests.bench.checks --before 80f54ed

Both are processor time in this machine's microseconds, measured in turns within one run: the median of the rounds, and
of the differences between one round and the next.
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

BEFORE_THE_GATE: Final = "80f54ed"
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
    """Takes what is written, and forgets it."""

    def write(self, data: Any) -> None:
        """Forget it."""

    def close(self) -> None:
        """Nothing is open."""

    def is_closing(self) -> bool:
        """Never."""
        return False

    def pause_reading(self) -> None:
        """Go on."""

    def resume_reading(self) -> None:
        """Go on."""


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once, after the body."""
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
    """Measure the edge beside the protocol that it is made of."""
    print("| bytes of | plain µs | edge µs | guard µs |\n|---|--:|--:|--:|")
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
    """Have the tree of an earlier commit, for the length of the block."""
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
    """Measure reading one record, signed in, beside an earlier commit."""
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
    before: Annotated[str, typer.Option(help="The earlier commit.")] = BEFORE_THE_GATE,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each.")] = 21,
) -> None:
    """Measure what the checks cost."""
    edge(rounds)
    signed_in(before, rounds)


if __name__ == "__main__":
    typer.run(main)
