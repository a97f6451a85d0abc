"""The time from the start of a server to its first answer, compared with an earlier commit.

    uv run python -m tests.bench.start --before 1c1eaad

The command is started as an operator starts it, on a database with its schema, until `/livez` answers; with two workers until
both are ready. Both commits take turns, and the medians of the rounds are compared: elapsed time, and CPU time of all
processes. Before the first round each commit is started once, which compiles it. All cores are used.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Annotated, Final, NamedTuple

import typer

from tests import postgres
from tests.bench import machine
from tests.bench.checks import tree_of
from tests.bench.world import ISSUER

BEFORE_BENCHMARKS: Final = "1c1eaad"
SECONDS: Final = 60
READY: Final = b"Application startup complete"
PRODUCTION: Final = {
    "ENV": "production",
    "ALLOW_SQLITE": "true",
    "ISSUER": ISSUER,
    "MAIL": "smtp",
    "MAIL_FROM": "hello@afterglow.example",
    "DRAIN_SECONDS": "0",
}


class Way(NamedTuple):
    """A way to start."""

    title: str
    database: str
    settings: dict[str, str]
    workers: int = 1


WAYS: Final = (
    Way("development, SQLite", "sqlite", {}),
    Way("production, SQLite", "sqlite", PRODUCTION),
    Way("production, PostgreSQL", "postgresql", PRODUCTION),
    Way("production, PostgreSQL, two workers", "postgresql", PRODUCTION, 2),
)


class Took(NamedTuple):
    """The elapsed time and CPU time of a start in milliseconds."""

    wall: float
    cpu: float


class Tree:
    """A checked-out commit, with its own database and keyring."""

    def __init__(self, root: Path, folder: Path, urls: dict[str, str]) -> None:
        self._root, self._folder, self._urls = root, folder, urls
        self._run("keys", "create", "keys.json")
        for url in urls.values():
            self._run("migrate", DATABASE_URL=url)

    def start(self, way: Way) -> Took:
        """Start the server once, and stop it."""
        port = machine.free_port()
        settings = self._environment(DATABASE_URL=self._urls[way.database], **way.settings)
        command = [*self._command, "serve", "--port", str(port), "--workers", str(way.workers)]
        log = self._folder / "log"
        with machine.running(command, settings, self._folder, log, cores=machine.EVERY_CORE) as process:
            began = time.perf_counter()
            while log.read_bytes().count(READY) < way.workers or not _lives(port):
                assert process.poll() is None, log.read_text()
                assert time.perf_counter() - began < SECONDS, log.read_text()
                time.sleep(0.002)
            return Took((time.perf_counter() - began) * 1e3, machine.cpu_seconds(process.pid) * 1e3)

    _command = (sys.executable, "-c", "from app.cli import main; main()")

    def _environment(self, **settings: str) -> dict[str, str]:
        own = {"KEYRING": str(self._folder / "keys.json")} | settings
        return {"PYTHONPATH": str(self._root), "PYTHONDONTWRITEBYTECODE": ""} | {
            f"AFTERGLOW_{name}": value for name, value in own.items()
        }

    def _run(self, *arguments: str, **settings: str) -> None:
        environment = os.environ | self._environment(**settings)
        command = [*self._command, *arguments]
        subprocess.run(command, env=environment, cwd=self._folder, check=True, stdout=subprocess.DEVNULL)


def _lives(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    with suppress(OSError):
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    return False


@contextmanager
def _trees(roots: list[Path]) -> Iterator[list[Tree]]:
    os.environ.pop(postgres.URL, None)
    with tempfile.TemporaryDirectory(prefix="start") as folder, postgres.running() as server:
        trees = []
        for number, root in enumerate(roots):
            own = Path(folder) / str(number)
            own.mkdir()
            subprocess.run(["psql", "-q", server, "-c", f"CREATE DATABASE start{number}"], check=True)
            urls = {
                "sqlite": f"sqlite:///{own}/world.db",
                "postgresql": re.sub("/postgres(?=[?])", f"/start{number}", server),
            }
            trees.append(Tree(root, own, urls))
        yield trees


def main(
    *,
    before: Annotated[str, typer.Option(help="The earlier commit.")] = BEFORE_BENCHMARKS,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each.")] = 7,
) -> None:
    """Measure the time to start."""
    print(f"| ms, since {before} | before | now | | processor before | now | |\n|---|--:|--:|--:|--:|--:|--:|")
    with tree_of(before) as old, _trees([old, Path.cwd()]) as (then, now):
        for way in WAYS:
            for tree in (then, now):
                tree.start(way)
            seen = [(then.start(way), now.start(way)) for _ in range(rounds)]
            cells = []
            for part in range(2):
                a, b = (median(each[tree][part] for each in seen) for tree in range(2))
                cells.append(f"{a:,.0f} | {b:,.0f} | {a / b:.2f} x")
            print(f"| {way.title} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
