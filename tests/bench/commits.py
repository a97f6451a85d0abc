"""Compares the CPU time of operations with that of earlier commits.

    uv run python -m tests.bench.commits --before e5b5cb5

Each commit serves its demo on a database of its own, in the environment of the present commit. One connection sends a
batch of requests to one server, then to the next, and the order changes from round to round. A batch takes some tens of
milliseconds, so that a change in the speed of the machine concerns all commits alike. The figures are medians: of the
server's CPU time per request in microseconds, and of the rounds' ratios of the present commit to an earlier one. A
commit that is compared with itself shows how exact the ratios are. On SQLite the CPU time includes the database.
"""

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from tests import postgres
from tests.bench import machine
from tests.bench.checks import tree_of
from tests.bench.custody import PROSE

LOGIN: Final = {"email": "ilse@example.com", "password": "one-quiet-morning"}
SECONDS: Final = 60
PULLED: Final = 1000
PUSHED: Final = 100
BATCHES: Final = {"get": 200, "list": 60, "post": 60, "patch": 60, "pull": 4, "push": 4}
"""How many requests of each operation a batch has."""
DRAFT: Final[dict[str, str]] = {
    "kind": "integration",
    "statement": "When my mother goes quiet, I stay, and I do not try to repair it.",
    "why": "Repairing is how I left the room without moving.",
    "domain": "relationships",
    "target_on": "2026-12-31",
}


class Served:
    """A started server, and requests to it of one person."""

    def __init__(self, port: int, pid: int, length: int) -> None:
        """Sign in, and push the records that are read and changed; `length` is that of their texts, or 0."""
        self._port, self._pid = port, pid
        self._length = length
        self._numbers = itertools.count()
        self._connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        self._token = ""
        self.sign_in()
        self._ids: list[str] = []
        for _ in range(PULLED // PUSHED):
            self._ids += self._push()

    def sign_in(self) -> None:
        """Get an access token, which lasts ten minutes, on a new connection."""
        self._connection.close()
        self._token = json.loads(self._send("POST", "/v1/auth/login", LOGIN))["access_token"]

    def cost(self, operation: str) -> float:
        """Send a batch of requests on a new connection; return the CPU time of each in microseconds."""
        self._connection.close()
        request: Callable[[], object] = getattr(self, f"_{operation}")
        request()
        count = BATCHES[operation]
        begun = machine.cpu_seconds(self._pid)
        for _ in range(count):
            request()
        return (machine.cpu_seconds(self._pid) - begun) / count * 1e6

    def _get(self) -> bytes:
        return self._send("GET", f"/v1/intentions/{self._ids[next(self._numbers) % PULLED]}")

    def _list(self) -> bytes:
        return self._send("GET", "/v1/intentions?limit=50")

    def _post(self) -> bytes:
        return self._send("POST", "/v1/intentions", {"id": str(uuid4())} | self._draft())

    def _patch(self) -> bytes:
        number = next(self._numbers)
        words = {"statement": f"I stay, for the {number}th time, and do not repair it."}
        return self._send("PATCH", f"/v1/intentions/{self._ids[number % PULLED]}", words, {"If-Match": "*"})

    def _pull(self) -> bytes:
        return self._send("GET", f"/v1/sync/changes?since=0&limit={PULLED}")

    def _push(self) -> list[str]:
        ids = [str(uuid4()) for _ in range(PUSHED)]
        ops = [{"op": "upsert", "collection": "intentions", "id": id, "set": self._draft()} for id in ids]
        self._send("POST", "/v1/sync/push", {"ops": ops})
        return ids

    def _draft(self) -> dict[str, str]:
        if not self._length:
            return DRAFT
        start = next(self._numbers) * self._length % (len(PROSE) - self._length)
        return DRAFT | {"why": PROSE[start : start + self._length]}

    def _send(self, method: str, path: str, content: Any = None, extra: dict[str, str] | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if content is not None:
            headers["Content-Type"] = "application/json"
        body = None if content is None else json.dumps(content).encode()
        self._connection.request(method, path, body, headers | (extra or {}))
        response = self._connection.getresponse()
        found = response.read()
        assert response.status < 300, (method, path, found)
        return found


@contextmanager
def _serving(root: Path, folder: Path, url: str, length: int) -> Iterator[Served]:
    """Start the server of a commit, with its demo, until the block ends."""
    port = machine.free_port()
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--demo", "--port", str(port)]
    environment = {
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "",
        "AFTERGLOW_KEYRING": str(folder / "keys.json"),
        "AFTERGLOW_DATABASE_URL": url,
    }
    log = folder / "log"
    with machine.running(command, environment, folder, log) as process:
        machine.await_listening(process, port, log)
        yield Served(port, process.pid, length)


@contextmanager
def _servers(roots: list[Path], database: str, length: int) -> Iterator[list[Served]]:
    os.environ.pop(postgres.URL, None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="commits")))
        server = stack.enter_context(postgres.running()) if database == "postgresql" else ""
        servers = []
        for number, root in enumerate(roots):
            own = folder / str(number)
            own.mkdir()
            url = f"sqlite:///{own}/afterglow.db"
            if server:
                subprocess.run(["psql", "-q", server, "-c", f"CREATE DATABASE commit{number}"], check=True)
                url = re.sub("/postgres(?=[?])", f"/commit{number}", server)
            servers.append(stack.enter_context(_serving(root, own, url, length)))
        yield servers


def main(
    *,
    before: Annotated[list[str], typer.Option(help="An earlier commit; can be repeated.")],
    after: Annotated[str, typer.Option(help="The later commit; by default the present files.")] = "",
    only: Annotated[str, typer.Option(help="The operations.")] = ",".join(BATCHES),
    databases: Annotated[str, typer.Option(help="The databases.")] = "sqlite,postgresql",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each operation.")] = 40,
    length: Annotated[int, typer.Option(min=0, max=2000, help="Characters of a record's text; 0: a short one.")] = 0,
) -> None:
    """Compare a commit with earlier ones."""
    with ExitStack() as stack:
        roots = [stack.enter_context(tree_of(commit)) for commit in [*before, *filter(None, [after])]]
        roots += [] if after else [Path.cwd()]
        for database in databases.split(","):
            late = after or "now"
            print(
                f"| {database} | {' | '.join(before)} | {late} | {' | '.join(f'{late} / {each}' for each in before)} |"
            )
            print(f"|---{'|--:' * (2 * len(before) + 1)}|")
            with _servers(roots, database, length) as servers:
                for operation in only.split(","):
                    print(f"| {operation} | {' | '.join(_cells(servers, operation, rounds))} |", flush=True)


def _cells(servers: list[Served], operation: str, rounds: int) -> list[str]:
    for server in servers:
        server.sign_in()
        server.cost(operation)
    costs: list[list[float]] = []
    for number in range(rounds):
        order = list(range(len(servers)))
        order = order[number % len(order) :] + order[: number % len(order)]
        found = {each: servers[each].cost(operation) for each in order[:: -1 if number % 2 else 1]}
        costs.append([found[each] for each in range(len(servers))])
    medians = [f"{median(each[column] for each in costs):,.0f}" for column in range(len(servers))]
    ratios = [f"{median(each[-1] / each[column] for each in costs):.3f}" for column in range(len(servers) - 1)]
    return medians + ratios


if __name__ == "__main__":
    typer.run(main)
