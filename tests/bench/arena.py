"""Runs a database with test data, and all contestants at the same time."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests import postgres
from tests.bench import machine
from tests.bench.contestants import HERE, Contestant
from tests.bench.load import Address, Round, ask, drive
from tests.bench.operations import Operation
from tests.bench.world import ISSUER, SECRET, TOKEN_SECONDS, World, new_world

DURABLE: Final = ("fsync=on", "full_page_writes=on", "synchronous_commit=on", "shared_buffers=512MB", "autovacuum=off")
"""A commit is on the disk before it is acknowledged; no vacuum runs during a round."""
WARM_SECONDS: Final = 0.3


@dataclass
class Runner:
    """A running contestant."""

    contestant: Contestant
    process: subprocess.Popen[bytes]
    port: int
    world: World
    log: Path

    @property
    def address(self) -> Address:
        """The address that it listens on."""
        return "127.0.0.1", self.port

    def check(self, operation: Operation) -> None:
        """Raise if a response is wrong."""
        if self.contestant.floor or self.contestant.plain:
            return
        conversations = operation.conversations(self.world.people, ours=self.contestant.ours)
        try:
            operation.check(ask(self.address, conversations[0]))
        except (AssertionError, OSError, KeyError) as error:
            error.add_note(
                f"{self.contestant.title}, {operation.title}: not the right answer\n{self.log.read_text()[-2000:]}"
            )
            raise

    def round(self, operation: Operation, seconds: float) -> tuple[Round, float]:
        """Put load on it; return the measured times and the CPU seconds."""
        if self.contestant.floor:
            return self._own_round(operation, seconds)
        people, ours = self.world.people, self.contestant.ours
        status = 200 if self.contestant.plain else operation.status
        drive(self.address, operation.conversations(people, ours=ours), WARM_SECONDS, status)
        before = machine.cpu_seconds(self.process.pid)
        seen = drive(self.address, operation.conversations(people, ours=ours), seconds, status)
        return seen, machine.cpu_seconds(self.process.pid) - before

    def _own_round(self, operation: Operation, seconds: float) -> tuple[Round, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = f"{operation.name} {seconds} {operation.people.start} {operation.people.stop}\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.log.read_text()
        said: dict[str, Any] = json.loads(answer)
        return Round(said["seconds"], said["waits"], said["failures"]), said["cpu"]


class Arena:
    """Runs contestants on databases of one kind."""

    def __init__(self, kind: str, folder: Path, server: str, stack: ExitStack) -> None:
        """Take the URL of a PostgreSQL server, or an empty string for SQLite."""
        self.kind, self._folder, self._server, self._stack = kind, folder, server, stack
        self._worlds = 0

    def world(self, sizes: Iterable[int]) -> World:
        """Create a database with test data."""
        self._worlds += 1
        if self.kind == "sqlite":
            return new_world(f"sqlite:///{self._folder}/world{self._worlds}.db", self._folder, [*sizes])
        name = f"world{self._worlds}"
        subprocess.run(["psql", "-q", self._server, "-c", f"CREATE DATABASE {name}"], check=True)
        return new_world(self._server.replace("/postgres?", f"/{name}?"), self._folder, [*sizes])

    def database_seconds(self) -> float:
        """Return the CPU seconds of the database; 0 for SQLite, which is part of the server."""
        return machine.cpu_seconds(self.postmaster) if self.postmaster else 0.0

    def slow(self, world: World, milliseconds: int) -> str:
        """Return a URL that reaches the database over a slow network."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="slow")))
        command = [sys.executable, "-m", "tests.bench.delay", str(folder), self._sockets, str(milliseconds)]
        self._stack.enter_context(
            machine.running(command, {}, Path.cwd(), self._folder / "delay.log", cores=machine.LOAD_CORE)
        )
        while not any(folder.iterdir()):
            time.sleep(0.05)
        return world.url.replace(self._sockets, str(folder))

    @property
    def _sockets(self) -> str:
        return self._server.partition("host=")[2]

    @property
    def postmaster(self) -> int:
        """The main process of PostgreSQL."""
        if self.kind == "sqlite":
            return 0
        return int((Path(self._sockets) / "data" / "postmaster.pid").read_text().split()[0])

    def start(self, contestant: Contestant, world: World, url: str = "", **settings: str) -> Runner:
        """Start a contestant on a database, by another URL if given; settings of our server can be changed."""
        port = machine.free_port()
        log = self._folder / f"{contestant.name}-{port}.log"
        url = url or world.url
        if self.kind == "sqlite" and not contestant.plain:  # one process owns a file
            copy = self._folder / f"{contestant.name}-{port}.db"
            shutil.copy(url.removeprefix("sqlite:///"), copy)
            url = f"sqlite:///{copy}"
            world = World(url, deepcopy(world.people), world.keyring)
        environment = {
            "DATABASE_URL": url,
            "PORT": str(port),
            "SECRET": SECRET,
            "NODE_ENV": "production",
            "AFTERGLOW_ENV": "production",
            "AFTERGLOW_DATABASE_URL": url,
            "AFTERGLOW_ALLOW_SQLITE": "true",
            "AFTERGLOW_KEYRING": str(world.keyring),
            "AFTERGLOW_ISSUER": ISSUER,
            "AFTERGLOW_HOSTS": "127.0.0.1",
            "AFTERGLOW_DRAIN_SECONDS": "0",
            "AFTERGLOW_ACCESS_SECONDS": str(TOKEN_SECONDS),
            "AFTERGLOW_MAIL": "smtp",
            "AFTERGLOW_MAIL_FROM": "hello@afterglow.example",
            "AFTERGLOW_DATABASE_POOL": "16",
        } | {f"AFTERGLOW_{name.upper()}": value for name, value in settings.items()}
        folder = self._node(contestant.name) if contestant.command[0] == "node" else Path.cwd()
        file = self._folder / f"{contestant.name}-{port}.json"
        values = {"port": port, "world": file, "workers": contestant.workers}
        command = [part.format_map(values) for part in contestant.command]
        if contestant.floor:
            file.write_text(json.dumps([(str(person.id), person.seqs) for person in world.people]), encoding="utf-8")
        cores = machine.SERVER_CORE if contestant.workers == 1 else machine.EVERY_CORE
        running = machine.running(command, environment, folder, log, listens=not contestant.floor, cores=cores)
        process = self._stack.enter_context(running)
        if not contestant.floor:
            machine.await_listening(process, port, log)
        return Runner(contestant, process, port, world, log)

    def _node(self, name: str) -> Path:
        folder = self._folder / name
        if not folder.exists():
            shutil.copytree(HERE / name, folder)
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
        return folder


@contextmanager
def arena(kind: str) -> Iterator[Arena]:
    """Prepare all that runs need; remove it at the end of the block."""
    os.environ.pop(postgres.URL, None)  # the CPU time of a server that runs elsewhere cannot be measured
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        machine.pin(0, machine.LOAD_CORE)  # what starts from here on shares it: the database
        server = stack.enter_context(postgres.running(*DURABLE)) if kind == "postgresql" else ""
        yield Arena(kind, folder, server, stack)
