"""Runs the convergence test for a given time, on either database, optionally with workers that are killed.

    uv run python -m tests.sync.long [--minutes 5] [--database postgresql] [--kill]

Each run has its own seed, which is printed; a run that fails prints its steps. With `--kill`, worker processes serve the
devices (two on PostgreSQL, one on SQLite), and a fifth of the pushes kill a worker: half of them between the commit and the
response, half at a random moment. The last line is the number of runs, steps and kills.
"""

import asyncio
import logging
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random, SystemRandom

from hypothesis import settings

from app.db import schema
from app.keyring.rotation import create_keyring
from app.settings import Settings
from tests import postgres
from tests.sync.backend import Backend, database_of, execute
from tests.sync.killable_backend import KillableBackend
from tests.sync.test_convergence import BOUNDED, run_convergence

RUNS = settings(BOUNDED, max_examples=10, derandomize=False)
RUNS_WITH_KILLS = settings(RUNS, max_examples=3)  # Hypothesis makes the first example as simple as possible


@contextmanager
def opened(kind: str, *, kills: bool, first_seed: int) -> Iterator[Backend]:
    """Open a backend on a fresh database."""
    with tempfile.TemporaryDirectory() as folder, postgres.running() as server:
        url, workers = f"sqlite:///{folder}/afterglow.db", 1
        if kind == "postgresql":
            asyncio.run(execute(server, "CREATE DATABASE afterglow"))
            url, workers = database_of(server, "afterglow"), 2
        schema.migrate(url)
        create_keyring(Path(folder) / "keys.json", generated=False)
        settings = Settings(database_url=url, keyring=Path(folder) / "keys.json")
        backend = KillableBackend(settings, workers, Random(first_seed)) if kills else Backend(settings)  # noqa: S311
        backend.open()
        with closing(backend):
            yield backend


def main(arguments: list[str]) -> None:
    """Run until the time is over."""
    parser = ArgumentParser(prog="tests.sync.long")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(2**32), help="Of the first run.")
    given = parser.parse_args(arguments)
    logging.disable()
    first_seed, steps, options = given.seed, 0, RUNS_WITH_KILLS if given.kill else RUNS
    with opened(given.database, kills=given.kill, first_seed=first_seed) as backend:
        until = time.monotonic() + 60 * given.minutes
        while time.monotonic() < until:
            print(f"seed {first_seed}", flush=True)  # noqa: T201 - a command prints
            steps += run_convergence(backend, options, first_seed)
            first_seed += 1
        kills = backend.kills if isinstance(backend, KillableBackend) else 0
    seeds = first_seed - given.seed
    runs = seeds * options.max_examples
    print(f"{seeds} seeds, {runs} runs, {steps} steps, {kills} workers killed: all converged")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
