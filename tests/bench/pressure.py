"""Many more connections than requests that can be in flight, and a database that answers late.

At saturation the fair wait of a request is the median. No request may fail, and none may wait more than twice that. With four
workers and a database 20 ms away, the rate must grow with the size of the pool; coalesced statements come on top.
"""

from dataclasses import dataclass, replace
from typing import Final

from tests.bench.arena import Arena, Runner
from tests.bench.contestants import Contestant
from tests.bench.operations import OPERATIONS
from tests.bench.rounds import Say
from tests.bench.world import World

CROWD: Final = 256
PATIENT: Final = 32
DELAY: Final = 20
WORKERS: Final = 4
POOLS: Final = (2, 4, 8)
ROUND_TRIPS: Final = {"get": 1, "post": 2}
"""Round trips to the database in one request."""
MOST: Final = 2.0
SCALES: Final = 0.8
"""The required share of the throughput of as many connections that each execute one statement after the other."""


@dataclass(frozen=True)
class Pressed:
    """The result of a round; waits in milliseconds."""

    title: str
    rate: float
    middle: float
    longest: float
    failures: int
    wanted: float = 0
    """The least rate; at saturation there is none, but a longest wait."""


def measure(arena: Arena, contestant: Contestant, world: World, *, seconds: float, say: Say) -> list[Pressed]:
    """Measure many connections, then the slow database with pools of several sizes."""
    found = []
    crowded = arena.start(contestant, world)
    for name in ("get", "list", "post", "patch"):
        say(f"pressure · {CROWD} connections · {OPERATIONS[name].title}")
        found.append(_pressed(crowded, name, CROWD, seconds, f"{CROWD} connections, {OPERATIONS[name].title}"))
    url = arena.slow(world, DELAY)
    several = replace(contestant, workers=WORKERS)
    for name in ("get", "post"):
        for pool in POOLS:
            wanted = SCALES * pool * WORKERS * 1000 / DELAY / ROUND_TRIPS[name]
            say(f"pressure · a database {DELAY} ms away · pool of {pool}")
            runner = arena.start(
                several, world, url, database_pool=str(pool), pool_seconds="30", statement_seconds="30"
            )
            title = f"{DELAY} ms away, {WORKERS} workers, pool of {pool}, {OPERATIONS[name].title}"
            found.append(replace(_pressed(runner, name, PATIENT, 2 * seconds, title), wanted=wanted))
            runner.process.terminate()
    return found


def _pressed(runner: Runner, name: str, connections: int, seconds: float, title: str) -> Pressed:
    seen, _ = runner.round(replace(OPERATIONS[name], connections=connections), seconds)
    waits = sorted(seen.waits)
    return Pressed(title, len(waits) / seen.seconds, waits[len(waits) // 2] * 1000, waits[-1] * 1000, seen.failures)


def markdown(found: list[Pressed]) -> str:
    """Return the result as Markdown."""
    lines = [
        "### Under pressure, PostgreSQL",
        "",
        "| | requests/s | wanted | median wait, ms | longest, of the median | failed | |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for each in found:
        ratio = each.longest / each.middle
        holds = not each.failures and (each.rate >= each.wanted if each.wanted else ratio <= MOST)
        lines.append(
            f"| {each.title} | {each.rate:,.0f} | {f'{each.wanted:,.0f}' if each.wanted else ''} | {each.middle:.1f} "
            f"| {ratio:.2f} | {each.failures} | {'met' if holds else '**not met**'} |"
        )
    return "\n".join(lines)
