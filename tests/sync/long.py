"""The long run: the convergence test for as long as you like, on either database, with workers that are killed.

    uv run python -m tests.sync.long [--minutes 5] [--database postgresql] [--kill]

Each run of the test begins with a seed of its own; one that fails is printed, with its seed and its steps. With `--kill`
phones are served by processes of their own, two on PostgreSQL and one on SQLite, of which a fifth of all pushes kill one:
half of them between the commit and the answer, half at any moment. At the end it says how much was tried.
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
from tests.sync.mortal import MortalWorld
from tests.sync.test_convergence import BOUNDED, converges
from tests.sync.world import World, database_of, execute

RUNS = settings(BOUNDED, max_examples=10, derandomize=False)
DEADLY = settings(RUNS, max_examples=3)  # of which Hypothesis makes the first as simple as can be


@contextmanager
def opened(kind: str, *, kills: bool, begun: int) -> Iterator[World]:
    """Open a world on a fresh database."""
    with tempfile.TemporaryDirectory() as folder, postgres.running() as server:
        url, workers = f"sqlite:///{folder}/afterglow.db", 1
        if kind == "postgresql":
            asyncio.run(execute(server, "CREATE DATABASE afterglow"))
            url, workers = database_of(server, "afterglow"), 2
        schema.migrate(url)
        create_keyring(Path(folder) / "keys.json", generated=False)
        settings = Settings(database_url=url, keyring=Path(folder) / "keys.json")
        world = MortalWorld(settings, workers, Random(begun)) if kills else World(settings)  # noqa: S311
        world.open()
        with closing(world):
            yield world


def main(arguments: list[str]) -> None:
    """Run until the time is out."""
    parser = ArgumentParser(prog="tests.sync.long")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(2**32), help="Of the first run.")
    given = parser.parse_args(arguments)
    logging.disable()
    begun, steps, how = given.seed, 0, DEADLY if given.kill else RUNS
    with opened(given.database, kills=given.kill, begun=begun) as world:
        until = time.monotonic() + 60 * given.minutes
        while time.monotonic() < until:
            print(f"seed {begun}", flush=True)  # noqa: T201 - a command prints
            steps += converges(world, how, begun)
            begun += 1
        deaths = world.deaths if isinstance(world, MortalWorld) else 0
    seeds = begun - given.seed
    print(f"{seeds} seeds, {seeds * how.max_examples} runs, {steps} steps, {deaths} workers killed: all came to rest")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
